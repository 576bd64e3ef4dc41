"""Metrics reports: taken, kept without anything that could be data, bounded."""

import json

import pytest

from a360.catalog._wire import Request
from a360.catalog.server import FULL, EmbeddedCatalog
from a360.catalog.store import Database, MetricsReports

SCAN = {
    "report-type": "scan-report",
    "table-name": "lake.silver.visit",
    "snapshot-id": 9_007_199_254_740_993,
    "filter": {"type": "eq", "term": "patient_key", "value": "Jane Doe"},
    "schema-id": 0,
    "projected-field-ids": [1],
    "projected-field-names": ["id"],
    "metrics": {
        "total-planning-duration": {"count": 1, "time-unit": "nanoseconds", "total-duration": 2_644_235_116},
        "result-data-files": {"unit": "count", "value": 3},
        "total-file-size-in-bytes": {"unit": "bytes", "value": 10},
    },
    "metadata": {"engine-name": "spark", "engine-version": "4.1", "user": "Jane Doe"},
}
COMMIT = {
    "report-type": "commit-report",
    "table-name": "lake.silver.visit",
    "snapshot-id": 7,
    "sequence-number": 1,
    "operation": "append",
    "metrics": {"added-records": {"unit": "count", "value": 5}},
}


@pytest.mark.parametrize("report", [SCAN, COMMIT, {"report-type": "of-tomorrow", "anything": 1}])
def test_reports_are_taken(api, report, only_embedded):
    """Reports of scans and commits are taken; kinds that came later than this catalog are too."""
    assert api.post(f"{api.table().path}/metrics", report).status_code == 204


@pytest.mark.parametrize(
    "report", [{}, {"report-type": 7}, {"report-type": "scan-report"}, {**SCAN, "metrics": [1]}]
)
def test_what_is_no_report_is_refused(api, error_of, report, only_embedded):
    """A report without its kind or its metrics is a bad request."""
    answer = api.post(f"{api.table().path}/metrics", report)
    assert error_of(answer) == (400, "BadRequestException")


def test_reports_are_about_a_table(api, error_of, only_embedded):
    """A report on a table that is not there is answered with 404."""
    answer = api.post(f"/namespaces/{api.namespace()}/tables/none/metrics", SCAN)
    assert error_of(answer) == (404, "NoSuchTableException")


@pytest.fixture
def kept(tmp_path):
    """Sends reports on one table and gives what the catalog keeps of them."""
    catalog = EmbeddedCatalog(tmp_path, FULL)
    schema = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}

    def post(path, body):
        return catalog.handle(Request("POST", f"/v1/namespaces{path}", body=json.dumps(body).encode()))

    post("", {"namespace": ["silver"]})
    post("/silver/tables", {"name": "visit", "schema": schema})

    def send(*reports):
        for report in reports:
            assert post("/silver/tables/visit/metrics", report).status == 204
        database = Database(tmp_path / "catalog.db")
        found = MetricsReports(database).batches("now")
        database.close()
        return [report for batch in found.values() for report in batch]

    yield send
    catalog.close()


def test_nothing_that_could_be_data_is_kept(kept):
    """A filter's values and a client's free text stay out; numbers and names of metrics are kept."""
    [report] = kept(SCAN)
    assert "Jane" not in report.text
    assert report.dataset == "silver.visit"
    assert json.loads(report.text) == {
        "report": "scan",
        "snapshot": 9_007_199_254_740_993,
        "operation": None,
        "engine": "spark 4.1",
        "metrics": [
            {"metric": "total-planning-duration", "unit": "nanoseconds", "value": 2_644_235_116, "events": 1},
            {"metric": "result-data-files", "unit": "count", "value": 3, "events": None},
            {"metric": "total-file-size-in-bytes", "unit": "bytes", "value": 10, "events": None},
        ],
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Jane Doe, 1970", {"unit": "count", "value": 1}),
        ("x" * 65, {"unit": "count", "value": 1}),
        ("a", "Jane Doe"),
        ("a", {"unit": "count", "value": "Jane"}),
        ("a", {"unit": "count", "value": 1 << 63}),
        ("a", {"unit": "count", "value": True}),
        ("a", {"unit": "count", "value": 1.5}),
        ("a", None),
    ],
)
def test_what_is_no_metric_is_left_out(kept, name, value):
    """Names that are none and values that are no numbers are dropped, the rest of the report is kept."""
    [report] = kept({**COMMIT, "metrics": {name: value, "b": {"unit": "count", "value": 2}}})
    assert [each["metric"] for each in json.loads(report.text)["metrics"]] == ["b"]


def test_reports_are_bounded(tmp_path, monkeypatch):
    """Where nobody records them, the newest are kept and the catalog does not grow."""
    monkeypatch.setattr("a360.catalog.store._reports._KEPT", 5)
    database = Database(tmp_path / "catalog.db")
    reports = MetricsReports(database)
    for number in range(12):
        reports.add(number, "silver.visit", "{}")
    [kept] = reports.batches("b").values()
    assert [report.received_ms for report in kept] == [7, 8, 9, 10, 11]
    database.close()


def test_a_batch_stays_as_it_is(tmp_path):
    """What comes after a batch was formed waits for the next; forgetting one leaves the other."""
    database = Database(tmp_path / "catalog.db")
    reports = MetricsReports(database)
    reports.add(1, "silver.visit", "{}")
    assert list(reports.batches("first")) == ["first"]
    reports.add(2, "silver.visit", "{}")
    found = reports.batches("second")
    assert [[report.received_ms for report in batch] for batch in found.values()] == [[1], [2]]
    reports.forget("first")
    assert list(reports.batches("third")) == ["second"]
    reports.forget("second")
    assert not reports.waiting()
    database.close()
