"""What clients measured of their scans and commits, from the catalog into `ops.catalog_metric`."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from a360.catalog import CommitStamp, StoredReport, forget_reports, waiting_reports
from a360.table import Tables, new_commit_id

METRICS = "ops.catalog_metric"

_SCHEMA = pa.schema(
    [
        ("report_id", pa.string()),
        ("dataset", pa.string()),
        ("report", pa.string()),
        ("snapshot_id", pa.string()),
        ("operation", pa.string()),
        ("engine", pa.string()),
        ("metric", pa.string()),
        ("unit", pa.string()),
        ("measured", pa.int64()),
        ("events", pa.int64()),
        ("known_at", pa.timestamp("us", "UTC")),
    ]
)


def record_metrics(lake_folder: Path, tables: Tables) -> None:
    """Append the reports that wait; each batch is a commit of its own name, made once whatever fails."""
    for batch, reports in waiting_reports(lake_folder, new_commit_id()).items():
        rows = [row for report in reports for row in _rows(batch, report)]
        if rows:
            tables.append(METRICS, pa.Table.from_pylist(rows, schema=_SCHEMA), CommitStamp(batch))
        forget_reports(lake_folder, batch)


def _rows(batch: str, report: StoredReport) -> Iterator[dict[str, Any]]:
    told = json.loads(report.text)
    metrics: Sequence[dict[str, Any]] = told["metrics"]
    snapshot = told["snapshot"]
    for each in metrics:
        yield {
            "report_id": f"{batch}-{report.number}",
            "dataset": report.dataset,
            "report": told["report"],
            "snapshot_id": None if snapshot is None else str(snapshot),
            "operation": told["operation"],
            "engine": told["engine"],
            "metric": each["metric"],
            "unit": each["unit"],
            "measured": each["value"],
            "events": each["events"],
            "known_at": datetime.fromtimestamp(report.received_ms / 1000, UTC),
        }
