"""What the readings of records have in common: one file's portion at a time, each file of one record type."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from a360.contract import ReceptionPlan
from a360.ingest._bytes import ArchiveError, ByteSource
from a360.ingest._envelope import Identity
from a360.ingest._inputs import Input
from a360.ingest._limits import Limits
from a360.ingest._record_rows import Lines, worked_records
from a360.ingest._retyped import retyped
from a360.ingest._rules import Refused, Rule
from a360.ingest._worked import Worked
from a360.records import Drift, listed


class Pieces:
    """The bytes of a file up to where it can be unpacked; `broken` says why no further."""

    def __init__(self, source: ByteSource) -> None:
        self._pieces = source.pieces()
        self.broken: ArchiveError | None = None

    def __iter__(self) -> Iterator[bytes]:
        """The pieces."""
        try:
            yield from self._pieces
        except ArchiveError as error:
            self.broken = error

    def is_whole(self) -> bool:
        """Whether nothing has been found broken yet."""
        return self.broken is None

    def refused(self, file: int, offset: int) -> Iterator[Refused]:
        """What is lost of the file, if anything is."""
        if self.broken is not None:
            reason = f"{self.broken}; what comes after this is lost"
            yield Refused(file, offset, self.broken.rule, reason, b"")


@dataclass(slots=True)
class Books:
    """What a reading of records works with, and what it has to say about files.

    Labels and receptions are those of the files, in their order.
    """

    files: Sequence[Input]
    labels: Sequence[str]
    receptions: Sequence[ReceptionPlan]
    identity: Identity
    limits: Limits
    remarks: list[str]

    def worked(
        self, lines: Lines, *, read: int, refused: Sequence[Refused], filtered: int = 0
    ) -> tuple[Worked, ...]:
        """What lands of a portion; `read` and `filtered` count rows as they stood in the file."""
        reception, files = self.receptions[lines.file], len(self.files)
        landed = worked_records(
            lines, reception, self.identity, files=files, read=read, filtered=filtered, refused=refused
        )
        return (landed,)

    def retyped(self, file: int, payloads: Callable[[], pa.Array], head: bytes) -> Refused | None:
        """Refuse a file whose first rows have values of other types, where the contract says so."""
        reception = self.receptions[file]
        columns = retyped(reception, payloads()) if reception.drift.retyped == "refuse" else ""
        reason = f"columns have values of another type than the contract's: {columns}"
        return Refused(file, 0, Rule.DRIFT, reason, head) if columns else None

    def drifted(self, file: int, drift: Drift, head: bytes) -> Refused | None:
        """Note how the columns of a file differ, or refuse it."""
        if drift.refused:
            return Refused(file, 0, Rule.DRIFT, drift.refused, head)
        label, found = self.labels[file], []
        if drift.added:
            found.append(f"kept columns that the contract does not know: {listed(drift.added)}")
        if drift.renamed:
            renamed = (f"{name} as {other}" for name, other in drift.renamed.items())
            found.append(f"read columns under other names: {listed(renamed)}")
        if drift.dropped:
            found.append(f"columns are missing: {listed(drift.dropped)}")
        self.remarks += [f"{label}: {each}" for each in found]
        return None
