"""The real HL7 v2 messages in a lake: all of them land, and silver holds what they tell of whom."""

from collections import Counter

import pytest
from lakes import data_folder, made_once, rows_of, snapshots

import a360
from a360.hl7v2 import convert, parse

MESSAGES = 57


@pytest.fixture(scope="module")
def messages():
    """The folder of messages."""
    return data_folder("hl7v2")


@pytest.fixture(scope="module")
def real_lake(tmp_path_factory, messages):
    """A lake that has them all."""

    def make(into):
        with a360.open(into / "lake") as lake:
            lake.ingest(messages, "hl7v2", "hospital")
            lake.run()

    with a360.open(made_once(tmp_path_factory, "hl7v2-lake", make) / "lake") as lake:
        yield lake


def conversions(folder):
    """What the converter makes of each message."""
    files = sorted(folder.rglob("*.hl7"))
    found = [(parsed, convert(parsed)) for file in files for parsed in parse(file.read_bytes()).messages]
    assert len(found) == MESSAGES
    return found


@pytest.mark.e2e
def test_every_message_lands_and_none_is_refused(real_lake):
    """Each is a sealed record of its own; of all they say, only files of no known kind are not taken out."""
    messages = "SELECT count(*) AS n FROM bronze.record WHERE record_type = 'hl7v2_message'"
    assert rows_of(real_lake, messages) == [{"n": MESSAGES}]
    refused = [table for table in real_lake.tables_info() if table.namespace == "quarantine" and table.rows]
    assert [table.name for table in refused] == ["record"]
    assert rows_of(real_lake, "SELECT DISTINCT rule FROM quarantine.record") == [{"rule": "unknown-media"}]


@pytest.mark.e2e
def test_bronze_has_what_the_messages_became(real_lake, messages):
    """Of each type there are as many resources as the converter gives ids."""
    ids = {(each["resourceType"], each["id"]) for _, made in conversions(messages) for each in made.resources}
    wanted = Counter(kind for kind, _ in ids)
    found = rows_of(
        real_lake,
        "SELECT resource_type, count(DISTINCT resource_id) AS n FROM bronze.fhir_resource GROUP BY ALL",
    )
    assert {row["resource_type"]: row["n"] for row in found} == dict(wanted)


@pytest.mark.e2e
def test_silver_has_each_patient_and_visit_once(real_lake, messages):
    """There is a current row for each Patient and Encounter, and facts name patients that are there."""
    made = conversions(messages)
    for kind, dataset, current in (
        ("Patient", "silver.patient", "is_current"),
        ("Encounter", "silver.encounter", "NOT deleted"),
        ("Appointment", "silver.appointment", "NOT deleted"),
        ("Observation", "silver.observation", "NOT deleted"),
    ):
        ids = {each["id"] for _, one in made for each in one.resources if each["resourceType"] == kind}
        [row] = rows_of(real_lake, f"SELECT count(*) AS n FROM {dataset} WHERE {current}")
        assert row["n"] == len(ids), dataset
    lost = (
        "SELECT count(*) AS n FROM silver.observation AS o ANTI JOIN silver.patient AS p USING (patient_key)"
    )
    assert rows_of(real_lake, lost) == [{"n": 0}]


@pytest.mark.e2e
def test_merged_patients_are_one_in_gold(real_lake, messages):
    """As many records are replaced as messages merge, and gold has the others."""
    gone = {
        item["resource"]["reference"]
        for _, made in conversions(messages)
        for each in made.resources
        if each["resourceType"] == "Linkage"
        for item in each["item"]
        if item["type"] == "historical" and item["resource"]["type"] == "Patient"
    }
    [row] = rows_of(
        real_lake,
        "SELECT count(*) AS n, count(replaced_by) AS replaced FROM silver.patient WHERE is_current",
    )
    assert row["replaced"] == len(gone) > 0
    assert real_lake.table("gold.patient_360").num_rows == row["n"] - len(gone)


@pytest.mark.e2e
def test_messages_that_are_known_change_nothing(real_lake, messages):
    """The same folder again commits nothing, and neither does a run."""
    before = snapshots(real_lake)
    report = real_lake.ingest(messages, "hl7v2", "hospital")
    assert (report.steps[0].read, report.steps[0].unchanged) == (MESSAGES, MESSAGES)
    real_lake.run()
    assert snapshots(real_lake) == before
