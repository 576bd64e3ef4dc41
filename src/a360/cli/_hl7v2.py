"""HL7 v2 messages converted for a look at them, and compared with what was expected."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from a360.cli._face import Face
from a360.cli._output import output as written
from a360.cli._text import plain
from a360.errors import OperatorError, UsageError
from a360.hl7v2 import Conversion, Note, Options, Reject, Score, Tally, parse_stream
from a360.hl7v2 import convert as converted
from a360.hl7v2 import score as scored

_DATA = 4
_LINES = msgspec.json.Encoder()
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+\Z")
_ZONE = re.compile(r"[+-](0\d|1[0-3]):[0-5]\d\Z")


@dataclass
class _Told:
    """What became of the messages, without a word of what they said."""

    messages: int = 0
    resources: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, Reject]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report for a program."""
        return {
            "messages": self.messages,
            "resources": dict(sorted(self.resources.items())),
            "notes": dict(sorted(self.notes.items())),
            "refused": [
                {
                    "file": name,
                    "message": reject.position,
                    "rule": reject.rule,
                    "segment": reject.segment,
                    "field": reject.field,
                    "detail": reject.detail,
                }
                for name, reject in self.refused
            ],
        }


def convert(
    face: Face,
    paths: list[Path],
    output: Path | None,
    *,
    authority: str | None,
    zone: str | None,
    systems: list[str],
) -> int | None:
    """Write the resources of messages, and tell how many there were and what was refused."""
    if face.as_json and output is None:
        raise UsageError(
            "usage", "--json tells about the resources, which need a place", next_step="name an --output FILE"
        )
    options = _options(authority, zone, systems)
    files = list(_files(paths))
    told = _Told()
    if output is None:
        _write(sys.stdout.buffer, files, options, told)
        sys.stdout.flush()
    else:
        with written(output.expanduser()) as stream:
            _write(stream, files, options, told)
    if face.as_json:
        face.emit(told.to_json())
    else:
        for line in _lines(told, output):
            face.note(line)
    return _DATA if told.refused else None


def score(face: Face, messages: Path, expected: Path, paths: int) -> int | None:
    """Tell precision and recall per type of message, what was left out and why, and what differs most."""
    for folder in (messages, expected):
        if not folder.expanduser().is_dir():
            raise _missing(folder)
    found = scored(messages.expanduser(), expected.expanduser())
    if not found.overall.messages:
        raise OperatorError(
            "input-missing",
            "There is nothing to compare",
            where=str(messages),
            found="no NAME.hl7 whose NAME-expected.json is in the other folder",
            next_step="name a folder of messages and one of the bundles expected of them",
        )
    face.emit(_score_json(found, paths), "\n".join(_score_lines(found, paths)))
    return None


def _options(authority: str | None, zone: str | None, systems: list[str]) -> Options:
    if zone is not None and not _ZONE.match(zone):
        raise UsageError("usage", "--zone is an offset", found=zone, next_step="write it as +01:00 or -05:00")
    if authority is not None and not _URI.match(authority):
        raise UsageError("usage", "--authority is a URI", found=authority, next_step="write it as https://…")
    pairs = [each.partition("=") for each in systems]
    for each, (name, _, uri) in zip(systems, pairs, strict=True):
        if not name or not _URI.match(uri):
            raise UsageError(
                "usage",
                "--system gives a name the URI it stands for",
                found=each,
                next_step="write it as CLINIC_MRN=https://…",
            )
    usual = Options()
    named = {name: uri for name, _, uri in pairs}
    return Options((authority or usual.authority).rstrip("/:"), zone or usual.zone, named)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        place = path.expanduser()
        if place.is_dir():
            yield from sorted(place.glob("*.hl7"))
        elif place.is_file():
            yield place
        else:
            raise _missing(path)


def _missing(path: Path) -> OperatorError:
    return OperatorError(
        "input-missing",
        "There is no such file or folder",
        where=str(path),
        next_step="name one that is there and may be read",
    )


def _write(stream: IO[bytes], files: list[Path], options: Options, told: _Told) -> None:
    for path in files:
        with path.open("rb") as source:
            for found in parse_stream(source):
                if isinstance(found, Note):
                    told.notes[found.rule] += 1
                    continue
                told.messages += 1
                if isinstance(found, Reject):
                    told.refused.append((path.name, found))
                else:
                    _convert(stream, path.name, converted(found, options), told)


def _convert(stream: IO[bytes], name: str, made: Conversion, told: _Told) -> None:
    told.refused += [(name, reject) for reject in made.rejects]
    told.notes.update(note.rule for note in made.notes)
    told.resources.update(resource["resourceType"] for resource in made.resources)
    stream.write(_LINES.encode_lines(made.resources))


def _lines(told: _Told, output: Path | None) -> Iterator[str]:
    total = told.resources.total()
    where = f" in {output}" if output else ""
    yield f"{told.messages} messages, {total} resources{where}"
    if told.notes:
        yield "notes: " + ", ".join(f"{rule} {times}" for rule, times in sorted(told.notes.items()))
    for name, reject in told.refused:
        yield f"refused: {plain(name)}, message {reject.position}: {reject}"


def _score_json(found: Score, paths: int) -> dict[str, Any]:
    return {
        "by_type": {kind: _tally_json(tally) for kind, tally in sorted(found.by_type.items())},
        "overall": _tally_json(found.overall),
        "excluded": dict(found.overall.excluded),
        "missing": dict(found.overall.missing.most_common(paths)),
        "extra": dict(found.overall.extra.most_common(paths)),
        "faults": list(found.faults),
    }


def _tally_json(tally: Tally) -> dict[str, Any]:
    return {
        "messages": tally.messages,
        "precision": round(tally.precision, 4),
        "recall": round(tally.recall, 4),
        "agreed": tally.agreed,
        "expected": tally.expected,
        "made": tally.made,
    }


def _score_lines(found: Score, paths: int) -> Iterator[str]:
    yield "type       messages precision  recall  agreed expected    made"
    for kind, tally in (*sorted(found.by_type.items()), ("overall", found.overall)):
        shares = f"{tally.precision:>9.3f} {tally.recall:>7.3f}"
        yield f"{kind:<10} {tally.messages:>8} {shares} {tally.agreed:>7} {tally.expected:>8} {tally.made:>7}"
    yield ""
    yield "left out of the comparison, on both sides:"
    for reason, times in found.overall.excluded.most_common():
        yield f"  {times:>6}  {reason}"
    for title, counted in (("missing", found.overall.missing), ("too much", found.overall.extra)):
        if paths:
            yield f"{title}:"
            yield from (f"  {times:>6}  {path}" for path, times in counted.most_common(paths))
    for fault in found.faults:
        yield f"not compared: {plain(fault)}"
