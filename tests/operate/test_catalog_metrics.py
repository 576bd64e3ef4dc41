"""What clients measured is found in `ops.catalog_metric`, once, whatever happened in between."""

import httpx
import pytest
from lakes import rows_of

from a360.catalog import forget_reports, waiting_reports
from a360.operate import _catalog_metrics

REPORT = {
    "report-type": "scan-report",
    "table-name": "silver.patient",
    "snapshot-id": 7,
    "metrics": {
        "result-data-files": {"unit": "count", "value": 3},
        "total-planning-duration": {"count": 2, "time-unit": "nanoseconds", "total-duration": 40},
    },
    "metadata": {"engine-name": "spark", "engine-version": "4.1"},
}
PATIENT = {"resourceType": "Patient", "id": "1", "meta": {"versionId": "1"}, "gender": "female"}


@pytest.fixture
def report(small_lake):
    """Sends a report to the lake's catalog, as engines do after a scan."""
    small_lake.apply()

    def send():
        at = small_lake.catalog.endpoint
        answer = httpx.post(
            f"{at.uri}/v1/namespaces/silver/tables/patient/metrics",
            json=REPORT,
            headers={"authorization": f"Bearer {at.token}"},
            trust_env=False,
        )
        assert answer.status_code == 204, answer.text

    return send


def test_a_run_records_what_clients_measured(small_lake, report, put):
    """After the next run each metric of each report is a row, and the catalog has forgotten them."""
    report()
    report()
    put(small_lake, PATIENT)
    rows = rows_of(small_lake, "FROM ops.catalog_metric ORDER BY report_id, metric")
    assert len({row["report_id"] for row in rows}) == 2
    assert [(row["metric"], row["unit"], row["measured"], row["events"]) for row in rows[:2]] == [
        ("result-data-files", "count", 3, None),
        ("total-planning-duration", "nanoseconds", 40, 2),
    ]
    first = rows[0]
    assert (first["dataset"], first["report"], first["snapshot_id"]) == ("silver.patient", "scan", "7")
    assert first["engine"] == "spark 4.1"
    assert waiting_reports(small_lake.path, "now") == {}


def test_a_batch_is_recorded_once(small_lake, report, put, monkeypatch):
    """A process that ends between recording a batch and forgetting it does not make it count twice."""
    report()
    with monkeypatch.context() as broken:
        broken.setattr(_catalog_metrics, "forget_reports", _stop)
        with pytest.raises(KeyboardInterrupt):
            put(small_lake, PATIENT)
    report()
    put(small_lake, {**PATIENT, "id": "2"})
    rows = rows_of(small_lake, "FROM ops.catalog_metric")
    assert len(rows) == 4
    assert len({(row["report_id"], row["metric"]) for row in rows}) == 4


def _stop(*_):
    raise KeyboardInterrupt


def test_a_lake_whose_catalog_is_elsewhere_has_none(tmp_path):
    """Where there is no catalog file, nothing waits and none is made."""
    assert waiting_reports(tmp_path, "b") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_reports_records_none(small_lake, put):
    """Where nobody reported, no snapshot is made."""
    put(small_lake, PATIENT)
    assert small_lake.history("ops.catalog_metric") == []
    forget_reports(small_lake.path, "none")
