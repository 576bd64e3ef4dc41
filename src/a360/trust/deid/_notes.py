"""The notes of a lake without identifiers: those that are new, or whose text, patient or reading changed."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from a360._progress import Progress
from a360.catalog import CommitStamp
from a360.contract import IDENTITIES, LakePlan
from a360.engine import quote_table, quote_text
from a360.errors import UsageError
from a360.failpoints import failpoint
from a360.protect import Sealer, column_context, open_text
from a360.table import StepReport, Tables, new_commit_id
from a360.trust.deid._deidentifier import LEAST, Deidentified, Deidentifier

NOTES: Final = "silver.note"
DEIDENTIFIED: Final = "gold.note_deidentified"
REVIEW: Final = "gold.note_review"
_KEY: Final = ("source", "note_id")
_BATCH: Final = 256
_COMMIT: Final = 8_192

type Done = tuple[StepReport, dict[str, str]]
"""What was committed, and the snapshots that it was made from."""


class NoteTexts:
    """Keeps the de-identified notes of a lake up to date.

    Which notes are due is told by what is there: a note's digest and patient, what read it, and whether the
    vault has learned of its patient since. So whatever dies on the way, the next call goes on.
    """

    def __init__(self, plan: LakePlan, tables: Tables, sealer: Sealer, reader: Deidentifier) -> None:
        """Make ready.

        Raises:
            UsageError: `unknown-dataset` where the contracts have no such datasets.
        """
        there = {table.dataset for table in plan.tables}
        missing = [each for each in (NOTES, DEIDENTIFIED, REVIEW) if each not in there]
        if missing:
            raise UsageError(
                "unknown-dataset",
                "The contracts have no place for de-identified notes",
                found=f"no {', '.join(missing)}",
                next_step="take note_deidentified.yaml and note_review.yaml over from the package's own",
            )
        self._tables = tables
        self._sealer = sealer
        self._reader = reader

    def due(self) -> int:
        """How many notes are to be read."""
        if self._tables.current_snapshot_id(NOTES) is None:
            return 0
        counted = self._tables.session.sql(f"SELECT count(*) AS due FROM ({self._due()})")
        return int(counted["due"][0].as_py())

    def bring_up_to_date(self, progress: Progress | None = None) -> Iterator[Done]:
        """Read what is due, a commit for each few thousand notes; each report with what it was made from."""
        upstream = self._tables.current_snapshot_id(NOTES)
        if upstream is None:
            return
        from_ = {NOTES: upstream}
        yield from self._gone(from_)
        done, due = 0, self.due()
        while done < due:
            rows = self._tables.session.sql(f"SELECT * FROM ({self._due()}) LIMIT {_COMMIT}").to_pylist()
            if not rows:
                return
            yield from self._commit(rows, from_)
            done += len(rows)
            if progress:
                progress("deid", DEIDENTIFIED, done, due)

    def _due(self) -> str:
        """The notes that have no reading, or none of their text, for their patient, by this reader."""
        read = (
            f"read.text_hash = note.text_hash AND read.patient_key IS NOT DISTINCT FROM note.patient_key "
            f"AND read.method = {quote_text(self._reader.method)} "
            f"AND read.model_version = {quote_text(self._reader.version)}"
        )
        learned = (
            f" AND NOT EXISTS (SELECT 1 FROM {quote_table(IDENTITIES)} AS known "
            "WHERE known.patient_key = note.patient_key AND known.known_at > read.known_at)"
            if self._tables.current_snapshot_id(IDENTITIES) is not None
            else ""
        )
        stands = (
            f" AND NOT EXISTS (SELECT 1 FROM {quote_table(DEIDENTIFIED)} AS read "
            f"WHERE read.source = note.source AND read.note_id = note.note_id AND {read}{learned})"
            if self._tables.current_snapshot_id(DEIDENTIFIED) is not None
            else ""
        )
        columns = "note.source, note.note_id, note.patient_key, note.text_hash, note.text"
        return (
            f"SELECT {columns} FROM {quote_table(NOTES)} AS note "
            f"WHERE NOT note.deleted AND note.text IS NOT NULL{stands}"
        )

    def _gone(self, upstream: dict[str, str]) -> Iterator[Done]:
        """Take out what was made of notes that are no more."""
        for name in (REVIEW, DEIDENTIFIED):
            if self._tables.current_snapshot_id(name) is None:
                continue
            table = quote_table(name).rsplit(".", 1)[-1]
            gone = (
                f"NOT EXISTS (SELECT 1 FROM {quote_table(NOTES)} AS note WHERE NOT note.deleted "
                f"AND note.text IS NOT NULL AND note.source = {table}.source "
                f"AND note.note_id = {table}.note_id)"
            )
            keys = self._tables.session.sql(
                f"SELECT DISTINCT source, note_id FROM {quote_table(name)} WHERE {gone}"
            )
            if keys.num_rows:
                yield self._merged(name, keys, None, upstream, new_commit_id(), 0, time.perf_counter())

    def _commit(self, rows: Sequence[dict[str, Any]], upstream: dict[str, str]) -> Iterator[Done]:
        """Read notes and write what came of them; the queue first: no text is there without its doubts."""
        started, now = time.perf_counter(), datetime.now(UTC)
        read: list[Deidentified] = []
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            texts = [self._opened(row) for row in batch]
            read += self._reader.read(texts, [row["patient_key"] for row in batch])
        keys = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in _KEY})
        commit_id = new_commit_id()
        stamp = {"known_at": now, "commit_id": commit_id}
        pairs = list(zip(rows, read, strict=True))
        doubts = [{**each, **stamp} for row, done in pairs for each in _review(row, done)]
        made = [{**self._row(row, done), **stamp} for row, done in pairs]
        yield self._merged(REVIEW, keys, doubts, upstream, commit_id, len(rows), started)
        failpoint("deid.notes.between-commits")
        yield self._merged(DEIDENTIFIED, keys, made, upstream, commit_id, len(rows), started)

    def _opened(self, row: dict[str, Any]) -> str:
        context = column_context(NOTES, "text", row["source"], row["note_id"])
        return open_text(self._sealer, row["text"], context)

    def _row(self, row: dict[str, Any], done: Deidentified) -> dict[str, Any]:
        return {
            "source": row["source"],
            "note_id": row["note_id"],
            "patient_key": row["patient_key"],
            "text": done.text,
            "text_hash": row["text_hash"],
            "method": self._reader.method,
            "model_version": self._reader.version,
            "spans": len(done.replaced),
            "needs_review": done.needs_review,
            "doubts": " ".join(done.doubts) or None,
        }

    def _merged(
        self,
        name: str,
        keys: pa.Table,
        rows: Sequence[dict[str, Any]] | None,
        upstream: dict[str, str],
        commit_id: str,
        read: int,
        started: float,
    ) -> Done:
        """Put rows in the place of those of the same notes."""
        schema = self._tables.load(name).schema().as_arrow()
        made = pa.Table.from_pylist(list(rows or ()), schema=schema)
        key = [*_KEY, "position"] if name == REVIEW else list(_KEY)
        result = self._tables.merge(
            name, made, key, CommitStamp(commit_id, upstream), scope=list(_KEY), scope_rows=keys
        )
        self._tables.session.refresh()
        landed = result.commit_id if result.snapshot_id is not None else None
        seconds = time.perf_counter() - started
        return StepReport(name, landed, read=read, output_rows=made.num_rows, seconds=seconds), upstream


def _review(row: dict[str, Any], done: Deidentified) -> Iterator[dict[str, Any]]:
    """The doubtful stretches of a note, by where they stand in its new text."""
    places = {each.start: each for each in done.replaced}
    for position, span in enumerate(done.unsure, 1):
        new = places.get(span.start) if span.score >= LEAST else None
        start = new.new_start if new else done.moved(span.start)
        yield {
            "source": row["source"],
            "note_id": row["note_id"],
            "position": position,
            "patient_key": row["patient_key"],
            "start": start,
            "end": new.new_end if new else start + span.end - span.start,
            "type": str(span.type),
            "score": round(span.score, 3),
            "stage": span.stage,
            "taken_out": new is not None,
        }
