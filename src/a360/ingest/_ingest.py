"""An ingest from its paths to its commit."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from a360.catalog import CommitStamp
from a360.engine import quote_text
from a360.failpoints import failpoint
from a360.ingest._committed import FHIR, Ground
from a360.ingest._envelope import Identity
from a360.ingest._inflow import Inflow
from a360.ingest._inputs import Input, find_inputs
from a360.ingest._known import Batched, KnownFiles
from a360.ingest._labels import labels_of
from a360.ingest._pictures import pictures_of
from a360.ingest._reports import FileReport, Ingested, totalled
from a360.ingest._run import BatchRun
from a360.ingest._work import FhirReading
from a360.ingest._worked import Part, Reading
from a360.table import StepReport, new_commit_id


def ingest_fhir(inflow: Inflow, paths: Iterable[Path | str]) -> Ingested:
    """Bring FHIR files into bronze, as one batch under one commit id.

    Reads NDJSON, Bundles and single resources as JSON, plain, gzip or Zstandard, whatever the files' names
    say; folders recursively; Bulk Data exports by their manifest. What is refused goes to
    `quarantine.fhir_resource`. Where every file is known, nothing is committed.

    Raises:
        OperatorError: a path does not exist or cannot be read; nothing was committed.
        ConflictError: another ingest landed some of the same resources meanwhile; safe to run again.
    """
    inputs, commit_id = find_inputs(paths), new_commit_id()
    pictures = pictures_of(inflow, commit_id)
    identity = Identity(inflow.tokenizer, inflow.source)
    reading = FhirReading(inputs.files, identity, inflow.limits, pictures=pictures)
    labels = labels_of(inputs.files, inflow.tokenizer)
    landed = ingest_files(inflow, inputs.files, labels, reading, inputs.skipped, commit_id=commit_id)
    return landed if pictures is None else replace(landed, remarks=(*landed.remarks, *pictures.remarks))


def ingest_files[P: Part](
    inflow: Inflow,
    files: Sequence[Input],
    labels: Sequence[str],
    reading: Reading[P],
    skipped: int = 0,
    *,
    commit_id: str | None = None,
) -> Ingested:
    """Bring files into bronze as a reading reads them, as one batch under one commit id.

    Files that are known byte for byte, from this source and as this kind, are not read again; where all are,
    nothing is committed.
    """
    started = time.monotonic()
    known = KnownFiles.of(inflow.tables, inflow.source, reading.kind) if files else None
    times = known.among(files, inflow.tokenizer) if known else {}
    reports = {
        place: FileReport(labels[place], files[place].bytes, read=same[-1].read, unchanged=same[-1].read)
        for place, each in times.items()
        if not files[place].anew and (same := [time for time in each if time.reading == files[place].reading])
    }
    chosen = [place for place in range(len(files)) if place not in reports]
    remarks: tuple[str, ...] = ()
    main, others = reading.grounds[0].rows, reading.grounds[1:]
    landed_as, beside = None, tuple(StepReport(each.rows, None) for each in others if each is FHIR)
    if chosen:
        run = BatchRun(inflow, files, labels, reading, commit_id)
        landed_as = run.commit_id
        try:
            run.read(chosen)
            reports |= run.reports()
            run.require_sound(_total(reports, landed_as, main))
        except BaseException:
            run.abandon()
            raise
        run.commit(_total(reports, landed_as, main))
        _clear_refused(
            inflow, reading.grounds[0], [time for place in chosen for time in times.get(place, ())]
        )
        beside, remarks = run.companions(), run.remarks
    seconds = round(time.monotonic() - started, 6)
    told = [_total(reports, landed_as, main), *(_with_output(each) for each in beside)]
    steps = tuple(replace(each, seconds=seconds) for each in told)
    return Ingested(steps, tuple(reports[place] for place in sorted(reports)), skipped, remarks)


def _clear_refused(inflow: Inflow, ground: Ground, times: Sequence[Batched]) -> None:
    """Take out of quarantine what was refused of files that have been read anew, by another contract."""
    tables = inflow.tables
    if not times or tables.current_snapshot_id(ground.quarantine) is None:
        return
    of_files = " OR ".join(
        f"(commit_id = {quote_text(each.commit_id)} AND file = {quote_text(each.file)})" for each in times
    )
    where = f"source = {quote_text(inflow.source)} AND ({of_files})"
    failpoint("ingest.reread.before-clear")
    tables.delete(ground.quarantine, where, CommitStamp(new_commit_id()))


def _total(reports: dict[int, FileReport], commit_id: str | None, dataset: str) -> StepReport:
    return _with_output(totalled(list(reports.values()), commit_id, dataset))


def _with_output(report: StepReport) -> StepReport:
    return replace(report, output_rows=report.landed)
