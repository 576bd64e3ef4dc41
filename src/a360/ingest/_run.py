"""One batch in the making: files read into staged data files, and the commit of these."""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from a360._progress import Progress
from a360.catalog import CommitStamp
from a360.ingest._blocks import BlockBuilder
from a360.ingest._commit import commit
from a360.ingest._envelope import Identity
from a360.ingest._inputs import Input
from a360.ingest._known import keyed_digest, known_contents
from a360.ingest._landing import Landing, Mark
from a360.ingest._limits import Limits
from a360.ingest._reports import COUNTS, FileReport, require_reconciled, require_staged
from a360.ingest._work import Finished, Worked, portions, work
from a360.protect import Sealer, path_context
from a360.table import StepReport, new_commit_id

if TYPE_CHECKING:
    from a360.table import Tables

"""Told the stage, what is at work, and how much of how much is done: here, bytes."""


class BatchRun:
    """Reads files and commits what they hold as one batch; used once, by one thread."""

    def __init__(
        self,
        tables: "Tables",
        identity: Identity,
        sealer: Sealer,
        files: Sequence[Input],
        labels: Sequence[str],
        limits: Limits,
    ) -> None:
        self.commit_id = new_commit_id()
        self._tables = tables
        self._identity = identity
        self._sealer = sealer
        self._files = files
        self._labels = labels
        self._limits = limits
        self._finished: dict[int, Finished] = {}
        self._mark = Mark(self.commit_id, identity.source, datetime.now(UTC))
        self._known, self._base = known_contents(tables, identity.source)
        # Rejects and paths have a key of their own: they stay readable when the payloads' key is destroyed.
        self._payloads, self._records = sealer.batch(), sealer.batch()
        self._landing = Landing(tables, self._mark, labels, self._known, self._records, limits)

    def read(self, chosen: Sequence[int], threads: int, progress: Progress) -> None:
        """Read files into staged data files; nothing is committed."""
        with ThreadPoolExecutor(threads, thread_name_prefix="ingest") as pool:
            builder = BlockBuilder(self.commit_id, self._limits.block_bytes, self._payloads, pool)
            try:
                self._read(chosen, pool, builder, threads, progress)
                self._landing.finish(builder)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _read(
        self,
        chosen: Sequence[int],
        pool: Executor,
        builder: BlockBuilder,
        threads: int,
        progress: Progress,
    ) -> None:
        total, done = sum(self._files[place].path.stat().st_size for place in chosen), 0
        pending: deque[Future[Worked]] = deque()
        for portion in portions(self._files, chosen, self._limits):
            if isinstance(portion, Finished):
                self._finished[portion.file] = portion
                done += portion.bytes
                progress("ingest", self._labels[portion.file], done, total)
                continue
            progress("ingest", self._labels[portion.file], done + portion.packed_bytes, total)
            pending.append(pool.submit(work, portion, self._files, self._identity, self._limits))
            while len(pending) > threads + 1:
                self._landing.take(pending.popleft().result(), builder, waiting=2 * threads)
        while pending:
            self._landing.take(pending.popleft().result(), builder, waiting=2 * threads)

    def reports(self) -> dict[int, FileReport]:
        """What became of each file that was read."""
        tally = self._landing.tally
        return {
            place: FileReport(
                self._labels[place],
                finished.bytes,
                read=int(tally.read[place]),
                landed=int(tally.landed[place]),
                quarantined=int(tally.quarantined[place]),
                duplicates=int(tally.duplicates[place]),
                filtered=int(tally.filtered[place]),
            )
            for place, finished in sorted(self._finished.items())
        }

    def require_sound(self, report: StepReport) -> None:
        """Raise unless the counts add up, and as many rows were staged as were counted."""
        tally, staged = self._landing.tally, self._landing.staged
        require_reconciled(list(self.reports().values()), report)
        require_staged("resources", sum(each.rows for each in staged.envelopes), int(tally.landed.sum()))
        refused = sum(each.rows for each in staged.refused)
        require_staged("refused rows", refused, int(tally.quarantined.sum()))

    def abandon(self) -> None:
        """Remove what was made for a batch of which nothing was committed."""
        self._landing.discard()
        for batch in (self._payloads, self._records):
            self._sealer.destroy(batch.key_id)

    def commit(self, report: StepReport) -> None:
        """Commit what was read."""
        stamp = CommitStamp(self.commit_id, counts={name: getattr(report, name) for name in COUNTS})
        commit(
            self._tables,
            self._landing.staged,
            self._file_rows(),
            stamp,
            known=self._known,
            base=self._base,
            source=self._identity.source,
        )

    def _file_rows(self) -> pa.Table:
        rows = []
        for place, report in self.reports().items():
            digest = keyed_digest(self._finished[place].digest, self._identity.tokenizer)
            path = os.fsencode(self._files[place].path.resolve())
            rows.append(
                {
                    **report.to_json(),
                    "digest": digest,
                    "path": self._records.seal(path, path_context(self.commit_id, digest)),
                    "source": self._mark.source,
                    "commit_id": self.commit_id,
                    "known_at": self._mark.known_at,
                }
            )
        return pa.Table.from_pylist(rows)
