"""What differs between two states of a table is what comparing them row by row in Python gives."""

from collections import Counter

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient, practitioner
from pyiceberg.types import StringType

ASIDE = {"commit_id", "known_at"}


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake in two states, the first of them tagged: rows came, went and changed."""
    put(
        module_lake,
        *(patient(name) for name in ("p1", "p2")),
        practitioner("d1"),
        encounter("e1", "Patient/p1", updated="2026-01-01T00:00:00Z"),
        encounter("e2", "Patient/p1", updated="2026-01-01T00:00:00Z"),
        encounter("e3", "Patient/p2", updated="2026-01-01T00:00:00Z"),
        observation("o1", "Patient/p1", components=3, updated="2026-01-01T00:00:00Z"),
    )
    module_lake.run()
    module_lake.tag("first")
    put(
        module_lake,
        patient("p3"),
        encounter("e1", "Patient/p2", status="cancelled", updated="2026-01-02T00:00:00Z"),
        encounter("e4", "Patient/p3"),
        encounter("refused", status="no such status"),
        observation("o1", "Patient/p1", components=1, updated="2026-01-02T00:00:00Z"),
        bundle(*deletion("Encounter/e3"), timestamp="2026-01-03T00:00:00Z"),
    )
    module_lake.run()
    return module_lake


def expected(lake, name, key):
    """Added, removed and changed by key, with how often each column changed."""
    sides = [lake.query(f"FROM {name}", at="first"), lake.query(f"FROM {name}")]
    before, after = ({tuple(row[k] for k in key): row for row in side.to_pylist()} for side in sides)
    columns = Counter(
        column
        for each in before.keys() & after.keys()
        for column in before[each]
        if column not in {*ASIDE, *key} and before[each][column] != after[each][column]
    )
    changed = {
        each
        for each in before.keys() & after.keys()
        if any(before[each][c] != after[each][c] for c in before[each] if c not in {*ASIDE, *key})
    }
    return len(after.keys() - before.keys()), len(before.keys() - after.keys()), len(changed), dict(columns)


@pytest.mark.parametrize(
    "name",
    [
        "silver.encounter",
        "silver.observation_component",
        "gold.patient_counts",
        "silver.practitioner",
        "ops.run",
    ],
)
def test_changes_by_key_are_those_of_a_comparison_in_python(lake, name):
    """Counts and changed columns are exact for tables that gain, lose, change or keep their rows."""
    found = lake.diff(name, "first")
    assert found.key
    told = (found.added, found.removed, found.changed, found.changed_columns)
    assert told == expected(lake, name, found.key)
    rows = lake.query(f"FROM {name}", at="first").num_rows
    assert found.unchanged == rows - found.removed - found.changed


@pytest.mark.parametrize("name", ["silver.encounter", "quarantine.encounter", "bronze.fhir_resource"])
def test_backwards_is_the_mirror_of_forwards(lake, name):
    """From the later state to the earlier one, what was added is removed, and the same rows changed."""
    lake.tag(f"now-{name}", name)
    there, back = lake.diff(name, "first"), lake.diff(name, f"now-{name}", "first")
    assert (there.added, there.removed, there.changed) == (back.removed, back.added, back.changed)
    assert there.added + there.removed + there.changed > 0
    assert lake.diff(name, "first", "first").samples == []


def test_rows_without_a_key_are_compared_as_a_whole_and_sealed_bytes_are_not_shown(lake):
    """Of a quarantined row its payload is told by a digest, never by its bytes."""
    found = lake.diff("quarantine.encounter", "first")
    assert (found.key, found.added, found.removed) == ([], 1, 0)
    [row] = found.samples
    assert len(row["row"]["payload"]) == 64
    assert row["row"]["rule"] == "status_in_value_set"


def test_few_rows_are_shown_and_all_are_counted(lake):
    """A limit bounds the rows of each kind of change, and never the counts."""
    whole, some, none = (lake.diff("bronze.fhir_resource", "first", limit=limit) for limit in (100, 1, 0))
    assert (some.added, none.added) == (whole.added, whole.added)
    assert [len(each.samples) for each in (some, none)] == [1, 0]
    assert (whole.truncated, some.truncated, none.truncated) == (False, True, True)


def test_a_changed_row_shows_both_states_of_what_changed(lake):
    """A sample of a changed row names its columns, with what they held before and after."""
    changed = {
        row["key"]["encounter_id"]: row
        for row in lake.diff("silver.encounter", "first").samples
        if row["change"] == "changed"
    }
    assert "status" in changed["e1"]["columns"]
    assert (changed["e1"]["before"]["status"], changed["e1"]["after"]["status"]) == ("finished", "cancelled")
    assert changed["e3"]["after"]["deleted"] is True


def test_nothing_of_a_comparison_is_left_in_the_session(lake):
    """The keys that differ are dropped when the answer is given."""
    lake.diff("silver.encounter", "first")
    left = lake.tables.session.sql("SELECT count(*) AS n FROM duckdb_tables() WHERE temporary")
    assert left["n"].to_pylist() == [0]


def test_columns_that_came_later_are_told_and_not_read_back(lake):
    """An old state has the columns it had: a new one is named as such, and a query for it then is refused."""
    with lake.tables.load("silver.practitioner").update_schema() as update:
        update.add_column("nickname", StringType())
    found = lake.diff("silver.practitioner", "first")
    assert (found.changed, found.unchanged) == (0, 1)
    assert "nickname" not in lake.query("FROM silver.practitioner", at="first").column_names
    assert "nickname" in lake.query("FROM silver.practitioner").column_names
