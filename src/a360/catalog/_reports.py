"""The metrics reports of clients that a lake's catalog keeps until they are recorded."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from a360.catalog.server import DATABASE
from a360.catalog.store import Database, MetricsReports, StoredReport


def waiting_reports(lake_folder: Path, batch: str) -> Mapping[str, Sequence[StoredReport]]:
    """The reports that wait to be recorded, by batch; those in no batch yet become the batch named.

    Batches stay as they are until they are forgotten: who records each under its name can tell after a crash
    which were recorded. A lake whose catalog is elsewhere has none.
    """
    path = lake_folder / DATABASE
    if not path.is_file():
        return {}
    with closing(Database(path)) as database:
        reports = MetricsReports(database)
        return reports.batches(batch) if reports.waiting() else {}


def forget_reports(lake_folder: Path, batch: str) -> None:
    """Delete a batch of reports that has been recorded."""
    with closing(Database(lake_folder / DATABASE)) as database:
        MetricsReports(database).forget(batch)
