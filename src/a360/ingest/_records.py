"""An ingest of records: extracts and events, by the contracts that know their files."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from a360.contract import ReceptionPlan
from a360.ingest._csv import CsvReading
from a360.ingest._envelope import Identity
from a360.ingest._events import EventReading
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_files
from a360.ingest._parquet import ParquetReading
from a360.ingest._record_inputs import find_records, record_labels
from a360.ingest._record_reading import Books
from a360.ingest._reports import Ingested


def ingest_records(
    inflow: Inflow, paths: Iterable[Path | str], kind: str, receptions: Sequence[ReceptionPlan]
) -> Ingested:
    """Bring files of records into bronze, as one batch under one commit id.

    Args:
        inflow: The parts of a lake.
        paths: Files and folders.
        kind: `csv`, `parquet` or `events`.
        receptions: How records of each type are received; a file's name says of which type it is.

    Raises:
        UsageError: `record-unknown` where no contract knows a file, or several do.
        OperatorError: a path does not exist or cannot be read; nothing was committed.
        ConflictError: another ingest landed some of the same records meanwhile; safe to run again.
    """
    found, types, skipped = find_records(paths, kind, receptions, inflow.record)
    files = [
        replace(file, reading=reception.fingerprint) for file, reception in zip(found, types, strict=True)
    ]
    labels = record_labels(files, types, inflow.tokenizer)
    books = Books(files, labels, types, Identity(inflow.tokenizer, inflow.source), inflow.limits, [])
    match kind:
        case "csv":
            ingested = ingest_files(inflow, files, labels, CsvReading(books), skipped)
        case "parquet":
            ingested = ingest_files(inflow, files, labels, ParquetReading(books), skipped)
        case _:
            ingested = ingest_files(inflow, files, labels, EventReading(books), skipped)
    return replace(ingested, remarks=(*ingested.remarks, *books.remarks))
