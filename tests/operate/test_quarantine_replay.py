"""Refused rows seen and tried again: nothing is lost, nothing is doubled, also where a process dies."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from fhir_samples import encounter, observation, patient, practitioner
from forked_work import exit_code
from lakes import Pattern, content, difference, rows_of, snapshots, write_ndjson
from small_contracts import change

import a360
from a360.errors import UsageError
from a360.ingest import Inflow, Limits, ingest_fhir

ENCOUNTER = "silver/encounter.yaml"
STRICT = {
    "name": "finished",
    "type": "custom",
    "engine": "a360",
    "implementation": "status = 'finished'",
    "severity": "error",
    "description": "For the test.",
}


def rule_off(folder):
    """Take the rule out of the contracts again."""
    change(
        folder / ENCOUNTER,
        lambda contract: contract["schema"][0].update(
            quality=[each for each in contract["schema"][0]["quality"] if each["name"] != STRICT["name"]]
        ),
    )


NEWS = (
    patient("p1"),
    encounter("e1", "Patient/p1", status="finished"),
    encounter("e2", "Patient/p1", status="planned"),
    encounter("e3", "Patient/p1", status="planned", period={"start": "never"}),
    observation("o1", "Patient/p1"),
)


def waiting(lake):
    """How many rows wait, by dataset and rule."""
    return {(row["dataset"], row["rule"]): row["rows"] for row in lake.quarantine.list()}


def make(path, contracts, put, *news):
    """A lake with some news, refined."""
    with a360.open(path, contracts=contracts) as lake:
        put(lake, *news)
        lake.run()
        return content(lake, ("silver", "gold"))


def never_at_fault(lake, path, contracts, bring):
    """What a lake with the same keys holds to which the same came without a fault."""
    with a360.open(path, contracts=contracts) as other:
        shutil.rmtree(path / "keys")
        shutil.copytree(lake / "keys", path / "keys")
        bring(other)
        other.run()
        return content(other, ("silver", "gold"))


@pytest.fixture(scope="module")
def refused(tmp_path_factory, contracts, put):
    """A lake of which a rule refused what is not finished, with its contracts, to start from."""
    folder = tmp_path_factory.mktemp("refused") / "base"
    strict = shutil.copytree(contracts, folder / "contracts")
    change(strict / ENCOUNTER, lambda contract: contract["schema"][0]["quality"].append(STRICT))
    make(folder / "lake", strict, put, *NEWS)
    return Pattern(folder)


@pytest.fixture
def path(refused):
    """The folder of that lake, as if no test had touched it."""
    return refused.again() / "lake"


@pytest.fixture
def strict(path):
    """Its contracts, with the rule."""
    return path.with_name("contracts")


@pytest.fixture(scope="module")
def wanted(refused, tmp_path_factory, contracts, put):
    """What a lake holds that took the same in without the rule."""
    never = tmp_path_factory.mktemp("never") / "lake"
    return never_at_fault(refused.again() / "lake", never, contracts, lambda other: put(other, *NEWS))


def test_what_was_refused_is_counted_by_dataset_source_and_rule(path, strict, put):
    """The list has each rule that refused something, where from, how often, and when first and last."""
    with a360.open(path, contracts=strict) as lake:
        for source in (None, "clinic"):
            put(lake, encounter("e9", "Patient/p1", status="planned"), source=source)
        lake.run()
        rows = lake.quarantine.list()
        assert [(row["dataset"], row["source"], row["rule"], row["rows"]) for row in rows] == [
            ("silver.encounter", "clinic", "finished", 1),
            ("silver.encounter", "default", "finished", 2),
            ("silver.encounter", "default", "start_at-type", 1),
        ]
        assert rows[1]["first"] < rows[1]["last"]
        assert lake.quarantine.list("silver.patient") == []


def test_a_row_is_opened_by_its_name_and_goes_on_record(path, strict):
    """Listing shows no payload; opening one gives what was received, and the log has who, which and why."""
    with a360.open(path, contracts=strict) as lake:
        [row] = lake.quarantine.show("silver.encounter", rule="finished")
        assert "payload" not in row
        facts, payload = lake.quarantine.open("silver.encounter", row["row"])
        assert json.loads(payload) == encounter("e2", "Patient/p1", status="planned")
        assert (facts["rule"], facts["dataset"]) == ("finished", "silver.encounter")
        with pytest.raises(UsageError):
            lake.quarantine.open("silver.encounter", "000000000000")
        with pytest.raises(UsageError):
            lake.quarantine.open("silver.patient", row["row"])


def test_after_a_fix_replay_gives_the_lake_that_never_had_the_fault(path, strict, wanted):
    """What a corrected rule lets in lands as if it had never been refused, on to gold; the rest stays."""
    rule_off(strict)
    with a360.open(path, contracts=strict) as lake:
        report = lake.replay()
        assert [each.to_json() for each in report.datasets] == [
            {
                "dataset": "silver.encounter",
                "waiting": 2,
                "cleared": 1,
                "untried": 0,
                "refused": 1,
                "next_step": None,
            }
        ]
        assert waiting(lake) == {("silver.encounter", "start_at-type"): 1}
        assert difference(wanted, content(lake, ("silver", "gold"))) == {}


def test_a_plain_run_after_a_fix_clears_too(path, strict):
    """A run that reads everything again because a contract changed leaves no record of what it let in."""
    rule_off(strict)
    with a360.open(path, contracts=strict) as lake:
        lake.run()
        assert waiting(lake) == {("silver.encounter", "start_at-type"): 1}


def test_a_replay_without_a_fix_changes_nothing(path, strict):
    """What is refused again stays as it was: no row twice, no new snapshot, however often it is tried."""
    with a360.open(path, contracts=strict) as lake:
        before, stood = snapshots(lake), waiting(lake)
        for _ in range(2):
            [account] = lake.replay().datasets
            assert (account.waiting, account.cleared, account.refused) == (2, 0, 2)
        assert snapshots(lake) == before
        assert waiting(lake) == stood


def test_an_unchanged_contract_replays_only_what_was_refused(path, strict):
    """Where the fix is outside of the contract, nothing but the refused rows is read again."""
    with a360.open(path, contracts=strict) as lake:
        [step] = [each for each in lake.replay().steps if each.dataset == "silver.encounter"]
        assert (step.read, step.quarantined) == (2, 2)


def test_a_row_refused_by_another_rule_now_is_recorded_under_that(path, strict):
    """Whoever reads the quarantine sees the rule that refuses a row today, once."""
    change(
        strict / ENCOUNTER,
        lambda contract: contract["schema"][0]["quality"][-1].update(name="really_finished"),
    )
    with a360.open(path, contracts=strict) as lake:
        [account] = lake.replay("silver.encounter").datasets
        assert (account.waiting, account.cleared) == (2, 1)
        assert waiting(lake) == {
            ("silver.encounter", "really_finished"): 1,
            ("silver.encounter", "start_at-type"): 1,
        }


def test_what_is_contained_in_others_is_replayed_with_them(tmp_path, contracts, put):
    """A contained resource that was refused lands when its rule allows it; its container stays as it was."""
    folder = shutil.copytree(contracts, tmp_path / "contracts")
    rule = {**STRICT, "name": "women", "implementation": "gender = 'female'"}
    practitioners = folder / "silver/practitioner.yaml"
    change(practitioners, lambda contract: contract["schema"][0].setdefault("quality", []).append(rule))
    inside = {"contained": [practitioner("d", gender="male"), practitioner("f", gender="female")]}
    make(tmp_path / "lake", folder, put, patient("p1"), encounter("e1", "Patient/p1", by="#d", **inside))
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        assert waiting(lake) == {("silver.practitioner", "women"): 1}
        assert lake.replay().datasets[0].refused == 1
        assert len(lake.table("silver.practitioner")) == 1
    change(practitioners, lambda contract: contract["schema"][0]["quality"].remove(rule))
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        assert lake.replay().datasets[0].cleared == 1
        assert len(lake.table("silver.practitioner")) == 2
        assert waiting(lake) == {}


@pytest.fixture
def shallow(tmp_path, contracts):
    """A lake that refused what is nested deeper than two levels, and what is no JSON."""
    folder = write_ndjson(tmp_path / "input", [patient("p1"), *NEWS[1:3]])
    (folder / "Observation.ndjson").write_text(json.dumps(observation("o1", "Patient/p1")) + "\n{broken\n")
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        lake.apply()
        parts = lake._parts
        ingest_fhir(Inflow(lake.tables, parts.tokenizer, parts.sealer, limits=Limits(depth=2)), [folder])
        lake.run()
        yield lake, folder


def test_refused_input_lands_from_the_bytes_that_were_kept(shallow, tmp_path, contracts):
    """What ingest accepts now lands under its file and offset, and makes the lake it would have made."""
    lake, folder = shallow
    refused = sum(row["rows"] for row in lake.quarantine.list("bronze.fhir_resource"))
    assert refused > 1
    places = {
        (row["file"], row["offset"]) for row in lake.quarantine.show("bronze.fhir_resource", rule="too-deep")
    }
    report = lake.replay()
    account = next(each for each in report.datasets if each.dataset == "bronze.fhir_resource")
    assert (account.waiting, account.refused) == (refused, 1)
    assert list(waiting(lake)) == [("bronze.fhir_resource", "not-json")]
    [step] = [each for each in report.steps if each.dataset == "bronze.fhir_resource"]
    assert (step.read, step.landed, step.quarantined) == (refused, refused - 1, 1)
    landed = rows_of(lake, f"FROM bronze.fhir_resource WHERE commit_id = '{step.commit_id}'")
    assert {(row["file"], row["offset"]) for row in landed} == places
    wanted = never_at_fault(lake.path, tmp_path / "never", contracts, lambda other: other.ingest(folder))
    assert difference(wanted, content(lake, ("silver", "gold"))) == {}
    assert lake.ingest(folder).steps[0].landed == 0


@pytest.mark.faults
@pytest.mark.parametrize(
    "place", ["refine.silver.between-commits", "refine.silver.before-clear", "table.commit.after"]
)
def test_a_killed_replay_is_finished_by_the_next(path, strict, wanted, place):
    """Killed before, between or after its two commits, a replay tried again ends as an undisturbed one."""
    rule_off(strict)
    assert killed(path, strict, place)
    with a360.open(path, contracts=strict) as lake:
        lake.replay()
        assert difference(wanted, content(lake, ("silver", "gold"))) == {}
        assert waiting(lake) == {("silver.encounter", "start_at-type"): 1}


@pytest.mark.faults
@pytest.mark.parametrize("place", ["ingest.commit.before-main", "ingest.replay.before-clear"])
def test_a_killed_replay_of_input_is_finished_by_the_next(shallow, contracts, place):
    """The same for refused input: what landed before the kill is a duplicate then, and is cleared."""
    lake, _ = shallow
    waited = sum(row["rows"] for row in lake.quarantine.list())
    assert killed(lake.path, contracts, place)
    report = lake.replay()
    ingested = [each for each in report.steps if each.dataset == "bronze.fhir_resource"]
    assert sum(each.landed + each.duplicates for each in ingested) == waited - 1
    assert list(waiting(lake)) == [("bronze.fhir_resource", "not-json")]
    assert rows_of(lake, "SELECT count(*) - count(DISTINCT content_hash) AS n FROM bronze.fhir_resource") == [
        {"n": 0}
    ]


def killed(path: Path, contracts, place):
    """Replay in a process that dies at a place; whether it did."""
    return exit_code("replay", path, contracts, failpoint=place) == -signal.SIGKILL
