"""The way back: what is undone is undone everywhere, and the next run stands on what is left."""

import os
import shutil
import signal
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from fhir_samples import encounter, observation, patient, practitioner
from lakes import Pattern, committed, content, difference, rows_of, snapshots

import a360
from a360.errors import UsageError
from a360.operate import _rollback
from a360.refine import refine

FIRST = (
    patient("p1", ids=["one"]),
    practitioner("d1"),
    encounter("e1", "Patient/p1", by="Practitioner/d1"),
    observation("o1", "Patient/p1", components=2),
    encounter("refused-1", "Patient/p1", status="no such status"),
)
SECOND = (
    patient("p2"),
    encounter("e2", "Patient/p2", by="Practitioner/d1"),
    encounter("e3", "Patient?identifier=urn:s|one"),
    observation("o1", "Patient/p2", components=1, updated="2026-01-02T00:00:00Z"),
    encounter("refused-2", "Patient/p1", status="no such status"),
)
DERIVED = (
    "silver.encounter",
    "silver.patient",
    "silver.identifier",
    "silver.observation_component",
    "gold.patient_counts",
)


@pytest.fixture(scope="module")
def two_batches(tmp_path_factory, contracts, put):
    """A lake of two batches, each refined, to start from."""
    folder = tmp_path_factory.mktemp("two-batches") / "lake"
    with a360.open(folder, contracts=contracts) as lake:
        for batch in (FIRST, SECOND):
            put(lake, *batch, source="s")
            lake.run()
    return Pattern(folder)


@pytest.fixture
def lake(two_batches, contracts):
    """A lake of two batches, each refined, as if no other test had touched it."""
    with a360.open(two_batches.again(), contracts=contracts) as opened:
        yield opened


@pytest.fixture
def wanted(tmp_path, lake, contracts, put):
    """The content of a lake that only the first batch came to, in the zones one can compare."""
    with a360.open(tmp_path / "other", contracts=contracts) as other:
        _share_keys(other, lake)
        put(other, *FIRST, source="s")
        other.run()
        return content(other)


def _share_keys(other, lake):
    """Give a lake without data the keys of another, so that their tokens are the same."""
    shutil.rmtree(other.path / "keys")
    shutil.copytree(lake.path / "keys", other.path / "keys")


def first_snapshot(lake, name):
    return lake.history(name)[-1].snapshot.snapshot_id


def test_nothing_is_undone_unless_it_is_agreed_to(lake):
    """A rollback first says how many commits go and which datasets are computed from them."""
    before = snapshots(lake)
    with pytest.raises(UsageError, match="rollback-unconfirmed") as error:
        lake.rollback("silver.patient", first_snapshot(lake, "silver.patient"))
    assert "1 commit" in error.value.what
    assert "silver.patient, gold.patient_counts" in error.value.found
    assert snapshots(lake) == before


def test_bronze_without_its_last_batch_gives_the_lake_without_it(lake, wanted):
    """After the rollback of a batch and a run, no table holds a trace of it, neither blocks nor rejects."""
    lake.rollback("bronze.fhir_resource", first_snapshot(lake, "bronze.fhir_resource"), accept=True)
    report = lake.run()
    assert "gold.patient_counts" in committed(report)
    assert difference(content(lake), wanted) == {}
    assert committed(lake.run()) == set()


def test_what_only_the_undone_batch_had_goes_with_it(tmp_path, contracts, put):
    """Patients and types of resources that nothing else tells of leave silver, and gold made by key."""
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        put(lake, patient("p1"), source="s")
        lake.run()
        before = content(lake)
        put(lake, patient("p2"), observation("o1", "Patient/p2", components=1), source="s")
        lake.run()
        lake.rollback("bronze.fhir_resource", first_snapshot(lake, "bronze.fhir_resource"), accept=True)
        lake.run()
        assert difference({name: rows for name, rows in content(lake).items() if rows}, before) == {}
        assert committed(lake.run()) == set()


def test_a_batch_that_was_rolled_back_can_come_again(lake, put):
    """The same files are not taken for known: ingested anew they give the lake that was before."""
    before = content(lake)
    lake.rollback("bronze.fhir_resource", first_snapshot(lake, "bronze.fhir_resource"), accept=True)
    lake.run()
    report = put(lake, *SECOND, source="s")
    assert report.steps[0].landed == len(SECOND)
    lake.run()
    assert difference(content(lake), before) == {}


@pytest.mark.parametrize(
    "name",
    [
        "silver.encounter",
        "silver.patient",
        "silver.identifier",
        "silver.observation_component",
        "gold.patient_counts",
    ],
)
def test_the_next_run_brings_a_derived_dataset_forward_again(lake, name):
    """A rolled back dataset is computed from its standing then, and so is what is computed from it."""
    before = content(lake)
    planned = lake.rollback(name, first_snapshot(lake, name), accept=True)
    assert name in planned.recomputed
    assert difference(content(lake), before) != {} or name == "silver.identifier"
    lake.run()
    assert difference(content(lake), before) == {}
    assert committed(lake.run()) == set()


