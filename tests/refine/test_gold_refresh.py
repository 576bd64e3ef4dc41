"""Gold by key: keys whose rows changed are computed anew, and the whole is what computing all would give."""

import shutil

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient, practitioner
from lakes import committed, patient_key, rows_of
from small_contracts import BY_PATIENT, BY_PRACTITIONER, change, column, gold, write
from worlds import World

import a360
from a360.catalog import CommitStamp
from a360.contract import assign_field_ids
from a360.errors import DataError
from a360.table import new_commit_id

VISITS = """
SELECT e.source, e.encounter_id, e.patient_key, e.status, p.gender
FROM silver.encounter AS e
LEFT JOIN silver.patient AS p ON p.patient_key = e.patient_key AND p.is_current AND NOT p.deleted
WHERE NOT e.deleted
"""


def gold_of(lake, name):
    return sorted(map(str, rows_of(lake, f"FROM gold.{name}")))


def computed(lake, sql):
    return sorted(map(str, rows_of(lake, sql)))


def counts(lake, name):
    key = patient_key(lake, name)
    [row] = rows_of(lake, f"FROM gold.patient_counts WHERE patient_key = '{key}'")
    return row["encounters"], row["observations"], row["components"]


def test_changes_reach_the_keys_they_concern(module_lake, put):
    """A row that comes, goes, or moves from one patient to another changes the counts of both."""
    lake = module_lake
    put(
        lake,
        *(patient(name) for name in ("p1", "p2", "p3")),
        practitioner("d1", ids=["d"]),
        encounter("e1", "Patient/p1", by="Practitioner/d1", updated="2026-01-01T00:00:00Z"),
        encounter("e2", "Patient/p2", updated="2026-01-01T00:00:00Z"),
        observation("o1", "Patient/p1", components=3, updated="2026-01-01T00:00:00Z"),
        observation("o2", "Patient?identifier=urn:s|unknown", updated="2026-01-01T00:00:00Z"),
    )
    lake.run()
    assert [counts(lake, name) for name in ("p1", "p2", "p3")] == [(1, 1, 3), (1, 0, 0), (0, 0, 0)]
    put(
        lake,
        encounter("e1", "Patient/p3", by="Practitioner/d1", updated="2026-01-02T00:00:00Z"),
        observation("o1", "Patient/p2", components=1, updated="2026-01-02T00:00:00Z"),
        bundle(*deletion("Encounter/e2"), timestamp="2026-01-02T00:00:00Z"),
    )
    report = lake.run()
    assert report.ways["gold.patient_counts"] == "by_key"
    assert [counts(lake, name) for name in ("p1", "p2", "p3")] == [(0, 0, 0), (0, 1, 1), (1, 0, 0)]
    # rows without a patient come, are resolved, and go; none of that leaves a key behind
    put(
        lake,
        observation("o3", "Patient?identifier=urn:s|none", components=2, updated="2026-01-01T00:00:00Z"),
        patient("p4", ids=["unknown"]),
        observation("o1", "Patient/p2", updated="2026-01-03T00:00:00Z"),
    )
    assert lake.run().ways["gold.patient_counts"] == "by_key"
    assert [counts(lake, name) for name in ("p2", "p4")] == [(0, 1, 0), (0, 1, 0)]
    put(lake, bundle(*deletion("Patient/p4"), timestamp="2026-02-01T00:00:00Z"))
    assert lake.run().ways["gold.patient_counts"] == "by_key"
    for name, model in (("patient_counts", BY_PATIENT), ("practitioner_counts", BY_PRACTITIONER)):
        assert gold_of(lake, name) == computed(lake, model)
        assert len(gold_of(lake, name)) > 0


def test_gold_rests_where_its_upstream_does(small_lake, put):
    """News that touches none of a model's upstream datasets commits nothing to it."""
    put(small_lake, patient("p1"), encounter("e1"), observation("o1", components=1))
    small_lake.run()
    put(small_lake, practitioner("d9"))
    report = small_lake.run()
    assert "silver.practitioner" in committed(report)
    assert not {name for name in committed(report) if name.startswith("gold.")}


