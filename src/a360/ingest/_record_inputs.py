"""Which files of records an ingest reads, and of what type each is: by their names, as contracts tell."""

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from a360.contract import ReceptionPlan
from a360.errors import UsageError
from a360.ingest._inputs import Input, named
from a360.ingest._manifests import walk
from a360.protect import Tokenizer, domains

_PACKED: Final = re.compile(r"(?i)\.(gz|gzip|zst|zstd)$")
_SUFFIXES: Final = {
    "csv": frozenset({".csv", ".tsv", ".psv", ".tab", ".txt"}),
    "parquet": frozenset({".parquet", ".pq"}),
    "events": frozenset({".ndjson", ".jsonl", ".json"}),
}
# Names that are made of the contract's own words and of numbers that are dates or counters tell of nobody.
_NUMBER: Final = r"(?:(?:19|20)\d{6}|\d{1,6})"
_NUMBERS: Final = rf"{_NUMBER}?(?:[._-]{_NUMBER})*"
_TOKEN_DIGITS: Final = 16


def find_records(
    paths: Iterable[Path | str], kind: str, receptions: Sequence[ReceptionPlan], record: str | None
) -> tuple[list[Input], list[ReceptionPlan], int]:
    """The files to read with the type of each, and how many files of the named folders are none.

    Raises:
        UsageError: `record-unknown` where no contract knows a file, several do, or there is no such record.
        OperatorError: `input-missing` where a path is neither a file nor a folder, or cannot be read.
    """
    able = [each for each in receptions if kind in each.kinds]
    told = _named(able, record, kind) if record else None
    found: dict[Path, tuple[Input, ReceptionPlan]] = {}
    skipped = 0
    for path in map(Path, paths):
        if path.is_dir():
            for here, left_out in walk(path):
                skipped += left_out
                for each in here:
                    reception = _of_folder(each, kind, able, told)
                    if reception is None:
                        skipped += 1
                    else:
                        found.setdefault(each.resolve(), (Input(each), reception))
        else:
            found.setdefault(path.resolve(), (named(path), told or _of_file(path, kind, able)))
    return [file for file, _ in found.values()], [each for _, each in found.values()], skipped


def record_labels(
    files: Sequence[Input], receptions: Sequence[ReceptionPlan], tokenizer: Tokenizer
) -> list[str]:
    """What each file is called in the lake: its name where that tells of nobody, else a token."""
    paths = [os.fsencode(each.path.resolve()) for each in files]
    tokens = tokenizer.tokens(domains.FILE, pa.array(paths, pa.binary())).to_pylist()
    return [
        _label(each.path.name, reception, token)
        for each, reception, token in zip(files, receptions, tokens, strict=True)
    ]


def _label(name: str, reception: ReceptionPlan, token: str) -> str:
    packed = _PACKED.search(name)
    plain = name[: packed.start()] if packed else name
    suffix = next(
        (each for each in frozenset().union(*_SUFFIXES.values()) if plain.lower().endswith(each)), ""
    )
    stem = plain[: len(plain) - len(suffix)]
    ending = (suffix + (packed.group(0) if packed else "")).lower()
    words = {_word(pattern) for pattern in reception.files} | {reception.name}
    harmless = any(re.fullmatch(rf"(?i){re.escape(word)}{_NUMBERS}", stem) for word in words if word)
    return name if harmless else f"file-{token[:_TOKEN_DIGITS]}{ending}"


def _word(pattern: str) -> str:
    """What a pattern says in plain letters before anything that varies."""
    return re.split(r"[*?]|\.[a-z]+$", pattern, maxsplit=1)[0].rstrip("._-")


def _matching(name: str, receptions: Iterable[ReceptionPlan]) -> list[ReceptionPlan]:
    names = {name.lower(), _PACKED.sub("", name).lower()}
    return [
        each
        for each in receptions
        if any(fnmatch.fnmatchcase(name, pattern.lower()) for pattern in each.files for name in names)
    ]


def _of_folder(
    path: Path, kind: str, able: Sequence[ReceptionPlan], told: ReceptionPlan | None
) -> ReceptionPlan | None:
    """The type of a file in a folder, `told` where its name is not to say it; None where it is no data."""
    plain = _PACKED.sub("", path.name).lower()
    others = {suffix for other, each in _SUFFIXES.items() if other != kind for suffix in each}
    if plain.endswith(tuple(others - _SUFFIXES[kind])):
        return None
    is_data, fitting = plain.endswith(tuple(_SUFFIXES[kind])), _matching(path.name, able)
    if told:
        return told if is_data or told in fitting else None
    if len(fitting) > 1:
        raise _ambiguous(path, fitting)
    if is_data and not fitting:
        raise _unknown(path, kind, able)
    return fitting[0] if fitting else None


def _of_file(path: Path, kind: str, able: Sequence[ReceptionPlan]) -> ReceptionPlan:
    fitting = _matching(path.name, able)
    if len(fitting) > 1:
        raise _ambiguous(path, fitting)
    if not fitting:
        raise _unknown(path, kind, able)
    return fitting[0]


def _named(able: Sequence[ReceptionPlan], record: str, kind: str) -> ReceptionPlan:
    for each in able:
        if each.name == record:
            return each
    raise UsageError(
        "record-unknown",
        f"No contract declares records {record} that come as {kind}",
        found=f"declared are {', '.join(each.name for each in able) or 'none'}",
        next_step="name one of these with --record, or add a contract with a360.source",
    )


def _unknown(path: Path, kind: str, able: Sequence[ReceptionPlan]) -> UsageError:
    return UsageError(
        "record-unknown",
        "No contract says what records a file holds",
        where=str(path),
        found=f"file names that contracts know as {kind}: {_patterns(able) or 'none'}",
        next_step="rename the file, say --record NAME, or add its name to a360.source in a contract",
    )


def _ambiguous(path: Path, fitting: Sequence[ReceptionPlan]) -> UsageError:
    return UsageError(
        "record-unknown",
        "Several contracts claim a file",
        where=str(path),
        found=_patterns(fitting),
        next_step="say --record NAME, or make the file names in the contracts differ",
    )


def _patterns(receptions: Iterable[ReceptionPlan]) -> str:
    return "; ".join(f"{each.name} ({', '.join(each.files)})" for each in receptions)
