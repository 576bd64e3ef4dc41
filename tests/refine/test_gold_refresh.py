"""Gold by key: keys whose rows changed are computed anew, and the whole is what computing all would give."""

from fhir_samples import bundle, deletion, encounter, observation, patient, practitioner
from lakes import committed, patient_key, rows_of
from small_contracts import BY_PATIENT, BY_PRACTITIONER


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