def test_a_refresh_by_key_reads_the_rows_of_changed_keys_alone(small_lake, put):
    """Of datasets that have the key a refresh reads what belongs to changed keys, and it says why it may."""
    lake = small_lake
    put(
        lake,
        *(patient(f"p{number}") for number in range(9)),
        *(encounter(f"e{n}", f"Patient/p{n}") for n in range(9)),
    )
    first = lake.run()
    assert first.reasons["gold.patient_counts"] == "its first run"
    put(lake, encounter("new", "Patient/p3"))
    report = lake.run()
    assert report.ways["gold.patient_counts"] == "by_key"
    assert report.reasons["gold.patient_counts"] == "its contract says by_key, 1 commit(s) upstream"
    read = report.upstream_rows["gold.patient_counts"]
    assert (read["silver.patient"], read["silver.encounter"]) == (1, 2)
    assert lake.run().reasons["gold.patient_counts"] == "what it is made from is as it was"
    assert lake.run(full=True).reasons["gold.patient_counts"] == "asked for"


@pytest.fixture(scope="module")
def strict_contracts(tmp_path_factory, contracts):
    """The contracts with rules of every kind on a gold dataset that is refreshed by key."""
    folder = shutil.copytree(contracts, tmp_path_factory.mktemp("strict") / "contracts")
    rules = [
        {"type": "library", "metric": "rowCount", "mustBeLessThan": 40, "severity": "error"},
        {
            "type": "custom",
            "engine": "a360",
            "implementation": "observations <= encounters",
            "severity": "warning",
        },
        {
            "type": "sql",
            "query": "SELECT COALESCE(MAX(components), 0) FROM gold.patient_counts",
            "mustBeLessThan": 100,
            "severity": "error",
        },
    ]
    male = {
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": ["male"]},
        "mustBeLessThan": 101,
        "unit": "percent",
        "severity": "warning",
    }

    def add(contract):
        table = contract["schema"][0]
        named = [
            {"name": f"rule_{number}", "description": "Holds.", **rule} for number, rule in enumerate(rules)
        ]
        table["quality"] += named
        [gender] = [each for each in table["properties"] if each["name"] == "gender"]
        gender["quality"] = [{"name": "male", "description": "Holds.", **male}]

    change(folder / "gold/patient_counts.yaml", add)
    visits = [
        column("source", key=1),
        column("encounter_id", key=2, sensitivity="phi"),
        column("patient_key", sensitivity="identifier"),
        column("status", sensitivity="phi"),
        column("gender", sensitivity="phi"),
    ]
    adds_up = (
        "SELECT (SELECT COUNT(*) FROM gold.visits) - "
        "(SELECT COUNT(*) FROM silver.encounter WHERE NOT deleted)"
    )
    (folder / "models/visits.sql").write_text(VISITS)
    write(folder / "gold/visits.yaml", gold("visits", "by_key(patient_key)", visits, adds_up))
    assign_field_ids(folder)
    return folder


def told(results, name="patient_counts"):
    """What rules measured, less references and ages, which are measured once all has landed."""
    kinds = {"dangling_rows", "latency"}
    return {
        each.rule: (each.checked, each.failed, each.measured, each.passed, each.share)
        for each in results
        if each.dataset == f"gold.{name}" and each.kind not in kinds
    }


def measured_whole(lake, name="patient_counts"):
    """What the same rules give on the dataset as it stands, all rows of it read."""
    [dataset] = lake.check(f"gold.{name}").datasets
    return told(dataset.results, name)


def test_a_refresh_by_key_is_what_all_rows_give(tmp_path, strict_contracts, put):
    """Whatever comes, goes or moves: rows are those of the model, and rules give what they do on all."""
    worlds = [World.of(f"w{seed}{number}", seed) for seed in range(3) for number in range(3)]
    arrivals = [world.arrivals(4) for world in worlds]
    ways = []
    with a360.open(tmp_path / "lake", contracts=strict_contracts) as lake:
        for turn in range(4):
            put(lake, *(each for arriving in arrivals for each in arriving[turn]))
            report = lake.run()
            for name, model in (("patient_counts", BY_PATIENT), ("visits", VISITS)):
                ways.append((name, report.ways[f"gold.{name}"]))
                assert gold_of(lake, name) == computed(lake, model)
                if ways[-1][1] != "nothing":
                    assert told(report.quality, name) == measured_whole(lake, name)
            if turn == 1:
                lake.tables.rewrite("silver.observation")
                lake.tables.rewrite("gold.patient_counts")
    assert {("patient_counts", "by_key"), ("visits", "by_key")} <= set(ways)


def of_all_kinds(name):
    """A row of each dataset upstream, for a dataset that had none has no snapshot to tell changes from."""
    return encounter("e0", f"Patient/{name}"), observation("o0", f"Patient/{name}", components=1)


