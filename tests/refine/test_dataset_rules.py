"""Rules of a dataset as a whole: an error blocks the step, which then commits nothing; a warning warns."""

import os
import shutil
import subprocess
import sys

import pytest
from fhir_samples import encounter, patient
from lakes import committed, rows_of, snapshots
from small_contracts import change

import a360
from a360.errors import DataError


def none_cancelled(severity):
    """A rule by which no encounter may be cancelled."""
    return {
        "name": "none_cancelled",
        "type": "sql",
        "query": "SELECT COUNT(*) FROM silver.encounter WHERE status = 'cancelled'",
        "mustBe": 0,
        "severity": severity,
        "description": "None is cancelled.",
    }


def with_rule(contracts, folder, rule):
    """A copy of the contracts with one more rule on encounters."""
    shutil.copytree(contracts, folder)
    change(folder / "silver/encounter.yaml", lambda c: c["schema"][0]["quality"].append(rule))
    return folder


@pytest.fixture(scope="module")
def blocked(tmp_path_factory, contracts, put):
    """A lake in which a second run was blocked, its snapshots before and after, and the failure."""
    base = tmp_path_factory.mktemp("blocked")
    strict = with_rule(contracts, base / "contracts", none_cancelled("error"))
    with a360.open(base / "lake", contracts=strict) as lake:
        put(lake, patient("p1"), encounter("e1"))
        lake.run()
        put(
            lake,
            patient("p2"),
            encounter("e2", status="cancelled"),
            encounter("e3", status="none of the codes"),
        )
        before = snapshots(lake)
        with pytest.raises(DataError) as failure:
            lake.run()
        yield lake, before, snapshots(lake), failure.value, base


def test_a_blocking_rule_says_what_it_measured(blocked):
    """The failure names dataset and rule, what was measured and what was asked."""
    *_, error, _ = blocked
    assert error.code.slug == "rule-blocked"
    assert error.where == "silver.encounter, rule none_cancelled"
    assert "measured 1" in error.found


def test_a_blocked_step_commits_nothing(blocked):
    """Neither the dataset nor its quarantine gets a snapshot, and nothing that is made from it."""
    _, before, after, *_ = blocked
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"silver.identifier", "silver.patient_link", "silver.patient"}


def test_a_blocked_run_is_on_record(blocked):
    """`ops.run` has the run as failed, with the code of the error, and the steps before it."""
    lake, *_ = blocked
    run = rows_of(lake, "SELECT * FROM ops.run WHERE status = 'failed'")
    assert [row["error_code"] for row in run] == ["rule-blocked"]
    steps = rows_of(lake, f"SELECT dataset FROM ops.run_step WHERE run_id = '{run[0]['run_id']}'")
    assert {row["dataset"] for row in steps} >= {"silver.patient"}


def test_the_command_line_tells_the_blocked_step(blocked):
    """`a360 run` exits 4 where a blocking rule stops a step, and names the rule."""
    lake, *_, base = blocked
    result = subprocess.run(
        [sys.executable, "-m", "a360", "--lake", lake.path, "run"],
        env=os.environ | {"A360_CONTRACTS": str(base / "contracts")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 4
    assert "none_cancelled" in result.stderr


def test_what_was_blocked_lands_once_the_rule_allows_it(blocked, contracts, put):
    """With the rule as a warning the same news lands, rejects and all, and the report warns.

    As an error once more it is measured over all rows there are, though none of them is new.
    """
    lake, *_, base = blocked
    mild = with_rule(contracts, base / "mild", none_cancelled("warning"))
    with a360.open(lake.path, contracts=mild) as again:
        report = again.run()
        assert {"silver.encounter", "gold.patient_counts", "gold.practitioner_counts"} & committed(report)
        ids = {row["encounter_id"] for row in rows_of(again, "SELECT encounter_id FROM silver.encounter")}
        assert ids == {"e1", "e2"}
        assert len(again.table("quarantine.encounter")) == 1
        warned = [result.rule for result in report.quality if not result.passed and not result.blocks]
        assert "none_cancelled" in warned
    with a360.open(lake.path, contracts=base / "contracts") as strict, pytest.raises(DataError):
        strict.run()


def test_a_step_that_lands_nothing_breaks_no_rule(small_lake, put):
    """News that is older than what is held lands no row, and so breaks no rule about rows to land."""
    put(small_lake, patient("p1", updated="2026-01-05T00:00:00Z"))
    small_lake.run()
    put(small_lake, encounter("e1", updated="2026-01-05T00:00:00Z"))
    small_lake.run()
    put(small_lake, encounter("e1", updated="2026-01-01T00:00:00Z", status="cancelled"))
    report = small_lake.run()
    failed = {(result.dataset, result.rule) for result in report.quality if not result.passed}
    assert not {
        rule for dataset, rule in failed if dataset == "silver.encounter" and rule != "references_resolve"
    }
