"""What an erasure is about, written down before it begins, so that whoever comes after can complete it.

It names people by their tokens alone; ids in clear that it was given stand in it sealed, under a key that
goes with the erasure. A journal is one line of what is to be done, and one for each step that was told since.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from a360.errors import OperatorError
from a360.files import sync_folder, write_whole

FOLDER: Final = "erasures"
_OWNER_ONLY: Final = 0o700
_BEGUN: Final = ".begun.jsonl"

type Row = tuple[str, int]
"""An envelope: the batch it came with, and its place in it."""


@dataclass(slots=True)
class Found:
    """All that is to go.

    Attributes:
        envelopes: The rows of each table of envelopes.
        lines: The lines of each block, by table, that are left blank.
        masked: The lines that go on without naming the patients.
        persons: Where the patients' own records lie, by block and line, with their sources.
        units: Source, kind and id of resources and records of which nothing stays.
        contents: Digests of content by which the lake would not know whose it is.
        refused: The digests of the sealed payloads of refused rows, by table.
        files: The batch and label of files of which nothing stays.
        objects: The files beside the tables.
        keys: The data keys under which any of it is sealed.
        unnamed: How many patients the lake knows by their keys alone: no text can be searched for them.
        rows: How many rows of each dataset there are.
    """

    envelopes: dict[str, list[Row]] = field(default_factory=dict)
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    masked: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    persons: list[tuple[str, str, int]] = field(default_factory=list)
    units: list[tuple[str, str, str]] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    files: list[tuple[str, str]] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    unnamed: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (any(self.rows.values()) or self.envelopes or self.objects)


@dataclass(slots=True)
class Journal:
    """An erasure that has begun.

    `conditions` are those for rows that go for their age. `rows_commit` and `seals_commit` are the commits,
    in each table, that take rows out and that seal the others anew. `names` are the ids in clear that it was
    given, by source, sealed.

    What was told since: `closing`, that things go for good from there on; `destroyed`, keys that are gone or
    about to be; `deleted`, files that are; `purged`, tables whose past is.
    """

    erasure_id: str
    seals_commit: str
    begun_at: str
    by: str
    cause: str
    patients: list[str]
    found: Found
    conditions: dict[str, str] = field(default_factory=dict)
    names: str | None = None
    closing: bool = False
    destroyed: dict[str, None] = field(default_factory=dict)
    deleted: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    purged: dict[str, None] = field(default_factory=dict)
    length: int = 0

    @property
    def rows_commit(self) -> str:
        """The commit that takes rows out: the erasure's own."""
        return self.erasure_id

    @property
    def commits(self) -> frozenset[str]:
        """The ids of its commits."""
        return frozenset({self.rows_commit, self.seals_commit})

    def head(self) -> dict[str, Any]:
        """What is to be done, as JSON."""
        told = asdict(self)
        return {name: value for name, value in told.items() if name not in _TOLD}

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take in what was told of a step."""
        self.closing = self.closing or bool(entry.get("closing"))
        self.destroyed |= dict.fromkeys(entry.get("destroyed", ()))
        self.deleted |= {each["path"]: each for each in entry.get("deleted", ())}
        self.purged |= dict.fromkeys(entry.get("purged", ()))


_TOLD: Final = frozenset({"closing", "destroyed", "deleted", "purged", "length"})


class Journals:
    """The erasures of a lake: those that have begun, and the certificates of those that are done."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / FOLDER

    def begun(self) -> Sequence[Journal]:
        """The erasures that were begun and are not done, oldest first."""
        return list(self._begun())

    def destroyed_keys(self) -> Iterator[str]:
        """The keys that erasures have destroyed, or were about to.

        Raises:
            OperatorError: `erasure-unreadable`.
        """
        for journal in self._begun():
            yield from journal.destroyed
        for path in sorted(self.folder.glob("*.json")):
            try:
                told = json.loads(path.read_bytes())["destroyed_keys"]
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise OperatorError(
                    "erasure-unreadable",
                    "The certificate of an erasure cannot be read",
                    where=str(path),
                    found=type(error).__name__,
                    next_step="restore the file from a backup: it says which keys were destroyed",
                ) from error
            yield from map(str, told)

    def _begun(self) -> Iterator[Journal]:
        for path in sorted(self.folder.glob(f"*{_BEGUN}")):
            try:
                yield _read(path.read_bytes())
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise OperatorError(
                    "erasure-unreadable",
                    "The journal of an erasure cannot be read",
                    where=str(path),
                    found=type(error).__name__,
                    next_step="restore the file from a backup; until then nobody knows what is left to erase",
                ) from error

    def write(self, journal: Journal) -> None:
        """Write down what is to be done; it is on the disk when this returns."""
        self.folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        line = _line(journal.head())
        write_whole(self._path(journal), line)
        sync_folder(self.folder)
        journal.length = len(line)

    def note(self, journal: Journal, **entry: object) -> None:
        """Tell of a step before it is taken; it is on the disk when this returns."""
        journal.take(entry)
        line = _line(entry)
        with self._path(journal).open("r+b") as stream:
            # What follows was being written when somebody died, and says nothing.
            stream.truncate(journal.length)
            stream.seek(journal.length)
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        journal.length += len(line)

    def certificate(self, erasure_id: str) -> Path:
        """Where the certificate of an erasure lies."""
        return self.folder / f"{erasure_id}.json"

    def certify(self, erasure_id: str, content: str, note: str) -> None:
        """Put a certificate beside the journal, and the note that signs it beside that."""
        path = self.certificate(erasure_id)
        write_whole(path.with_suffix(".note"), note)
        write_whole(path, content)
        sync_folder(self.folder)

    def end(self, journal: Journal) -> None:
        """Let go of a journal: the erasure is done, or will not be."""
        self._path(journal).unlink(missing_ok=True)
        sync_folder(self.folder)

    def _path(self, journal: Journal) -> Path:
        return self.folder / f"{journal.erasure_id}{_BEGUN}"


def _line(told: Mapping[str, object]) -> bytes:
    return json.dumps(told).encode() + b"\n"


def _read(content: bytes) -> Journal:
    """A journal; a last line that does not end is of a step that was never taken."""
    length = content.rfind(b"\n") + 1
    head, *entries = map(json.loads, content[:length].splitlines())
    journal = Journal(**{**head, "found": _found(head["found"])}, length=length)
    for entry in entries:
        journal.take(entry)
    return journal


def _found(told: Mapping[str, Any]) -> Found:
    found = Found(**told)
    found.envelopes = {
        name: [(commit_id, arrival) for commit_id, arrival in rows]
        for name, rows in told["envelopes"].items()
    }
    found.persons = [(source, block_id, position) for source, block_id, position in told["persons"]]
    found.units = [(source, kind, each) for source, kind, each in told["units"]]
    found.files = [(commit_id, file) for commit_id, file in told["files"]]
    return found
