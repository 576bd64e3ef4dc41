"""An ingest from its paths to its commit."""

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.errors import UsageError
from a360.ingest._blocks import BlockBuilder
from a360.ingest._commit import commit
from a360.ingest._committed import MAIN
from a360.ingest._digests import DigestSet
from a360.ingest._envelope import Identity
from a360.ingest._inputs import Input, find_inputs
from a360.ingest._known import KnownFiles, keyed_digest, known_contents
from a360.ingest._labels import labels_of
from a360.ingest._landing import Landing, Mark
from a360.ingest._limits import Limits
from a360.ingest._reports import COUNTS, FhirIngest, FileReport, require_reconciled, require_staged, totalled
from a360.ingest._work import Finished, Worked, portions, work
from a360.protect import BatchSealer, Sealer, Tokenizer, path_context
from a360.table import StepReport, new_commit_id

if TYPE_CHECKING:
    from a360.table import Tables

_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

type Progress = Callable[[str, str, int, int | None], None]
"""Told the stage, what is at work, and how much of how much is done: here, bytes."""


def ingest_fhir(  # noqa: PLR0913 - the parts of a lake, and what may be left out
    paths: Iterable[Path | str],
    *,
    source: str = "default",
    tables: "Tables",
    tokenizer: Tokenizer,
    sealer: Sealer,
    limits: Limits | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> FhirIngest:
    """Bring FHIR files into bronze, as one batch under one commit id.

    Reads NDJSON, Bundles and single resources as JSON, plain, gzip or Zstandard, whatever the files' names
    say; folders recursively; Bulk Data exports by their manifest. What is refused goes to
    `quarantine.fhir_resource`. Where every file is known, nothing is committed.

    Args:
        paths: Files and folders.
        source: The system that the data comes from; ids are unique within a source.
        tables: The lake's tables; bronze, quarantine and ops exist.
        tokenizer: Makes tokens and digests.
        sealer: Seals payloads, refused rows and paths.
        limits: Bounds; None for the defaults.
        threads: How many threads work beside the caller's; None for as many as there are cores.
        progress: Told of progress.

    Raises:
        UsageError: the source's name cannot be one.
        OperatorError: a path does not exist or cannot be read; nothing was committed.
        ConflictError: another ingest landed some of the same resources meanwhile; safe to run again.
    """
    started = time.monotonic()
    if not _SOURCE.fullmatch(source):
        raise UsageError(
            "usage",
            "A source's name is 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
            next_step="name the system that the data comes from, as clinic-emr",
        )
    inputs = find_inputs(paths)
    labels = labels_of(inputs.files, tokenizer)
    unchanged = KnownFiles.of(tables, source).units_of(inputs.files, tokenizer) if inputs.files else {}
    reports = {
        place: FileReport(labels[place], inputs.files[place].path.stat().st_size, read=units, unchanged=units)
        for place, units in unchanged.items()
    }
    chosen = [place for place in range(len(inputs.files)) if place not in unchanged]
    commit_id = None
    if chosen:
        run = _Run(tables, Identity(tokenizer, source), sealer, inputs.files, labels, limits or Limits())
        run.read(chosen, threads or _cores(), progress or _silent)
        reports |= run.reports(chosen)
        commit_id = run.commit_id
        run.commit(_total(reports, commit_id))
    report = replace(_total(reports, commit_id), seconds=round(time.monotonic() - started, 6))
    return FhirIngest(report, tuple(reports[place] for place in sorted(reports)), inputs.skipped)


@dataclass(slots=True)
class _Run:
    """One batch in the making."""

    tables: "Tables"
    identity: Identity
    sealer: Sealer
    files: Sequence[Input]
    labels: Sequence[str]
    limits: Limits
    commit_id: str = field(default_factory=new_commit_id)
    known_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    known: DigestSet = field(init=False)
    base: str | None = field(init=False)
    records: BatchSealer = field(init=False)
    landing: Landing = field(init=False)
    finished: dict[int, Finished] = field(default_factory=dict)

    def read(self, chosen: Sequence[int], threads: int, progress: Progress) -> None:
        """Read files into staged data files; nothing is committed."""
        mark = Mark(self.commit_id, self.identity.source, self.known_at)
        self.known, self.base = known_contents(self.tables, self.identity.source)
        self.records = self.sealer.batch()
        total, done = sum(self.files[place].path.stat().st_size for place in chosen), 0
        with ThreadPoolExecutor(threads, thread_name_prefix="ingest") as pool:
            builder = BlockBuilder(self.commit_id, self.limits.block_bytes, self.sealer.batch(), pool)
            self.landing = Landing(
                self.tables, mark, self.labels, self.known, builder, self.records, self.limits
            )
            pending: deque[Future[Worked]] = deque()
            try:
                for portion in portions(self.files, chosen, self.limits):
                    if isinstance(portion, Finished):
                        self.finished[portion.file] = portion
                        done += portion.bytes
                        progress("ingest", self.labels[portion.file], done, total)
                        continue
                    pending.append(pool.submit(work, portion, self.files, self.identity, self.limits))
                    while len(pending) > threads + 1:
                        self.landing.take(pending.popleft().result(), waiting=2 * threads)
                while pending:
                    self.landing.take(pending.popleft().result(), waiting=2 * threads)
                self.landing.finish()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def reports(self, chosen: Sequence[int]) -> dict[int, FileReport]:
        """What became of each file."""
        tally = self.landing.tally
        return {
            place: FileReport(
                self.labels[place],
                self.finished[place].bytes,
                read=int(tally.read[place]),
                landed=int(tally.landed[place]),
                quarantined=int(tally.quarantined[place]),
                duplicates=int(tally.duplicates[place]),
                filtered=int(tally.filtered[place]),
            )
            for place in chosen
        }

    def commit(self, report: StepReport) -> None:
        """Commit what was read, once the counts add up."""
        tally, staged = self.landing.tally, self.landing.staged
        reports = self.reports(sorted(self.finished))
        require_reconciled(list(reports.values()), report)
        require_staged("resources", sum(each.rows for each in staged.envelopes), int(tally.landed.sum()))
        require_staged(
            "refused rows", sum(each.rows for each in staged.refused), int(tally.quarantined.sum())
        )
        stamp = CommitStamp(self.commit_id, counts={name: getattr(report, name) for name in COUNTS})
        commit(
            self.tables,
            staged,
            self._file_rows(reports),
            stamp,
            known=self.known,
            base=self.base,
            source=self.identity.source,
        )

    def _file_rows(self, reports: dict[int, FileReport]) -> pa.Table:
        rows = []
        for place, report in reports.items():
            digest = keyed_digest(self.finished[place].digest, self.identity.tokenizer)
            path = os.fsencode(self.files[place].path.resolve())
            rows.append(
                {
                    **report.to_json(),
                    "digest": digest,
                    "path": self.records.seal(path, path_context(self.commit_id, digest)),
                    "source": self.identity.source,
                    "commit_id": self.commit_id,
                    "known_at": self.known_at,
                }
            )
        return pa.Table.from_pylist(rows)


def _total(reports: dict[int, FileReport], commit_id: str | None) -> StepReport:
    report = totalled(list(reports.values()), commit_id, MAIN)
    return replace(report, output_rows=report.landed)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(stage: str, detail: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
