"""The commands about quality, from outside: answers, exit codes, and what is never shown."""

import json

import pytest

pytestmark = pytest.mark.e2e


def test_check_of_named_datasets_scores_each_dimension(a360):
    """`check DATASET` reports that dataset alone, with a score for each dimension that is judged."""
    [dataset] = a360("check", "silver.patient", "--json").json()
    assert dataset["dataset"] == "silver.patient"
    assert dataset["dimensions"]["completeness"] is not None
    assert dataset["rules"]


def test_check_judges_by_what_it_has_kept(a360):
    """`check --stored` after `check` gives the same verdicts, of the same moment, and none is missing."""
    fresh = {each["dataset"]: each for each in a360("check", "--json").json()}
    for each in a360("check", "--stored", "--json").json():
        before = fresh[each["dataset"]]
        assert each["unmeasured"] == []
        verdicts = [(rule["rule"], rule["passed"], rule["failed"]) for rule in each["rules"]]
        assert verdicts == [(rule["rule"], rule["passed"], rule["failed"]) for rule in before["rules"]]


def test_check_writes_a_report(a360, tmp_path):
    """`--html` writes one page beside the answer; a folder that is not there is told, and left alone."""
    page = tmp_path / "quality.html"
    assert a360("check", "silver.patient", "--html", page).code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert page.stat().st_mode & 0o077 == 0
    failed = a360("check", "silver.patient", "--html", tmp_path / "nowhere/quality.html", "--json")
    assert failed.code == 5
    assert json.loads(failed.err)["code"] == "input-missing"


def test_check_of_what_has_no_rules_is_a_usage_error(a360):
    """A dataset that is not there, and one that no rule judges, are told as such."""
    assert json.loads(a360("check", "silver.no_such", "--json").err)["code"] == "unknown-dataset"
    assert a360("check", "bronze.fhir_resource").code == 2


def test_quarantine_is_listed_shown_and_opened_on_request_alone(a360):
    """Lists hold no payload; opening one warns on standard error and leaves a trace in the lake's log."""
    listed = a360("quarantine", "list", "--json").json()
    assert listed
    dataset = next(each["dataset"] for each in listed if each["dataset"].startswith("silver."))
    rows = a360("quarantine", "show", dataset, "--json").json()
    assert rows
    assert all("payload" not in row for row in rows)
    opened = a360("quarantine", "show", dataset, "--open", rows[0]["row"], "--json")
    assert json.loads(opened.json()["payload"])["resourceType"]
    assert "patient's data" in opened.err
    assert a360("quarantine", "show", dataset, "--open", "ffffffffffff").code == 2


def test_replay_without_a_fix_changes_nothing(a360):
    """A replay accounts for every row that waits, and leaves all of them where nothing was mended."""
    waiting = sum(row["rows"] for row in a360("quarantine", "list", "--json").json())
    told = a360("quarantine", "replay", "--json").json()
    assert sum(each["waiting"] for each in told["datasets"]) == waiting
    assert all(each["waiting"] == each["cleared"] + each["refused"] for each in told["datasets"])
    assert sum(row["rows"] for row in a360("quarantine", "list", "--json").json()) == waiting
