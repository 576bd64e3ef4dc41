"""What a lake answers to its verbs: which steps run, what the reports say, what is on record."""

import pytest
from fhir_samples import encounter, observation, patient, practitioner
from lakes import committed, require_commits_on_record, rows_of, snapshots

from a360.errors import OperatorError, UsageError

COUNTS = ("read", "landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")


@pytest.fixture(scope="module")
def worked(module_lake, put):
    """A lake in which one gold dataset was asked for, then all, and the reports of both runs."""
    put(
        module_lake,
        patient("p1", ids=["one"]),
        practitioner("d1", ids=["doc"]),
        encounter("e1", "Patient?identifier=urn:s|one", by="Practitioner?identifier=urn:s|doc"),
        observation("o1"),
    )
    chosen = module_lake.run("gold.practitioner_counts")
    return module_lake, chosen, rows_of(module_lake, "FROM gold.practitioner_counts"), module_lake.run()


def test_a_dataset_brings_what_it_is_made_from(worked):
    """Asked for one dataset, a run makes its upstream too, and what its references look into."""
    _, chosen, rows, everything = worked
    looked_into = {"silver.identifier", "silver.patient_link"}
    assert committed(chosen) == {
        *looked_into,
        "ops.identity",
        "silver.encounter",
        "gold.practitioner_counts",
    }
    assert [(row["practitioner_id"], row["patients"]) for row in rows] == [("d1", 1)]
    assert committed(everything) >= {"silver.patient", "silver.observation", "gold.patient_counts"}
    assert not committed(everything) & committed(chosen)


def test_reports_are_rows_of_plain_values(worked):
    """A report's JSON is one flat object a step, with the counts of input units and the rows written."""
    _, chosen, _, _ = worked
    for row in chosen.to_json():
        assert set(row) == {"dataset", "commit_id", *COUNTS, "output_rows", "seconds", "way", "why"}
        if row["dataset"].startswith("silver."):
            assert row["read"] == sum(row[name] for name in COUNTS[1:])


@pytest.mark.parametrize(
    "ask",
    [
        lambda lake: lake.run("gold.none"),
        lambda lake: lake.run(engine="abacus"),
        lambda lake: lake.ingest(".", kind="carrier-pigeon"),
        lambda lake: lake.table("silver.none"),
        lambda lake: lake.history("none"),
        lambda lake: lake.lineage("bronze.none"),
        lambda lake: lake.ingest(".", source="not a name"),
    ],
)
def test_what_does_not_exist_is_said_to(worked, ask):
    """A dataset, engine, kind or name that cannot be is a usage error, and nothing is done."""
    lake, *_ = worked
    # That a run failed is told, and nothing else is written.
    told = {"ops.run", "ops.lineage_event"}
    before = snapshots(lake, ops=True)
    with pytest.raises(UsageError):
        ask(lake)
    assert {name for name, each in snapshots(lake, ops=True).items() if each != before[name]} <= told


def test_input_that_is_not_there_is_the_operators_to_mend(worked, tmp_path):
    """A path that does not exist is named, and nothing comes in."""
    lake, *_ = worked
    before = snapshots(lake)
    with pytest.raises(OperatorError) as failure:
        lake.ingest(tmp_path / "nowhere")
    assert failure.value.code.slug == "input-missing"
    assert snapshots(lake) == before


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), ("there was no file to read as events",)),
        (
            ("a.csv", ".b.json"),
            ("left out 2 files whose names are not those of events files: there was nothing else to read",),
        ),
    ],
)
def test_a_folder_without_data_of_the_kind_is_told_of(worked, tmp_path, names, told):
    """Nothing read is no failure, as a folder may be empty today; but it is never passed over in silence."""
    lake, *_ = worked
    for name in names:
        (tmp_path / name).write_text("x")
    assert lake.ingest(tmp_path, kind="events").remarks == told


def test_lineage_names_neighbours(worked):
    """A dataset knows what it is made from and what is made from it."""
    lake, *_ = worked
    node = lake.lineage("silver.encounter")
    assert "bronze.fhir_resource" in node.upstream
    assert set(node.downstream) >= {"gold.patient_counts", "gold.practitioner_counts"}
    assert "silver.encounter" in lake.lineage("gold.patient_counts").upstream


def test_history_is_newest_first_and_names_its_commits(worked):
    """A table's snapshots tell commit, upstream and counts; the newest is what the table stands at."""
    lake, *_ = worked
    newest = lake.history("silver.encounter")[0]
    assert newest.snapshot_id == snapshots(lake)["silver.encounter"]
    assert newest.upstream["bronze.fhir_resource"] == snapshots(lake)["bronze.fhir_resource"]
    assert newest.counts["landed"] == 1


def test_every_commit_is_on_record_once(worked):
    """`ops.commit` has each commit of each table outside `ops`, once."""
    lake, *_ = worked
    require_commits_on_record(lake)


def test_steps_and_their_quality_are_on_record(worked):
    """`ops` has every committed step with its counts, the rules measured on it, and its lineage event."""
    lake, chosen, _, everything = worked
    steps = {row["commit_id"]: row for row in rows_of(lake, "FROM ops.run_step")}
    for step in [*chosen.steps, *everything.steps]:
        if step.commit_id is not None:
            assert steps[step.commit_id]["landed"] == step.landed
    events = rows_of(lake, "SELECT dataset FROM ops.lineage_event WHERE event_type <> 'JOB'")
    assert {row["dataset"] for row in events} == {row["dataset"] for row in steps.values()}
    rules = rows_of(lake, "SELECT rule FROM ops.quality_result WHERE dataset = 'silver.encounter'")
    assert "primary_key" in {row["rule"] for row in rules}


def test_the_doctor_finds_a_working_lake_well(worked):
    """Of a lake in order every check is well; `test_doctor` breaks them one by one."""
    lake, *_ = worked
    assert [check.name for check in lake.doctor() if not check.ok and check.name != "disk"] == []
