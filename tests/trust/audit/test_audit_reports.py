"""The reports, against what a person would count by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from a360.trust.audit import LocalAuditLog, ReportOptions, Search, report

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def log(tmp_path_factory, keys, event):
    """A log of one week."""
    folder = tmp_path_factory.mktemp("reported") / "log"
    folder.mkdir(mode=0o700)
    with LocalAuditLog.open(folder, keys) as log:
        one = [log.subject("p1")]
        log.record_all(
            [
                # One request that was decided and told: one access, of one patient.
                event(at=MONDAY, request="a", outcome="allowed", purpose="research"),
                event(at=MONDAY, request="a", rows=1, purpose="research", subjects=one),
                # Of somebody unknown, of nobody, cut off with rows told, never ended, for treatment, of no
                # patient's dataset.
                event(at=MONDAY, request="b", rows=200, purpose="research"),
                event(at=MONDAY, request="c", rows=0, purpose="research"),
                event(at=MONDAY, request="d", outcome="allowed", purpose="research"),
                event(at=MONDAY, request="d", outcome="failed", rows=7, purpose="research"),
                event(at=MONDAY, request="e", outcome="allowed", purpose="research"),
                event(at=MONDAY, request="f", rows=3, purpose="treatment", subjects=one),
                event(at=MONDAY, request="g", rows=5, purpose="research", objects=["ops.run"]),
                event(at=MONDAY, request="h", outcome="denied", purpose="research", principal="mallory"),
            ]
        )
        log.record_all(
            [
                *(
                    event(at=MONDAY + timedelta(minutes=2 * n), outcome="denied", principal="mallory")
                    for n in range(1, 6)
                ),
                *(
                    event(at=MONDAY + timedelta(hours=n), outcome="denied", principal="oscar")
                    for n in range(9)
                ),
                *(event(at=MONDAY + timedelta(days=n), rows=100, principal="bulk") for n in range(4)),
                event(at=MONDAY + timedelta(days=4), rows=12_000, principal="bulk"),
                event(at=MONDAY + timedelta(days=5), rows=1, principal="weekend"),
                event(at=MONDAY + timedelta(hours=10, minutes=30), rows=1, principal="late"),
                event(
                    at=MONDAY,
                    action="break-glass",
                    outcome="allowed",
                    principal="doctor",
                    details={"minutes": 30},
                ),
            ]
        )
    return log


def rows(log, kind, **options):
    """A report's rows."""
    return report(log.folder, kind, ReportOptions(**options)).to_pylist()


def test_disclosures_leave_out_nothing_that_may_concern_a_patient(log):
    """An accounting has what is certain or possible, and not what was for treatment or told nobody."""
    alice = Search(principal="alice")
    found = {
        row["request"]: (row["concerned"], row["row_count"])
        for row in rows(
            log,
            "disclosures",
            search=alice,
            subject=log.subject("p1"),
            datasets=["gold.patient_360"],
        )
    }
    assert found == {
        "a": ("certain", 1),
        "b": ("possible", 200),
        "d": ("possible", 7),
        "e": ("possible", None),
    }


def test_an_accounting_of_another_patient_has_only_what_is_possible(log):
    """What is certain of one patient is none of another's; with everything, treatment is told too."""
    alice = Search(principal="alice")
    other = rows(log, "disclosures", search=alice, subject=log.subject("p2"))
    assert {row["request"] for row in other} == {"b", "d", "e", "g"}
    everything = rows(log, "disclosures", search=alice, subject=log.subject("p1"), everything=True)
    assert {row["request"] for row in everything} == {"a", "b", "d", "e", "f", "g"}


def test_a_breach_report_counts_what_was_told(log):
    """Rows, requests and patients are counted by dataset, and patients that nobody knows are not hidden."""
    [run, patients] = sorted(
        rows(log, "breach", search=Search(principal="alice")), key=lambda row: row["row_count"]
    )
    assert (run["dataset"], run["row_count"]) == ("ops.run", 5)
    assert (patients["requests"], patients["row_count"], patients["known_patients"]) == (6, 211, 1)
    assert patients["requests_of_unknown_patients"] == 3


def test_an_access_review_tells_use_and_refusals(log):
    """Each principal's use of each dataset, with what was refused."""
    found = {
        (row["principal"], row["dataset"]): (row["allowed"], row["denied"]) for row in rows(log, "access")
    }
    assert found["alice", "gold.patient_360"] == (6, 0)
    assert found["mallory", "gold.patient_360"] == (0, 6)
    assert found["bulk", "gold.patient_360"] == (5, 0)


def test_anomalies_are_those_that_stand_out(log):
    """Off hours, a day ten times the usual, denials within ten minutes and break-glass; and nothing else."""
    found = {(row["kind"], row["principal"]): row["events"] for row in rows(log, "anomalies")}
    assert found == {
        ("break-glass", "doctor"): 1,
        ("off hours", "weekend"): 1,
        ("repeated denials", "mallory"): 6,
        ("volume", "bulk"): 1,
    }


def test_hours_are_those_of_the_clinics(log):
    """What is within hours in one place is outside of them in another."""
    found = {
        row["principal"] for row in rows(log, "anomalies", zone="Europe/Athens") if row["kind"] == "off hours"
    }
    assert found == {"weekend", "late"}
