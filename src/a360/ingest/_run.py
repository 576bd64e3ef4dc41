"""One batch in the making: files read into staged data files, and the commit of these."""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa

from a360.ingest._blocks import BlockBuilder
from a360.ingest._commit import Landed, commit
from a360.ingest._committed import FHIR, RECORDS, Ground
from a360.ingest._digests import KnownContents
from a360.ingest._erased import Erased
from a360.ingest._inflow import Inflow
from a360.ingest._inputs import Input
from a360.ingest._known import keyed_digest, known_contents
from a360.ingest._landing import Landing, Mark
from a360.ingest._reports import COUNTS, FileReport, require_reconciled, require_staged, totalled
from a360.ingest._worked import Finished, Part, Reading, Worked
from a360.protect import path_context
from a360.table import StepReport, new_commit_id


class BatchRun[P: Part]:
    """Reads files and commits what they hold as one batch; used once, by one thread."""

    def __init__(
        self,
        inflow: Inflow,
        files: Sequence[Input],
        labels: Sequence[str],
        reading: Reading[P],
        commit_id: str | None = None,
    ) -> None:
        self.commit_id = commit_id or new_commit_id()
        self._inflow = inflow
        self._files = files
        self._labels = labels
        self._reading = reading
        self._limits = inflow.limits
        self._finished: dict[int, Finished] = {}
        self._mark = Mark(self.commit_id, inflow.source, datetime.now(UTC))
        # Rejects and paths have a key of their own: they stay readable when the payloads' key is destroyed.
        self._payloads, self._records = inflow.sealer.batch(), inflow.sealer.batch()
        self._erased = Erased.of(inflow.tables, inflow.tokenizer)
        self._bases: dict[Ground, str | None] = {}
        self._landings = [self._landing(ground) for ground in reading.grounds]

    def _landing(self, ground: Ground) -> Landing:
        landing = Landing(
            self._inflow.tables,
            self._mark,
            self._labels,
            KnownContents(),
            self._records,
            self._limits,
            ground,
        )
        # What is known of records is not read for resources of which no record is made.
        if ground in {FHIR, self._reading.grounds[0]}:
            self._know(landing)
        return landing

    def _know(self, landing: Landing) -> None:
        """Let a landing know what the lake has already."""
        ground = landing.ground
        if ground not in self._bases:
            landing.known, self._bases[ground] = known_contents(
                self._inflow.tables, self._mark.source, ground
            )

    def read(self, chosen: Sequence[int]) -> None:
        """Read files into staged data files; nothing is committed."""
        threads = self._inflow.threads or _cores()
        with ThreadPoolExecutor(threads, thread_name_prefix="ingest") as pool:
            builders = [self._builder(landing.ground, pool) for landing in self._landings]
            try:
                self._read(chosen, pool, builders, threads)
                for landing, builder in zip(self._landings, builders, strict=True):
                    landing.finish(builder)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _builder(self, ground: Ground, pool: Executor) -> BlockBuilder:
        name = f"{self.commit_id}-r" if ground is RECORDS else self.commit_id
        return BlockBuilder(name, self._limits.block_bytes, self._payloads, pool)

    def _read(
        self,
        chosen: Sequence[int],
        pool: Executor,
        builders: Sequence[BlockBuilder],
        threads: int,
    ) -> None:
        progress = self._inflow.progress or _silent
        total, done = sum(self._files[place].bytes for place in chosen), 0
        pending: deque[Future[tuple[Worked, ...]]] = deque()

        def land() -> None:
            sifted = self._erased.sift(pending.popleft().result())
            for landing, builder, worked in zip(self._landings, builders, sifted, strict=True):
                if len(worked.envelope) or worked.refused:
                    self._know(landing)
                landing.take(worked, builder, waiting=2 * threads)

        for portion in self._reading.portions(chosen):
            if isinstance(portion, Finished):
                self._finished[portion.file] = portion
                done += portion.bytes
                progress("ingest", self._labels[portion.file], done, total)
                continue
            progress("ingest", self._labels[portion.file], done + portion.packed_bytes, total)
            pending.append(pool.submit(self._reading.work, portion))
            while len(pending) > threads + 1:
                land()
        while pending:
            land()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said besides the counts."""
        return self._erased.remarks

    def reports(self, landing: Landing | None = None) -> dict[int, FileReport]:
        """What became of each file that was read, in the units that are counted at the input."""
        tally = (landing or self._landings[0]).tally
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

    def companions(self) -> tuple[StepReport, ...]:
        """What landed on the grounds other than the one that input units are counted on."""
        reports = [self._report(landing) for landing in self._landings[1:]]
        return tuple(each for each in reports if each.read or each.dataset == FHIR.rows)

    def _report(self, landing: Landing) -> StepReport:
        return totalled(list(self.reports(landing).values()), self.commit_id, landing.ground.rows)

    def require_sound(self, report: StepReport) -> None:
        """Raise unless the counts add up, and as many rows were staged as were counted."""
        require_reconciled(list(self.reports().values()), report)
        for landing in self._landings:
            tally, beside, staged = landing.tally, landing.beside, landing.staged
            require_reconciled(list(self.reports(landing).values()), self._report(landing))
            envelopes = sum(each.rows for each in staged.envelopes)
            require_staged(
                f"rows of {landing.ground.rows}", envelopes, int((tally.landed + beside.landed).sum())
            )
            refused = sum(each.rows for each in staged.refused)
            counted = int((tally.quarantined + beside.quarantined).sum())
            require_staged("refused rows", refused, counted)

    @property
    def is_empty(self) -> bool:
        """Whether nothing that was read is new."""
        staged = [landing.staged for landing in self._landings]
        return not any(each.envelopes or each.refused for each in staged)

    def abandon(self) -> None:
        """Remove what was made for a batch of which nothing was committed."""
        for landing in self._landings:
            landing.discard()
        self._inflow.sealer.abandon(self._payloads.key_id, self._records.key_id)

    def commit(self, report: StepReport) -> None:
        """Commit what was read; `report` is of all files, known ones too."""
        told = [report, *map(self._report, self._landings[1:])]
        parts = [
            Landed(landing, self._bases.get(landing.ground), {name: getattr(each, name) for name in COUNTS})
            for landing, each in zip(self._landings, told, strict=True)
            # Records that no resource had give no commit.
            if landing.ground in self._bases
        ]
        parts.sort(key=lambda part: part.landing.ground is FHIR)
        commit(
            self._inflow.tables, parts, self._file_rows(), commit_id=self.commit_id, source=self._mark.source
        )

    def _file_rows(self) -> pa.Table:
        rows = []
        for place, report in self.reports().items():
            digest = keyed_digest(self._finished[place].digest, self._inflow.tokenizer)
            path = os.fsencode(self._files[place].path.resolve())
            rows.append(
                {
                    **report.to_json(),
                    "digest": digest,
                    "path": self._records.seal(path, path_context(self.commit_id, digest)),
                    "source": self._mark.source,
                    "kind": self._reading.kind,
                    "reading": self._files[place].reading,
                    "commit_id": self.commit_id,
                    "known_at": self._mark.known_at,
                }
            )
        table = pa.Table.from_pylist(rows)
        # A column of nothing but nulls has no type of its own.
        at = table.column_names.index("reading") if rows else -1
        return table.set_column(at, "reading", table["reading"].cast(pa.string())) if rows else table


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(stage: str, detail: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
