"""A query of the past: every table as it was then, or a clear no."""

import datetime as dt
import time

import pytest
from fhir_samples import encounter, observation, patient
from lakes import rows_of

from a360.errors import UsageError

COUNTS = """
SELECT (SELECT count(*) FROM bronze.fhir_resource) AS bronze,
    (SELECT count(*) FROM silver.patient AS p JOIN silver.encounter AS e USING (patient_key)) AS visits,
    (SELECT coalesce(sum(encounters), 0) FROM gold.patient_counts) AS counted,
    (SELECT count(*) FROM quarantine.encounter) AS refused
"""


@pytest.fixture(scope="module")
def lake(module_lake):
    return module_lake


@pytest.fixture(scope="module")
def story(lake, put):
    """Three states of the lake: what queries answered then, and the moments at which they did."""
    told = []
    lake.apply()
    time.sleep(0.002)
    started = dt.datetime.now(dt.UTC)
    rounds = [
        (patient("p1"), encounter("e1", "Patient/p1")),
        (
            encounter("e2", "Patient/p1"),
            encounter("bad", status="no such status"),
        ),
        (patient("p2"), encounter("e3", "Patient/p2"), observation("o1", "Patient/p2")),
    ]
    for number, resources in enumerate(rounds):
        put(lake, *resources)
        lake.run()
        time.sleep(0.002)
        now = dt.datetime.now(dt.UTC)
        time.sleep(0.002)
        lake.tag(f"round-{number}")
        told.append((now, f"round-{number}", rows_of(lake, COUNTS)))
    return started, told


@pytest.mark.parametrize("number", range(3))
def test_a_time_and_a_tag_show_all_tables_as_they_were(lake, story, number):
    """What a query of several tables answered then, it answers now with --at, by time and by tag."""
    now, tag, told = story[1][number]
    assert lake.query(COUNTS, at=now.isoformat()).to_pylist() == told
    assert lake.query(COUNTS, at=tag).to_pylist() == told
    assert [told for _, _, told in story[1]] == sorted((told for _, _, told in story[1]), key=str)


def test_a_snapshot_shows_the_other_tables_as_of_its_commit(lake, story):
    """A snapshot of one table sets the time for the others that are named beside it."""
    _, tag, told = story[1][1]
    pinned = {each.table: each.snapshot_id for each in lake.tags() if each.name == tag}
    newest = next(
        each for each in lake.history() if each.snapshot.snapshot_id == pinned["gold.patient_counts"]
    )
    assert lake.query(COUNTS, at=newest.snapshot.snapshot_id).to_pylist() == told


def test_before_the_first_commit_tables_are_empty(lake, story):
    """A table that was there and held nothing is read as empty, under its name, its alias and in joins."""
    at = story[0].isoformat()
    assert lake.query(COUNTS, at=at).to_pylist() == [{"bronze": 0, "visits": 0, "counted": 0, "refused": 0}]
    joined = "silver.patient LEFT JOIN silver.encounter AS e USING (source)"
    assert lake.query(f"SELECT patient.patient_key, e.encounter_id FROM {joined}", at=at).num_rows == 0
    assert lake.query("SELECT x FROM silver.patient AS p(x)", at=at).column_names == ["x"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT p.gender FROM silver.patient AS p", 1),
        ("SELECT patient.gender FROM silver.patient", 1),
        ("SELECT silver.patient.gender FROM silver.patient", 1),
        ("SELECT * FROM SILVER.Patient", 1),
        ("WITH patient AS (FROM silver.patient) SELECT * FROM patient", 1),
        ("SELECT x FROM silver.patient AS p(x)", 1),
        ("SELECT * FROM silver.encounter UNION ALL SELECT * FROM silver.encounter", 4),
        ("SELECT * FROM (silver.patient AS p JOIN silver.encounter AS e USING (patient_key))", 2),
        ("SELECT 1", 1),
    ],
)
def test_any_form_of_a_query_can_look_back(lake, story, sql, rows):
    """Aliases, qualified columns, CTEs, unions and joins read the state that was asked for."""
    assert lake.query(sql, at="round-1").num_rows == rows


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2001-01-01", "time-unreachable"),
        ("2999-01-01T00:00:00Z", "time-unreachable"),
        ("12345", "unknown-table"),
        ("no-such-tag", "unknown-tag"),
        ("2026-13-45", "usage"),
        ("", "usage"),
        ("'; DROP", "usage"),
        ("round-1)", "usage"),
        ("9" * 40, "unknown-table"),
    ],
)
def test_what_cannot_be_shown_is_refused(lake, story, at, code):
    """Before the table, in the future, unknown or nonsense: an error of the caller, and no rows."""
    with pytest.raises(UsageError) as error:
        lake.query("FROM silver.patient", at=at)
    assert error.value.code.slug == code
    assert error.value.next_step


