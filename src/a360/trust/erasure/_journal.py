"""What an erasure is about, written down before it begins, so that whoever comes after can complete it.

It names people by their tokens alone. What is found by names in clear is found again from the records that
hold them, until these are gone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from a360.errors import OperatorError
from a360.files import sync_folder, write_whole

FOLDER: Final = "erasures"
_OWNER_ONLY: Final = 0o700
_BEGUN: Final = ".begun.json"

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
        rows: How many rows of each dataset there are.
        bytes: How many bytes of payload, as they were received.
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
    rows: dict[str, int] = field(default_factory=dict)
    bytes: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to erase."""
        return not (any(self.rows.values()) or self.envelopes or self.objects)


@dataclass(slots=True)
class Journal:
    """An erasure that has begun.

    `conditions` are those for rows that go for their age. `rows_commit` and `seals_commit` are the commits,
    in each table, that take rows out and that seal the others anew; `deleted` are the files that are gone,
    `destroyed` the keys.
    """

    erasure_id: str
    seals_commit: str
    begun_at: str
    by: str
    cause: str
    patients: list[str]
    found: Found
    conditions: dict[str, str] = field(default_factory=dict)
    deleted: list[Mapping[str, Any]] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)

    @property
    def rows_commit(self) -> str:
        """The commit that takes rows out: the erasure's own."""
        return self.erasure_id


class Journals:
    """The erasures of a lake: those that have begun, and the certificates of those that are done."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / FOLDER

    def begun(self) -> Sequence[Journal]:
        """The erasures that were begun and are not done, oldest first."""
        return list(self._begun())

    def _begun(self) -> Iterator[Journal]:
        for path in sorted(self.folder.glob(f"*{_BEGUN}")):
            try:
                told = json.loads(path.read_text())
                yield Journal(**{**told, "found": _found(told["found"])})
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise OperatorError(
                    "erasure-unreadable",
                    "The journal of an erasure cannot be read",
                    where=str(path),
                    found=type(error).__name__,
                    next_step="restore the file from a backup; until then nobody knows what is left to erase",
                ) from error

    def write(self, journal: Journal) -> None:
        """Write a journal down; it is on the disk when this returns."""
        self.folder.mkdir(mode=_OWNER_ONLY, exist_ok=True)
        write_whole(self.folder / f"{journal.erasure_id}{_BEGUN}", json.dumps(asdict(journal)))
        sync_folder(self.folder)

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
        """Let go of a journal: the erasure is done."""
        (self.folder / f"{journal.erasure_id}{_BEGUN}").unlink(missing_ok=True)
        sync_folder(self.folder)


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
