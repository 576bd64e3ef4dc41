"""An ingest from its paths to its commit."""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from a360._progress import Progress
from a360.errors import UsageError
from a360.ingest._committed import MAIN
from a360.ingest._envelope import Identity
from a360.ingest._inputs import find_inputs
from a360.ingest._known import KnownFiles
from a360.ingest._labels import labels_of
from a360.ingest._limits import Limits
from a360.ingest._reports import FhirIngest, FileReport, totalled
from a360.ingest._run import BatchRun
from a360.protect import Sealer, Tokenizer
from a360.table import StepReport

if TYPE_CHECKING:
    from a360.table import Tables

_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


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
        run = BatchRun(tables, Identity(tokenizer, source), sealer, inputs.files, labels, limits or Limits())
        commit_id = run.commit_id
        try:
            run.read(chosen, threads or _cores(), progress or _silent)
            reports |= run.reports()
            run.require_sound(_total(reports, commit_id))
        except BaseException:
            run.abandon()
            raise
        run.commit(_total(reports, commit_id))
    report = replace(_total(reports, commit_id), seconds=round(time.monotonic() - started, 6))
    return FhirIngest(report, tuple(reports[place] for place in sorted(reports)), inputs.skipped)


def _total(reports: dict[int, FileReport], commit_id: str | None) -> StepReport:
    report = totalled(list(reports.values()), commit_id, MAIN)
    return replace(report, output_rows=report.landed)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(stage: str, detail: str, done: int, total: int | None) -> None:
    """Progress that nobody asked for."""
