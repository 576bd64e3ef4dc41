"""Checks of a lake over time: what is kept, what history decides, what a new threshold says of old counts."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from fhir_samples import encounter, observation, patient
from lakes import rows_of
from small_contracts import change

import a360
from a360.errors import DataError, UsageError

ENCOUNTER = "silver/encounter.yaml"
KEPT = "SELECT * FROM ops.quality_result WHERE dataset = 'silver.encounter'"


def custom(name, severity="warning", **implementation):
    """A rule of the lake's own engine."""
    return {
        "name": name,
        "type": "custom",
        "engine": "a360",
        "implementation": implementation,
        "severity": severity,
        "description": "For the test.",
    }


def with_rules(contracts, folder, *rules):
    """A copy of the contracts with more rules on encounters."""
    shutil.copytree(contracts, folder)
    change(folder / ENCOUNTER, lambda contract: contract["schema"][0]["quality"].extend(rules))
    return folder


def result(report, rule, dataset="silver.encounter"):
    """The result of one rule in a report."""
    [quality] = [each for each in report.datasets if each.dataset == dataset]
    return next(each for each in quality.results if each.rule == rule)


def encounters(count, start=0, **more):
    """So many encounters of one patient."""
    return [encounter(f"e{number}", "Patient/p1", **more) for number in range(start, start + count)]


def test_a_check_keeps_what_it_measured_once(small_lake, put):
    """A check is on record with the commit it measured; the same check again leaves no trace."""
    put(small_lake, patient("p1"), *encounters(2))
    small_lake.run()
    before = len(rows_of(small_lake, KEPT))
    [checked] = small_lake.check("silver.encounter").datasets
    kept = rows_of(small_lake, KEPT)
    assert len(kept) == before + len(checked.results)
    assert {row["commit_id"] for row in kept if row["scope"] == "dataset"} == {checked.commit_id}
    assert small_lake.check("silver.encounter").datasets[0].results == checked.results
    assert len(rows_of(small_lake, KEPT)) == len(kept)


def test_only_datasets_that_were_named_are_checked(small_lake, put):
    """`check` takes datasets by name, and refuses names of none and of datasets that have no rules."""
    put(small_lake, patient("p1"), *encounters(1))
    small_lake.run()
    found = small_lake.check("silver.patient", "gold.patient_counts")
    assert [each.dataset for each in found.datasets] == ["silver.patient", "gold.patient_counts"]
    for name in ("silver.nothing", "bronze.fhir_resource"):
        with pytest.raises(UsageError):
            small_lake.check(name)


def test_a_threshold_that_changed_is_held_to_counts_that_were_kept(tmp_path, contracts, put):
    """With `stored` a new threshold is judged without a dataset being read, whichever way it goes."""
    asked = {
        "name": "few_without_class",
        "metric": "nullValues",
        "mustBeLessThan": 60,
        "unit": "percent",
        "severity": "error",
        "description": "For the test.",
    }
    folder = shutil.copytree(contracts, tmp_path / "contracts")

    def edit(contract):
        columns = contract["schema"][0]["properties"]
        column = next(each for each in columns if each["name"] == "class_code")
        column["quality"] = [asked]

    change(folder / ENCOUNTER, edit)
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"), *encounters(2))
        lake.run()
        measured = result(lake.check(), "few_without_class")
    for limit, passes in ((measured.measured + 1, True), (measured.measured, False)):
        asked["mustBeLessThan"] = limit
        change(folder / ENCOUNTER, edit)
        with a360.open(tmp_path / "lake", contracts=folder) as lake:
            files = list((tmp_path / "lake/warehouse/silver").rglob("*.parquet"))
            assert files
            for file in files:
                file.rename(file.with_suffix(".away"))
            try:
                report = lake.check(stored=True)
            finally:
                for file in files:
                    file.with_suffix(".away").rename(file)
            again = result(report, "few_without_class")
            assert (again.failed, again.checked, again.passed) == (measured.failed, measured.checked, passes)
            assert bool(report.blocking) is not passes


def test_stored_counts_of_before_a_change_are_told_as_such(small_lake, put):
    """Counts of an older commit are judged, and said to be old; rules never counted are named."""
    put(small_lake, patient("p1"), *encounters(2))
    small_lake.run()
    [unknown] = small_lake.check("silver.encounter", stored=True).datasets
    assert "status_given" in unknown.unmeasured
    small_lake.check()
    assert small_lake.check("silver.encounter", stored=True).datasets[0].current
    put(small_lake, *encounters(1, start=7))
    small_lake.run("silver.encounter")
    [old] = small_lake.check("silver.encounter", stored=True).datasets
    assert not old.current
    assert old.unmeasured == []
    assert result(small_lake.check(), "primary_key").checked == 3


def test_volume_is_judged_once_there_is_history(tmp_path, contracts, put):
    """A table that always grew by two is doubted when it grows by ten, and not before it has a past."""
    rule = custom("usual_volume", metric="volumeChange", mustBeLessThan=20, history=3)
    folder = with_rules(contracts, tmp_path / "contracts", rule)
    judged = []
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"))
        start = 0
        for count in (2, 2, 2, 2, 10):
            put(lake, *encounters(count, start))
            start += count
            report = lake.run()
            [found] = [each for each in report.quality if each.rule == "usual_volume"]
            judged.append((found.judged, found.passed))
        assert judged == [(False, True), (False, True), (False, True), (True, True), (True, False)]
        # The same commit checked again is no new evidence, nor is it compared with itself.
        for _ in range(3):
            again = result(lake.check(), "usual_volume")
            assert (again.judged, again.passed, again.measured) == (True, False, found.measured)


