"""Metrics reports of clients, kept until `ops` takes them; the oldest give way."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.catalog.store._database import Database

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it was taken.

    Attributes:
        number: Grows by one a report; never given twice.
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

    def after(self, number: int) -> Sequence[StoredReport]:
        """The reports that came after a number, in the order they came."""
        rows = self._database.connection.execute(
            "SELECT id, received_ms, dataset, report FROM metrics_report WHERE id > ? ORDER BY id", (number,)
        )
        return [StoredReport(*row) for row in rows]

    def forget(self, number: int) -> None:
        """Delete the reports up to a number."""
        with self._database.writing() as db:
            db.execute("DELETE FROM metrics_report WHERE id <= ?", (number,))
