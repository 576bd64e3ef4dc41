"""What the commands of the group `contract` do."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a360.cli._face import Face, require_path
from a360.cli._output import write_output
from a360.cli._text import plain, tell
from a360.errors import OperatorError, UsageError

if TYPE_CHECKING:
    from a360.contract import LakeContracts
    from a360.contract.exchange import Draft

MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Target:
    """Where to write, and whether a file that is there may be replaced."""

    path: Path | None
    force: bool = False


@dataclass(frozen=True)
class Source:
    """What to import."""

    file: Path
    format: str
    name: str | None
    zone: str
    dialect: str


def schema(face: Face, kind: str | None, output: Path | None) -> int | None:
    """Print a schema, or write all of them."""
    # Each command imports what it needs, here and below.
    from a360.contract import default_contracts, editor_schemas  # noqa: PLC0415

    schemas = editor_schemas(face.settings.contracts or default_contracts())
    if kind is None and output is None:
        known = ", ".join(schemas)
        raise UsageError(
            "usage", "Which schema?", next_step=f"name one of {known}, or a folder with --output"
        )
    if kind is not None and output is None:
        sys.stdout.write(schemas[kind])
        return None
    place = (output or Path()).expanduser()
    if kind is not None:
        written = [_write(place, schemas[kind])]
    else:
        written = [_write(place / f"{each}.schema.json", text) for each, text in schemas.items()]
    face.emit({"written": written}, *(plain(path) for path in written))
    return None


def export(face: Face, name: str, format_: Any, dialect: str, target: Target) -> int | None:  # noqa: ANN401 - one of FORMATS, as typer checked
    """Write a contract in another format."""
    from a360.contract.exchange import DIALECTS, export_contract  # noqa: PLC0415

    if format_ == "sql" and dialect not in DIALECTS:
        raise UsageError(
            "usage",
            f"Contracts are not written in the dialect {dialect}",
            found=dialect,
            next_step=f"use one of: {', '.join(DIALECTS)}",
        )
    contracts = _contracts(face)
    dataset = contracts.datasets.get(name)
    if dataset is None:
        raise UsageError(
            "unknown-dataset",
            f"No contract declares {name}",
            found="declared are " + ", ".join(sorted(contracts.datasets)),
            next_step="write the name as zone.dataset",
        )
    made = export_contract(dataset, format_, dialect)
    if target.path is None and not face.as_json:
        sys.stdout.write(made.text)
    written = None
    if target.path is not None:
        place = target.path.expanduser()
        if not target.force:
            _require_free(place)
        written = _write(place, made.text)
    _lost(face, f"{format_} cannot say", made.lost)
    if written or face.as_json:
        answer = {
            "dataset": name,
            "format": format_,
            "written": written,
            "text": made.text,
            "lost": made.lost,
        }
        face.emit(answer, plain(written or ""))
    return None


def import_(face: Face, source: Source, target: Target) -> int | None:
    """Draft contracts from another format."""
    from a360.contract.exchange import import_contracts  # noqa: PLC0415

    format_: Any = source.format
    made = import_contracts(
        _text(source.file),
        format_,
        name=source.name or _dataset_name(source.file),
        zone=source.zone,
        dialect=source.dialect,
    )
    written = _write_drafts(face, made.drafts, target)
    _lost(face, "a contract does not take over", made.lost)
    if face.as_json:
        drafts = [{"dataset": each.dataset, "text": each.text} for each in made.drafts]
        face.emit({"drafts": drafts, "written": written, "lost": made.lost})
    return None


def infer(
    face: Face,
    file: Path,
    name: str | None,
    zone: str,
    header: bool | None,  # noqa: FBT001 - a flag that may be left unsaid
    target: Target,
) -> int | None:
    """Draft a contract from data."""
    from a360.draft import infer as inferred  # noqa: PLC0415

    made = inferred(file.expanduser(), name=name, zone=zone, header=header)
    written = _write_drafts(face, [made.draft], target)
    if face.as_json:
        answer = {
            "dataset": made.draft.dataset,
            "rows": made.rows,
            "key": made.key,
            "vocabularies": made.vocabularies,
            "notes": made.notes,
            "written": written,
            "text": made.draft.text,
        }
        face.emit(answer)
        return None
    for note in made.notes:
        tell(plain(f"note: {note}"))
    key = ", ".join(made.key) or "none found"
    tell(plain(f"{made.draft.dataset}: {made.rows} rows, key {key}. Sensitivities are for a person to say."))
    return None


def _contracts(face: Face) -> "LakeContracts":
    from a360.contract import default_contracts, load_contracts  # noqa: PLC0415

    return load_contracts(face.settings.contracts or default_contracts(), packs=face.settings.packs)


def _text(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read(MAX_BYTES)
    file = file.expanduser()
    require_path([file])
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageError("usage", "The file is too large for a declaration", where=str(file))
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            "input-missing", "The file cannot be read as text", where=str(file), found=type(error).__name__
        ) from None


def _dataset_name(file: Path) -> str:
    letters = "".join(each if each.isalnum() else "_" for each in file.name.split(".")[0].lower())
    return letters.strip("_") or "unnamed"


def _write_drafts(face: Face, drafts: Sequence["Draft"], target: Target) -> list[str]:
    """Drafts go into a folder of contracts, or one after the other to standard output."""
    if target.path is None:
        if not face.as_json:
            sys.stdout.write("---\n".join(draft.text for draft in drafts))
        return []
    folder = target.path.expanduser()
    if len(drafts) == 1 and folder.suffix in {".yaml", ".yml"}:
        places = [folder]
    else:
        places = [folder / draft.path for draft in drafts]
    if not target.force:
        for place in places:
            _require_free(place)
    written = [_write(place, draft.text) for place, draft in zip(places, drafts, strict=True)]
    if not face.as_json:
        for path in written:
            face.out.print(plain(path))
    return written


def _require_free(path: Path) -> None:
    if path.exists():
        raise UsageError(
            "usage", "The file is there already", where=str(path), next_step="give --force to replace it"
        )


def _write(path: Path, text: str) -> str:
    """Declarations tell of no patient, and are for all who work on them."""
    return str(write_output(path, text, private=False, make_folders=True))


def _lost(face: Face, what: str, lost: Iterable[str]) -> None:
    for each in lost:
        face.note(f"{what}: {each}")
