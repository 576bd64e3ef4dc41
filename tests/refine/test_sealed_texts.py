"""Notes in silver: the text sealed, told of beside, opened with the keys of the lake alone, sealed once."""

import base64
import json

import pytest
from fhir_samples import encounter, patient, practitioner
from lakes import CONTRACTS, only, patient_key, rows_of

import a360
from a360.errors import OperatorError, UsageError
from a360.protect import LocalKeyStore, LocalSealer, column_context, open_text
from a360.trust.audit import Search, search

TEXT = "HISTORY\nJane Okafor, since May.\nPlan: 20 units"


def note(key, text=TEXT, content_type="text/plain", *, updated="2026-01-02T00:00:00Z", data=None, **more):
    """A document reference that carries a text."""
    given = base64.b64encode(text.encode()).decode() if data is None else data
    return {
        "resourceType": "DocumentReference",
        "id": key,
        "meta": {"lastUpdated": updated},
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": content_type, "data": given}}],
        **more,
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory, put):
    """A lake with notes of many kinds."""
    with a360.open(tmp_path_factory.mktemp("notes") / "lake", contracts=CONTRACTS) as opened:
        written = note(
            "n1",
            author=[{"reference": "Practitioner/d1"}, {"reference": "#role"}],
            contained=[
                {
                    "resourceType": "PractitionerRole",
                    "id": "role",
                    "code": [{"coding": [{"code": "injector"}]}],
                }
            ],
            context={"encounter": [{"reference": "Encounter/e1"}], "period": {"start": "2026-01-01"}},
            relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/n0"}}],
        )
        renditions = note("n2", "<h1>no</h1>", "text/html")
        renditions["content"] += note("x", "yes", "text/plain")["content"]
        renditions["content"] += note("x", "and more", "text/plain")["content"]
        put(
            opened,
            patient("p1"),
            practitioner("d1"),
            encounter("e1"),
            written,
            renditions,
            note("picture", content_type="image/jpeg"),
            note("bad", data="%%%"),
            note("binary", data=base64.b64encode(b"\xff\x00").decode()),
            note("wrapped", data="SGVs\nbG8=\n"),
            note("gone", "Forget me"),
            {**note("later", "first"), "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}},
            note("later", "second"),
        )
        opened.run("silver.note")
        yield opened


def sealed(lake, key):
    """The sealed text of a note, as a query gives it."""
    return only(rows_of(lake, f"SELECT text FROM silver.note WHERE note_id = '{key}'"))["text"]


def test_a_note_tells_what_analysts_ask_and_its_text_stays_sealed(lake):
    """Patient, encounter, author, role, sections and length stand in clear; the text does not."""
    row = only(rows_of(lake, "SELECT * FROM silver.note WHERE note_id = 'n1'"))
    assert row["patient_key"] == patient_key(lake, "p1")
    assert (row["encounter_id"], row["author_id"], row["author_role"]) == ("e1", "d1", "injector")
    assert (row["relation"], row["related_note_id"]) == ("appends", "n0")
    assert (row["language"], row["length"], row["words"]) == (None, len(TEXT), 8)
    sections = json.loads(row["sections"])
    assert [(each["kind"], TEXT[each["body"] : each["end"]].strip()) for each in sections] == [
        ("history_of_present_illness", "Jane Okafor, since May."),
        ("plan", "20 units"),
    ]
    assert "Okafor" not in str(row)
    assert b"Okafor" not in row["text"]


def test_the_text_opens_with_the_keys_of_the_lake(lake):
    """Who operates the lake can open a note, and hears where there is none."""
    assert lake.note_text("n1") == TEXT
    for unknown in ("picture", "bad", "nothing"):
        with pytest.raises(UsageError):
            lake.note_text(unknown)


def test_an_opened_text_is_on_record_with_its_patient(lake):
    """Who opened a note, and of whom it tells, is in the audit log, and the text stays closed without it."""
    lake.note_text("n1")
    last = search(lake.audit.folder, Search(action="open"), newest=1).read_all().to_pylist()[0]
    [note] = lake.query("SELECT patient_key FROM silver.note WHERE note_id = 'n1'").to_pylist()
    assert (last["column_names"], last["outcome"]) == ("silver.note.text", "allowed")
    assert last["subjects"] == lake.audit.subject(note["patient_key"])
    lake.audit.folder.chmod(0o755)
    try:
        with pytest.raises(OperatorError, match="audit-unwritable"):
            lake.note_text("n1")
    finally:
        lake.audit.folder.chmod(0o700)


def test_a_sealed_text_opens_in_its_own_row_alone(lake):
    """Moved to another row, column or dataset a text does not open."""
    sealer = LocalSealer(LocalKeyStore.open(lake.path / "keys"))
    text = sealed(lake, "n1")
    assert open_text(sealer, text, column_context("silver.note", "text", "default", "n1")) == TEXT
    for place in (
        ("silver.note", "text", "default", "n2"),
        ("silver.note", "text", "other", "n1"),
        ("silver.note", "words", "default", "n1"),
    ):
        with pytest.raises(OperatorError):
            open_text(sealer, text, column_context(*place))


def test_of_several_renditions_plain_text_is_the_note(lake):
    """Of renditions plain text is the note, all parts of it; white space in base64 is none of its text."""
    assert lake.note_text("n2") == "yes\nand more"
    assert lake.note_text("wrapped") == "Hello"


def test_documents_without_text_are_no_notes_and_broken_ones_are_refused(lake):
    """A picture gives no row; base64 that is none, and bytes that are no text, are refused by a rule."""
    assert rows_of(lake, "SELECT 1 FROM silver.note WHERE note_id IN ('picture', 'bad', 'binary')") == []
    refused = rows_of(lake, "SELECT rule, count(*) AS n FROM quarantine.note GROUP BY rule")
    assert refused == [{"rule": "text-type", "n": 2}]


def test_the_newest_version_is_the_note(lake):
    """An amended note has the text of its newest version."""
    assert lake.note_text("later") == "second"


def test_texts_that_did_not_change_are_not_sealed_again(lake):
    """A full run over the same notes commits nothing, and leaves no key that nothing is sealed under."""
    keys = set(LocalKeyStore.open(lake.path / "keys").key_ids())
    before = sealed(lake, "n1")
    report = lake.run("silver.note", full=True)
    assert not report.changed
    assert sealed(lake, "n1") == before
    assert set(LocalKeyStore.open(lake.path / "keys").key_ids()) == keys


def test_only_the_notes_that_changed_are_written_again(lake, put):
    """One amended note is sealed anew, under a key of its own batch; the others stay as they are."""
    others = sealed(lake, "n2")
    first = sealed(lake, "n1")
    put(lake, note("n1", "amended", updated="2026-02-01T00:00:00Z"))
    lake.run("silver.note")
    assert lake.note_text("n1") == "amended"
    assert sealed(lake, "n2") == others
    assert sealed(lake, "n1")[4:20] != first[4:20]


def test_a_deleted_note_keeps_no_text(lake, put):
    """A note that its source deletes ends as a tombstone without text, hash or sections."""
    put(
        lake,
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "timestamp": "2026-03-01T00:00:00Z",
            "entry": [{"request": {"method": "DELETE", "url": "DocumentReference/gone"}}],
        },
    )
    lake.run("silver.note")
    row = only(rows_of(lake, "SELECT * FROM silver.note WHERE note_id = 'gone'"))
    assert row["deleted"]
    assert {row[name] for name in ("text", "text_hash", "sections", "length", "words")} == {None}