def test_downstream_stands_on_what_was_rolled_back_and_is_not_taken_for_current(lake):
    """Gold alone, computed after a rollback of silver, follows silver and does not rest on what it was."""
    lake.rollback("silver.encounter", first_snapshot(lake, "silver.encounter"), accept=True)
    with lake._parts.refining("duckdb") as context:
        refine(context, [lake.lake_plan.step("gold.practitioner_counts")])
    assert rows_of(lake, "SELECT sum(encounters)::INT AS n FROM gold.practitioner_counts") == [{"n": 1}]


@pytest.mark.parametrize(
    "name", ["bronze.fhir_block", "quarantine.encounter", "quarantine.fhir_resource", "ops.run", "ops.commit"]
)
def test_what_belongs_to_commits_of_others_does_not_go_back_alone(lake, name):
    """Blocks, rejects and records are no datasets of their own: the error names the dataset they go with."""
    with pytest.raises(UsageError, match="not rolled back on its own"):
        lake.rollback(name, "2026-01-01", accept=True)


def test_what_was_undone_cannot_be_gone_to(lake):
    """An undone snapshot is not in the history: its companions are gone, so there is no way forward to it."""
    newest = lake.history("silver.encounter")[0].snapshot.snapshot_id
    lake.rollback("silver.encounter", first_snapshot(lake, "silver.encounter"), accept=True)
    with pytest.raises(UsageError, match="not in the history"):
        lake.rollback("silver.encounter", newest, accept=True)
    states = {each.snapshot.snapshot_id: each.state for each in lake.history("silver.encounter")}
    assert states[newest] == "undone"
    assert "rollback" in {each.operation for each in lake.history("silver.encounter")}


def test_a_rollback_to_where_a_table_is_changes_nothing(lake):
    """The second of two equal rollbacks finds nothing to do and leaves no record."""
    target = first_snapshot(lake, "gold.patient_counts")
    assert lake.rollback("gold.patient_counts", target, accept=True).commit_id
    before = snapshots(lake, ops=True)
    assert lake.rollback("gold.patient_counts", target).commit_id is None
    assert snapshots(lake, ops=True) == before


def test_a_rollback_is_on_record(lake):
    """The record names the rollback as a run of its own, with the commit that made it."""
    report = lake.rollback("gold.patient_counts", first_snapshot(lake, "gold.patient_counts"), accept=True)
    [run] = rows_of(lake, "SELECT * FROM ops.run WHERE command = 'rollback'")
    [step] = rows_of(lake, f"SELECT * FROM ops.run_step WHERE run_id = '{run['run_id']}'")
    assert (step["dataset"], step["commit_id"]) == ("gold.patient_counts", report.commit_id)
    [commit] = rows_of(lake, "SELECT * FROM ops.commit WHERE operation = 'rollback'")
    assert (commit["snapshot_id"], commit["parent_id"]) == (report.after, report.before)


@pytest.mark.faults
def test_killed_after_the_dataset_went_back_the_next_job_finishes(lake, wanted, put):
    """Whoever dies between the dataset and its companions leaves what the next job sweeps away."""
    target = first_snapshot(lake, "bronze.fhir_resource")
    lake.close()
    child = os.fork()
    if not child:
        _rollback.sweep_undone = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        lake.rollback("bronze.fhir_resource", target, accept=True)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    lake.run()
    assert difference(content(lake), wanted) == {}


def test_after_upkeep_the_next_run_is_still_incremental(lake, put):
    """Rewritten and with all older snapshots expired, datasets still know where they stand."""
    names = [
        name
        for name in lake.tables.list()
        if name.partition(".")[0] in {"bronze", "silver", "gold"} and lake.tables.current_snapshot_id(name)
    ]
    _rewrite(lake, names)
    assert committed(lake.run()) == set()
    for name in names:
        lake.tables.expire(name, datetime.now(UTC) + timedelta(minutes=1))
    assert {len(lake.tables.snapshots(name)) for name in names} == {1}
    assert committed(lake.run()) == set()
    put(lake, encounter("e9", "Patient/p1", by="Practitioner/d1"), source="s")
    report = lake.run()
    assert report.ways["silver.encounter"] == "incremental"
    assert report.ways["gold.patient_counts"] == "by_key"
    assert {each.read for each in report.steps if each.dataset == "silver.encounter"} == {1}


def _rewrite(lake, names):
    """Rewrite tables, fit or not, as a table of many small files would be."""
    with mock.patch("a360.table._maintain._unfit", return_value=0):
        for name in names:
            assert lake.tables.rewrite(name).operation == "replace"
