"""Where worked portions land: duplicates told apart, payloads put into blocks, rows staged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from a360.engine import StagedFile, discard
from a360.failpoints import failpoint
from a360.ingest._blocks import BlockBuilder
from a360.ingest._committed import FHIR, Ground
from a360.ingest._digests import KnownContents
from a360.ingest._known import content_keys
from a360.ingest._limits import Limits
from a360.ingest._rules import Refused
from a360.ingest._worked import Worked
from a360.protect import BatchSealer, quarantine_context

if TYPE_CHECKING:
    from a360.table import Tables

type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mark:
    """What every row of the batch bears."""

    commit_id: str
    source: str
    known_at: datetime


@dataclass(slots=True)
class Tally:
    """Counts by file, each counted where it happens."""

    read: Ints
    landed: Ints
    quarantined: Ints
    duplicates: Ints
    filtered: Ints

    @classmethod
    def of(cls, files: int) -> "Tally":
        """All zero."""
        return cls(*(np.zeros(files, dtype=np.int64) for _ in range(5)))


@dataclass(slots=True)
class Staged:
    """Data files that await their commit, and how many rows they hold."""

    blocks: list[StagedFile] = field(default_factory=list)
    refused: list[StagedFile] = field(default_factory=list)
    envelopes: list[StagedFile] = field(default_factory=list)


class Landing:
    """Takes worked portions onto one ground, in order; used by one thread."""

    def __init__(
        self,
        tables: "Tables",
        mark: Mark,
        labels: Sequence[str],
        known: KnownContents,
        records: BatchSealer,
        limits: Limits,
        ground: Ground = FHIR,
    ) -> None:
        self.ground = ground
        self.known = known
        self.tally = Tally.of(len(labels))
        self.beside = Tally.of(len(labels))
        self.staged = Staged()
        self._tables = tables
        self._mark = mark
        self._labels = labels
        self._records = records
        self._limits = limits
        self._arrivals = 0
        self._envelopes: list[pa.Table] = []
        self._blocks: list[dict[str, object]] = []
        self._block_bytes = 0
        self._refused: list[dict[str, object]] = []
        self._refused_bytes = 0

    def take(self, worked: Worked, builder: BlockBuilder, waiting: int) -> None:
        """Land a portion; `waiting` is how many blocks may still be in the making."""
        self._take(worked, builder, waiting, self.tally)
        if worked.beside is not None:
            self._take(worked.beside, builder, waiting, self.beside)

    def _take(self, worked: Worked, builder: BlockBuilder, waiting: int, tally: Tally) -> None:
        files = len(self._labels)
        tally.read += worked.read
        tally.filtered += worked.filtered
        for refused in worked.refused:
            tally.quarantined[refused.file] += 1
            self._refuse(refused)
        if not len(worked.envelope):
            return
        keys = content_keys(worked.envelope, self.ground)
        new = self.known.add(keys, worked.envelope["content_hash"])
        tally.duplicates += np.bincount(worked.file[~new], minlength=files)
        tally.landed += np.bincount(worked.file[new], minlength=files)
        self._envelopes.append(self._placed(worked, new, builder))
        self._take_blocks(builder, waiting)
        if sum(map(len, self._envelopes)) >= self._limits.staged_rows:
            self._stage_envelopes()

    def finish(self, builder: BlockBuilder) -> None:
        """Stage all that is left."""
        builder.close()
        self._take_blocks(builder, 0)
        self._stage_blocks()
        self._stage_envelopes()
        self._stage_refused()

    def discard(self) -> None:
        """Delete what was staged; it will not be committed."""
        staged, ground = self.staged, self.ground
        places = (ground.blocks, ground.quarantine, ground.rows)
        for name, files in zip(places, (staged.blocks, staged.refused, staged.envelopes), strict=True):
            discard(self._tables.load(name), files)
        self.staged = Staged()

    def _placed(self, worked: Worked, new: npt.NDArray[np.bool_], builder: BlockBuilder) -> pa.Table:
        """The new rows of a portion, their payloads put into blocks, without what the whole batch bears."""
        envelope = worked.envelope if new.all() else worked.envelope.filter(pa.array(new))
        row = worked.row[new]
        names: list[str] = []
        block, position = np.zeros(len(row), dtype=np.int32), np.zeros(len(row), dtype=np.int32)
        kinds = pc.dictionary_encode(envelope[self.ground.kind]).combine_chunks()
        codes = np.asarray(kinds.indices)
        for code, kind in enumerate(kinds.dictionary.to_pylist()):
            places = np.flatnonzero((codes == code) & (row >= 0))
            if len(places):
                at = row[places]
                placed = builder.place(kind, worked.text, worked.starts[at], worked.ends[at])
                block[places], position[places] = placed.blocks + len(names), placed.positions
                names += placed.names
        labels = pa.array(self._labels, pa.string()).take(pa.array(worked.file[new]))
        arrivals = self._arrivals + np.flatnonzero(new)
        self._arrivals += len(new)
        last_updated = envelope["last_updated"]
        # A record without a time of its own stands where it came: to give its deletion one would put it last.
        if self.ground is FHIR and pc.any(envelope["deleted"]).as_py():
            known_at = pa.scalar(self._mark.known_at, last_updated.type)
            untold = pc.and_(envelope["deleted"], pc.is_null(last_updated))
            last_updated = pc.if_else(untold, known_at, last_updated)
        columns = dict(zip(envelope.column_names, envelope.columns, strict=True))
        return pa.table(
            {
                **columns,
                "last_updated": last_updated,
                "file": labels,
                "offset": worked.offset[new],
                "arrival": arrivals,
                "block_id": pa.array(names, pa.string()).take(pa.array(block, mask=row < 0)),
                "position": pa.array(position, mask=row < 0),
            }
        )

    def _take_blocks(self, builder: BlockBuilder, waiting: int) -> None:
        for block in builder.sealed(waiting):
            self._blocks.append(
                {
                    "block_id": block.block_id,
                    self.ground.kind: block.kind,
                    "rows": block.rows,
                    "plain_bytes": block.plain_bytes,
                    "payload": block.payload,
                }
            )
            self._block_bytes += len(block.payload)
            if self._block_bytes >= self._limits.staged_bytes:
                self._stage_blocks()

    def _refuse(self, refused: Refused) -> None:
        label = self._labels[refused.file]
        context = quarantine_context(self.ground.quarantine, self._mark.commit_id, label, refused.offset)
        self._refused.append(
            {
                "dataset": self.ground.rows,
                "file": label,
                "offset": refused.offset,
                "rule": refused.rule.value,
                "reason": refused.reason,
                "payload": self._records.seal(refused.raw, context),
            }
        )
        self._refused_bytes += len(refused.raw)
        if self._refused_bytes >= self._limits.staged_bytes or len(self._refused) >= self._limits.staged_rows:
            self._stage_refused()

    def _stage_blocks(self) -> None:
        if self._blocks:
            self.staged.blocks += self._stage(self.ground.blocks, pa.Table.from_pylist(self._blocks))
            self._blocks, self._block_bytes = [], 0
            failpoint("ingest.block.after-stage")

    def _stage_envelopes(self) -> None:
        rows = pa.concat_tables(self._envelopes) if self._envelopes else None
        if rows is not None and len(rows):
            self.staged.envelopes += self._stage(self.ground.rows, _by_kind(rows, self.ground.kind))
            failpoint("ingest.envelope.after-stage")
        self._envelopes = []

    def _stage_refused(self) -> None:
        if self._refused:
            self.staged.refused += self._stage(self.ground.quarantine, pa.Table.from_pylist(self._refused))
            self._refused, self._refused_bytes = [], 0

    def _stage(self, name: str, rows: pa.Table) -> list[StagedFile]:
        return self._tables.stage(name, self._marked(rows))

    def _marked(self, rows: pa.Table) -> pa.Table:
        mark = self._mark
        known_at = pa.scalar(mark.known_at, pa.timestamp("us", tz="UTC"))
        for name, value in (("source", mark.source), ("commit_id", mark.commit_id), ("known_at", known_at)):
            rows = rows.append_column(name, pa.repeat(value, len(rows)))
        return rows


def _by_kind(rows: pa.Table, kind: str) -> pa.Table:
    """Rows in order of their kind, and of their arrival within; few kinds make this cheap."""
    kinds = pc.dictionary_encode(rows[kind].combine_chunks())
    names = kinds.dictionary.to_pylist()
    if len(names) == 1:
        return rows
    rank = np.argsort(np.argsort(np.array(names)))
    return rows.take(pa.array(np.argsort(rank[np.asarray(kinds.indices)], kind="stable")))