def test_a_blocked_step_is_no_history_and_stays_on_record(tmp_path, contracts, put):
    """An anomaly that blocks is kept as failed, of no commit; the next run compares with what stands."""
    rule = custom("usual_volume", "error", metric="volumeChange", mustBeLessThan=50, history=2)
    folder = with_rules(contracts, tmp_path / "contracts", rule)
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"), *encounters(3))
        lake.run()
        put(lake, *encounters(3, start=10))
        lake.run()
        put(lake, *encounters(40, start=100))
        for _ in range(2):
            with pytest.raises(DataError) as failure:
                lake.run()
            assert failure.value.where == "silver.encounter, rule usual_volume"
        assert len(lake.table("silver.encounter")) == 6
        blocked = rows_of(lake, f"{KEPT} AND rule = 'usual_volume' AND NOT passed")
        assert [row["commit_id"] for row in blocked] == [None, None]


def test_rules_of_the_dataset_judge_all_rows_though_few_are_new(tmp_path, contracts, put):
    """A count of rows, and a query, look at the dataset as it will be, not at what the step brings."""
    rules = (
        {"name": "many", "metric": "rowCount", "mustBeGreaterOrEqualTo": 3, "description": "Many."},
        {
            "name": "some",
            "type": "sql",
            "query": "SELECT COUNT(*) FROM silver.encounter",
            "mustBeBetween": [3, 4],
            "description": "Some.",
        },
    )
    folder = with_rules(contracts, tmp_path / "contracts", *rules)
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"), *encounters(3))
        lake.run()
        put(lake, *encounters(1, start=3), *encounters(1, status="cancelled"))
        lake.run()
        put(lake, *encounters(1, start=4))
        with pytest.raises(DataError) as failure:
            lake.run()
        assert "measured 5" in failure.value.found


def test_age_is_told_from_a_given_moment(tmp_path, contracts, put):
    """A promised latency holds while the newest row is young enough, and fails when it has grown older."""
    folder = shutil.copytree(contracts, tmp_path / "contracts")
    promise = {"property": "latency", "value": 2, "unit": "d", "element": "known_at"}
    change(folder / ENCOUNTER, lambda contract: contract.update(slaProperties=[promise]))
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"), *encounters(1))
        lake.run()
        now = datetime.now(UTC)
        for days, passes in ((0, True), (1.9, True), (2.1, False)):
            found = result(lake.check("silver.encounter", now=now + timedelta(days=days)), "known_at_latency")
            assert found.passed is passes
            assert found.measured == pytest.approx(24 * days, abs=0.2)
        later = lake.check("silver.encounter", stored=True, now=now + timedelta(days=9))
        assert result(later, "known_at_latency").measured == pytest.approx(9 * 24, abs=0.2)


def test_a_distribution_is_kept_as_counts_without_values(tmp_path, contracts, put):
    """What is kept of a clinical column are numbers in the order of the contract, and no value of a row."""
    rule = custom(
        "usual_statuses",
        metric="distributionChange",
        values=["finished", "cancelled"],
        mustBeLessThan=40,
        history=2,
        minimumRows=1,
    )
    folder = shutil.copytree(contracts, tmp_path / "contracts")

    def edit(contract):
        columns = contract["schema"][0]["properties"]
        next(each for each in columns if each["name"] == "status")["quality"].append(rule)

    change(folder / ENCOUNTER, edit)
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient("p1"), *encounters(4, status="finished"), *encounters(1, 4, status="planned"))
        lake.run()
        put(lake, *encounters(1, 5, status="finished"))
        lake.run()
        put(lake, *encounters(20, 10, status="cancelled"))
        report = lake.run()
        [found] = [each for each in report.quality if each.rule == "usual_statuses"]
        assert (found.passed, found.counts) == (False, (5, 20, 1))
        kept = rows_of(lake, f"{KEPT} AND rule = 'usual_statuses' ORDER BY known_at")
        assert [row["counts"] for row in kept] == ["4,0,1", "5,0,1", "5,20,1"]
        told = " ".join(str(value) for row in rows_of(lake, KEPT) for value in row.values())
        assert "cancelled" not in told


def test_scores_have_a_course(small_lake, put):
    """Each run and each check that measured something new adds a point to the course of a dataset."""
    put(small_lake, patient("p1"), *encounters(1), observation("o1", "Patient/p1"))
    small_lake.run()
    assert len(small_lake.quality_trends()["silver.encounter"]) == 1
    put(small_lake, encounter("lost", "Patient/nobody"))
    small_lake.run()
    small_lake.check()
    small_lake.check()
    points = small_lake.quality_trends()["silver.encounter"]
    assert len(points) == 3
    assert points[0].score == 100
    assert points[-1].dimensions["consistency"] < 100
    assert [point.measured_at for point in points] == sorted(point.measured_at for point in points)
