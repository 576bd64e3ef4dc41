"""Metrics reports of clients, kept until `ops` takes them; the oldest give way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from a360.catalog.store._database import Database

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it was taken.

    Attributes:
        number: Grows with each report.
        received_ms: When it came.
        dataset: The table it tells of.
        text: The report as JSON.
    """

    number: int
    received_ms: int
    dataset: str
    text: str


class MetricsReports:
    """The reports of one lake that wait to be recorded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, received_ms: int, dataset: str, text: str) -> None:
        """Keep a report; more than ten thousand are not kept."""
        with self._database.writing() as db:
            number = db.execute(
                "INSERT INTO metrics_report (received_ms, dataset, report) VALUES (?, ?, ?)",
                (received_ms, dataset, text),
            ).lastrowid
            db.execute("DELETE FROM metrics_report WHERE id <= ?", ((number or 0) - _KEPT,))

    def batches(self, name: str) -> Mapping[str, Sequence[StoredReport]]:
        """All reports that wait, in batches that stay as they are until they are forgotten.

        A batch is recorded under its name, so that one which was recorded and not yet forgotten when a
        process ended can be told.

        Args:
            name: What the batch of those in no batch yet is called from now on.
        """
        with self._database.writing() as db:
            db.execute("UPDATE metrics_report SET batch = ? WHERE batch IS NULL", (name,))
            rows = db.execute(
                "SELECT batch, id, received_ms, dataset, report FROM metrics_report ORDER BY id"
            ).fetchall()
        found: dict[str, list[StoredReport]] = {}
        for batch, *report in rows:
            found.setdefault(batch, []).append(StoredReport(*report))
        return found

    def waiting(self) -> bool:
        """Whether there are any."""
        query = "SELECT 1 FROM metrics_report LIMIT 1"
        return self._database.connection.execute(query).fetchone() is not None

    def forget(self, batch: str) -> None:
        """Delete the reports of a batch."""
        with self._database.writing() as db:
            db.execute("DELETE FROM metrics_report WHERE batch = ?", (batch,))
