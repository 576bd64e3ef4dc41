"""Vocabularies: loaded, listed, and codes looked up in them."""

from collections.abc import Sequence
from pathlib import Path

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain
from a360.cli._vocabulary_notes import missing_notes
from a360.errors import DataError

_VERSIONS = ("kind", "name", "version", "current", "codes", "licence", "loaded_from")


def load(face: Face, kind: str, path: Path | None, version: str | None, *, beside: bool) -> int | None:
    """Load a version, and say what became of it."""
    with face.lake() as lake:
        loaded = lake.load_vocabulary(kind, path, version=version, current=not beside)
    names = ["kind", "name", "version", "codes", "became", "seconds"]
    told = [each.to_json() for each in loaded]
    body = [[each[name] for name in names] for each in told]
    after = (
        "Next: a360 run" if any(each.became == "loaded" for each in loaded) else "Nothing was to be loaded."
    )
    face.emit(told, render.grid(names, body), after)
    return None


def list_versions(face: Face) -> int | None:
    """List versions, and what the contracts look codes up in that is not there."""
    with face.lake() as lake:
        rows, notes = lake.terminology.versions(), missing_notes(lake)
    told = [{**row, "known_at": row["known_at"].isoformat()} for row in rows]
    body = [[row["is_current"] if name == "current" else row[name] for name in _VERSIONS] for row in rows]
    shown = render.grid(_VERSIONS, body, raw=False) if rows else "No vocabulary is loaded."
    face.emit(told, shown)
    for note in notes:
        face.note(note)
    return None


def use(face: Face, name: str, version: str) -> int | None:
    """Make a version current."""
    with face.lake() as lake:
        used = lake.use_vocabulary(name, version)
    said = "is current now" if used.became == "made current" else "was current already"
    face.emit(used.to_json(), plain(f"{used.name} {used.version} {said}"))
    return None


def show(face: Face, system: str, code: str) -> int | None:
    """Show a code, version by version."""
    with face.lake() as lake:
        rows = lake.terminology.show(system, code)
    told = [{**row, "known_at": row["known_at"].isoformat()} for row in rows]
    if not rows:
        face.emit(told, f"{plain(system)} has no code {plain(code)}.")
        return DataError.exit_code
    names = ["version", "is_current", "code", "display", "level", "parent_code", "parent_display"]
    names += ["is_billable"]
    body = [[row[name] for name in names] for row in rows]
    face.emit(told, render.grid(names, body))
    return None


def expand(face: Face, value_set: str) -> int | None:
    """List the members of a value set."""
    with face.lake() as lake:
        row, members = lake.terminology.expand(value_set)
    told = {"value_set": row["uri"], "version": row["version"], "members": members}
    body = [[each["code"], each["display"], each["system"]] for each in members]
    face.emit(
        told,
        render.grid(["code", "display", "system"], body, widest=70),
        f"{number(len(members))} codes of {plain(row['name'])} {plain(row['version'])}",
    )
    return None


def validate(face: Face, name: str, codes: Sequence[str]) -> int | None:
    """Say of each code whether it belongs to a vocabulary."""
    with face.lake() as lake:
        row, answers = lake.terminology.validate(name, codes)
    told = {"kind": row["kind"], "uri": row["uri"], "version": row["version"], "codes": answers}
    body = [[each["code"], each["valid"], each["display"]] for each in answers]
    face.emit(told, render.grid(["code", "valid", "display"], body, widest=70))
    return None if all(each["valid"] for each in answers) else DataError.exit_code