def test_a_query_says_its_moment_once(lake, story):
    """A query with an AT of its own and --at would mean two moments: it is refused."""
    [first] = [each for each in lake.history("silver.patient") if each.state == "current"]
    sql = f"SELECT * FROM silver.patient AT (VERSION => {first.snapshot.snapshot_id})"
    assert lake.query(sql).num_rows == 2
    with pytest.raises(UsageError, match="AT"):
        lake.query(sql, at="round-1")


def test_a_time_without_zone_is_utc_and_a_zone_is_heeded(lake, story):
    """The same instant in two notations shows the same state."""
    now, _, told = story[1][0]
    elsewhere = now.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    for text in (now.replace(tzinfo=None).isoformat(), elsewhere.isoformat()):
        assert lake.query(COUNTS, at=text).to_pylist() == told


def test_history_tells_run_upstream_and_rows_of_each_snapshot(lake, story):
    """The history of a dataset names the run that made each snapshot and the upstream it was made from."""
    entries = lake.history("silver.encounter")
    assert [each.timestamp for each in entries] == sorted((each.timestamp for each in entries), reverse=True)
    runs = rows_of(lake, "SELECT run_id, command FROM ops.run")
    commands = {row["run_id"]: row["command"] for row in runs}
    assert {commands[each.run_id] for each in entries} == {"run"}
    bronze = {each.snapshot.snapshot_id for each in lake.history("bronze.fhir_resource")}
    assert {each.snapshot.upstream["bronze.fhir_resource"] for each in entries} <= bronze
    told = [each.to_json() for each in entries]
    assert sum(each["added_rows"] - each["deleted_rows"] for each in told) == 3
    assert [each["tags"] for each in told] == [["round-2"], ["round-1"], ["round-0"]]
    assert {commands[each.run_id] for each in lake.history("bronze.fhir_block")} == {"ingest"}


def test_the_history_of_the_lake_is_that_of_its_tables(lake, story):
    """Without a table all are listed, each snapshot once, newest first."""
    entries = lake.history()
    ids = [(each.table, each.snapshot.snapshot_id) for each in entries]
    assert len(ids) == len(set(ids))
    assert {table for table, _ in ids} >= {
        "bronze.fhir_resource",
        "silver.patient",
        "gold.patient_counts",
        "ops.run",
    }


@pytest.mark.parametrize("name", ["main", "1.0", "", "a b", "x" * 80, "-rf", "now", "é"])
def test_a_tag_s_name_is_no_snapshot_and_no_time(lake, story, name):
    """A name that could mean something else in --at, or that a shell would take apart, is refused."""
    with pytest.raises(UsageError, match="usage"):
        lake.tag(name)


def test_a_tag_names_one_state_for_good(lake, story):
    """A name that is taken, if by a single table, is not set again, and can be freed."""
    lake.tag("once", "silver.patient")
    with pytest.raises(UsageError, match="set already"):
        lake.tag("once", "silver.encounter")
    with pytest.raises(UsageError, match="unknown-tag"):
        lake.query("FROM silver.patient JOIN silver.encounter USING (source)", at="once")
    assert [each.table for each in lake.untag("once")] == ["silver.patient"]
    with pytest.raises(UsageError, match="unknown-tag"):
        lake.untag("once")