def reads_all(lake, monkeypatch):
    """Whether the next run measures row rules of gold on all rows; found by what it asks of its session."""
    asked = []
    session = type(lake.tables.session)
    plain = session.sql

    def noted(self, sql, **more):
        asked.append(sql)
        return plain(self, sql, **more)

    monkeypatch.setattr(session, "sql", noted)
    report = lake.run()
    monkeypatch.undo()
    assert report.ways["gold.patient_counts"] == "by_key"
    assert told(report.quality) == measured_whole(lake)
    return any("FROM about_to_land" in sql and '"patient_key" IS NULL' in sql for sql in asked)


def test_kept_counts_are_those_of_the_rows_that_stand(tmp_path, strict_contracts, put, monkeypatch):
    """Counts are carried on from commit to commit, and not where a stranger wrote or none are kept."""
    with a360.open(tmp_path / "lake", contracts=strict_contracts) as lake:
        put(lake, *(patient(f"p{number}") for number in range(9)), *of_all_kinds("p0"))
        lake.run()
        put(lake, encounter("e1", "Patient/p1"))
        assert not reads_all(lake, monkeypatch)
        first = lake.tables.current_snapshot_id("gold.patient_counts")
        put(lake, encounter("e2", "Patient/p2"))
        assert not reads_all(lake, monkeypatch)
        lake.rollback("gold.patient_counts", first, accept=True)
        assert not reads_all(lake, monkeypatch)
        # someone writes past the lake's own steps: what was counted is no longer what is there
        lake.tables.delete("gold.patient_counts", "gender IS NULL", CommitStamp(new_commit_id()))
        lake.tables.append(
            "gold.patient_counts",
            "SELECT 'stranger' AS patient_key, 'none' AS gender, 1 AS encounters, 5 AS observations, "
            "0 AS components",
            CommitStamp(new_commit_id()),
        )
        lake.tables.delete("gold.patient_counts", "patient_key = 'stranger'", CommitStamp(new_commit_id()))
        put(lake, encounter("e3", "Patient/p3"))
        assert reads_all(lake, monkeypatch)
        put(lake, encounter("e4", "Patient/p4"))
        assert not reads_all(lake, monkeypatch)
        # a process that dies before its account is written leaves no counts of its commit
        lake.tables.delete(
            "ops.quality_result", "dataset = 'gold.patient_counts'", CommitStamp(new_commit_id())
        )
        put(lake, encounter("e5", "Patient/p5"))
        assert reads_all(lake, monkeypatch)


def test_a_rule_blocks_by_counts_that_are_carried_on(tmp_path, strict_contracts, put):
    """A refresh that would break a rule of the whole commits nothing, though it computes a few keys alone."""
    with a360.open(tmp_path / "lake", contracts=strict_contracts) as lake:
        put(lake, *(patient(f"p{number}") for number in range(38)), *of_all_kinds("p0"))
        lake.run()
        put(lake, patient("p38"))
        assert lake.run().ways["gold.patient_counts"] == "by_key"
        before = gold_of(lake, "patient_counts")
        put(lake, patient("p39"))
        with pytest.raises(DataError) as failure:
            lake.run()
        assert failure.value.code.slug == "rule-blocked"
        assert "rule_0" in failure.value.where
        assert gold_of(lake, "patient_counts") == before
        put(lake, bundle(*deletion("Patient/p1"), timestamp="2030-02-01T00:00:00Z"))
        report = lake.run()
        assert report.ways["gold.patient_counts"] == "by_key"
        assert told(report.quality) == measured_whole(lake)


def test_steps_of_a_run_share_what_they_read(tmp_path, strict_contracts, put, monkeypatch):
    """Rows that two datasets want for the same keys are read from the lake once."""
    with a360.open(tmp_path / "lake", contracts=strict_contracts) as lake:
        put(lake, *(patient(f"p{number}") for number in range(3)), *of_all_kinds("p0"))
        lake.run()
        put(lake, encounter("e1", "Patient/p1"), observation("o1", "Patient/p2"))
        asked = []
        session = type(lake.tables.session)
        plain = session.execute
        monkeypatch.setattr(session, "execute", lambda self, sql: asked.append(sql) or plain(self, sql))
        report = lake.run()
        monkeypatch.undo()
        assert {report.ways[name] for name in ("gold.patient_counts", "gold.visits")} == {"by_key"}
        made = [sql for sql in asked if "TEMP TABLE changed_gold" in sql and "_silver_encounter AS" in sql]
        assert len(made) == 2
        assert sum('FROM "silver"."encounter"' in sql for sql in made) == 1
        assert report.upstream_rows["gold.visits"]["silver.encounter"] == 1
        assert gold_of(lake, "visits") == computed(lake, VISITS)
        assert gold_of(lake, "patient_counts") == computed(lake, BY_PATIENT)
