"""The history of a resource: every version kept, one of them current, deletions as tombstones."""

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient
from lakes import committed, content, only, patient_key, rows_of, steps_of

HISTORY = "SELECT * FROM silver.patient ORDER BY last_updated NULLS FIRST, is_current, known_at"


def versions(lake, name):
    key = patient_key(lake, name)
    return [row for row in rows_of(lake, HISTORY) if row["patient_key"] == key]


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake in which patients have changed, in three rounds."""
    put(
        module_lake,
        patient("changed", version="1", updated="2026-01-01T00:00:00Z", gender="male"),
        patient("late", version="9", updated="2026-01-09T00:00:00Z", gender="male"),
        patient("numbered", version="9", gender="male"),
        patient("oddly-numbered", version="1", gender="male"),
        patient("unnumbered", gender="male"),
        patient("reverted", gender="male"),
        patient("deleted", updated="2026-01-01T00:00:00Z"),
        patient("returned", updated="2026-01-01T00:00:00Z"),
        patient("refused", updated="2026-01-01T00:00:00Z", gender="male"),
        encounter("e-deleted", "Patient/changed", updated="2026-01-01T00:00:00Z"),
        observation("o-shrinks", components=3, updated="2026-01-01T00:00:00Z"),
    )
    module_lake.run()
    put(
        module_lake,
        patient("changed", version="2", updated="2026-01-02T00:00:00Z", gender="female"),
        patient("late", version="1", updated="2026-01-01T00:00:00Z", gender="female"),
        patient("numbered", version="10", gender="female"),
        patient("oddly-numbered", version="1.9", gender="female"),
        patient("unnumbered", gender="female"),
        patient("reverted", gender="female"),
        patient("refused", updated="2026-01-02T00:00:00Z", gender="none of these"),
        bundle(
            *deletion("Patient/deleted", "Patient/returned", "Encounter/e-deleted", "Patient/never-seen"),
            timestamp="2026-01-05T00:00:00Z",
        ),
        observation("o-shrinks", components=1, updated="2026-01-02T00:00:00Z"),
    )
    module_lake.run()
    put(
        module_lake,
        patient("returned", updated="2026-01-09T00:00:00Z", gender="other"),
        patient("reverted", gender="male"),
    )
    module_lake.run()
    return module_lake


@pytest.mark.parametrize(
    ("name", "genders"),
    [
        ("changed", ["male", "female"]),
        ("late", ["female", "male"]),
        ("numbered", ["male", "female"]),
        ("oddly-numbered", ["female", "male"]),
        ("unnumbered", ["male", "female"]),
        ("reverted", ["male", "female", "male"]),
        ("deleted", ["female", None]),
        ("returned", ["female", None, "other"]),
        ("refused", ["male"]),
        ("never-seen", [None]),
    ],
)
def test_every_version_is_kept_and_the_last_is_current(lake, name, genders):
    """Versions stay in the order of their metadata, then of arrival; exactly the last is current."""
    rows = versions(lake, name)
    assert [row["gender"] for row in rows] == genders
    assert [row["is_current"] for row in rows] == [False] * (len(rows) - 1) + [True]


def test_a_deletion_is_a_version_without_values(lake):
    """A tombstone has the key, the time of deletion and nothing that was said of the person."""
    tombstone = versions(lake, "deleted")[-1]
    housekeeping = {"source", "patient_key", "last_updated", "known_at", "commit_id", "deleted", "is_current"}
    assert tombstone["deleted"]
    assert tombstone["last_updated"].isoformat() == "2026-01-05T00:00:00+00:00"
    told = {name for name, value in tombstone.items() if value is not None}
    assert told == housekeeping | {"unresolved_references"}


def test_without_history_the_latest_version_alone_stays(lake):
    """Where a contract keeps no history, a deletion leaves one row: the tombstone."""
    row = only(rows_of(lake, "SELECT * FROM silver.encounter WHERE encounter_id = 'e-deleted'"))
    assert (row["deleted"], row["status"]) == (True, None)


def test_rows_that_a_newer_version_no_longer_has_go(lake):
    """Where a resource gives several rows, those of the older version are replaced as a whole."""
    rows = rows_of(lake, "SELECT component_index FROM silver.observation_component")
    assert rows == [{"component_index": 0}]


def test_deleted_patients_are_no_patients_in_gold(lake):
    """Gold has a row for each living patient, none for a tombstone or a former version."""
    rows = rows_of(lake, "SELECT patient_key, gender FROM gold.patient_counts")
    wanted = {"changed": "female", "late": "male", "numbered": "female", "unnumbered": "female"}
    wanted |= {"returned": "other", "refused": "male", "oddly-numbered": "male", "reverted": "male"}
    assert {row["patient_key"]: row["gender"] for row in rows} == {
        patient_key(lake, name): gender for name, gender in wanted.items()
    }


def test_a_run_without_news_changes_nothing(lake):
    """Nothing new: no step commits, and a full run finds every row of silver unchanged."""
    assert not lake.run().changed
    before = content(lake, ("silver", "gold", "quarantine"), without=())
    for name, step in steps_of(lake.run(full=True)).items():
        if name.startswith("silver."):
            assert (step.landed, step.output_rows) == (0, 0), name
    assert not {name for name in committed(lake.run(full=True)) if name.startswith("silver.")}
    assert not lake.run().changed
    assert content(lake, ("silver", "gold", "quarantine"), without=()) == before
