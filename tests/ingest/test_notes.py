"""Notes into bronze: each file or row one DocumentReference, and whatever is none told with a reason."""

import base64
import json

import pytest

from a360.errors import DataError, OperatorError
from a360.ingest import Inflow, ingest_notes


@pytest.fixture
def take(lake):
    """Ingests paths as notes of a clinic."""

    def ingest(*paths, source="clinic"):
        return ingest_notes(Inflow(lake.tables, lake.tokenizer, lake.sealer, source=source, threads=2), paths)

    return ingest


@pytest.fixture
def folder(tmp_path):
    """A folder with a manifest and notes of four kinds."""
    place = tmp_path / "notes"
    place.mkdir()
    (place / "a.txt").write_text("PLAN\nReview in two weeks.\n")
    (place / "b.md").write_text("---\npatient: p2\nnote_id: n-b\n---\n# Plan\nNone.\n")
    (place / "c.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Doctor>Hello\n")
    (place / "c.vtt.meta.json").write_text(json.dumps({"patient_identifier": "urn:mrn|7"}))
    (place / "notes.csv").write_text(
        "file,patient,note_id,author_role,created_at,amends\n"
        "a.txt,p1,n-a,injector,2026-03-01T09:00:00+01:00,\n"
    )
    (place / "photo.jpg").write_bytes(b"x")
    return place


def _by_id(lake):
    return {row["resource_id"]: json.loads(row["text"]) for row in lake.resources()}


def _refusals(lake):
    return sorted((row["rule"], row["offset"]) for row in lake.refused())


def test_manifest_front_matter_and_sidecar_say_whose_note_it_is(lake, take, folder):
    """A note is told of by its row, its own head or the file beside it; what is no note is counted."""
    ingested = take(folder)
    assert ingested.skipped == 1
    assert ingested.report.landed == 3
    found = _by_id(lake)
    assert found["n-a"]["subject"] == {"reference": "Patient/p1"}
    assert base64.b64decode(found["n-b"]["content"][0]["attachment"]["data"]) == b"# Plan\nNone.\n"
    [transcript] = [note for note_id, note in found.items() if note_id not in {"n-a", "n-b"}]
    assert transcript["subject"]["identifier"] == {"system": "urn:mrn", "value": "7"}
    assert transcript["content"][0]["attachment"]["contentType"] == "text/vtt"


def test_the_same_notes_again_change_nothing(lake, take, folder):
    """A second ingest of the same folder commits nothing, and so does one of a copy of it elsewhere."""
    take(folder)
    before = lake.snapshots()
    again = take(folder)
    assert again.report.commit_id is None
    assert again.report.unchanged == 3
    copied = folder.rename(folder.with_name("copied"))
    assert take(copied).report.commit_id is None
    assert lake.snapshots() == before


def test_a_mended_row_is_a_new_version_of_the_same_note(lake, take, folder):
    """What is said of a note is part of it: another author or patient is news though the text is the same."""
    take(folder)
    manifest = folder / "notes.csv"
    manifest.write_text(manifest.read_text().replace(",p1,", ",p9,"))
    report = take(folder).report
    assert (report.landed, report.unchanged) == (1, 2)
    versions = [row for row in lake.resources() if row["resource_id"] == "n-a"]
    assert [json.loads(row["text"])["subject"]["reference"] for row in versions] == [
        "Patient/p1",
        "Patient/p9",
    ]
    assert len({row["resource_id"] for row in lake.resources()}) == 3


def test_versions_of_a_note_may_come_in_one_call(lake, take, tmp_path):
    """Two versions of one note that say when each was made both land; a copy of one is a duplicate."""
    place = tmp_path / "notes"
    place.mkdir()
    lines = [
        {"text": text, "patient": "p1", "note_id": "n1", "updated_at": f"2026-01-0{day}"}
        for text, day in (("newer", 2), ("older", 1), ("older", 1))
    ]
    (place / "notes.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = take(place).report
    assert (report.landed, report.duplicates, report.quarantined) == (2, 1, 0)


def test_an_amendment_names_the_note_it_replaces(lake, take, tmp_path):
    """An amending note leads to the other by its id, also where that is no logical id of FHIR."""
    (tmp_path / "notes.ndjson").write_text(
        '{"text": "first", "patient": "p1", "note_id": "No. 1 / Jane"}\n'
        '{"text": "second", "patient": "p1", "note_id": "n2", "amends": "No. 1 / Jane"}\n'
    )
    take(tmp_path)
    found = _by_id(lake)
    [first] = set(found) - {"n2"}
    assert "Jane" not in first
    assert found[first]["identifier"][0]["value"] == "No. 1 / Jane"
    assert found["n2"]["relatesTo"] == [
        {"code": "replaces", "target": {"reference": f"DocumentReference/{first}"}}
    ]


def test_what_is_no_note_is_quarantined_with_its_reason(lake, take, tmp_path):
    """Each way in which a note can be none has a rule, and its row or bytes are kept sealed."""
    place = tmp_path / "notes"
    place.mkdir()
    (place / "empty.txt").write_text("---\npatient: p1\n---\n \n")
    (place / "nobody.txt").write_text("no patient")
    (place / "binary.txt").write_bytes(b"\xff\x00")
    (place / "binary.txt.meta.json").write_text('{"patient": "p1"}')
    (place / "odd.txt").write_text("x")
    (place / "odd.txt.meta.json").write_text("[1]")
    (place / "same.txt").write_text("x")
    (place / "notes.csv").write_text(
        "file,patient,note_id,created_at\n"
        "gone.txt,p1,,\n"
        "same.txt,p1,n1,\n"
        "same.txt,p2,n1,\n"
        "same.txt,p1,n3,yesterday\n"
        "same.txt,p1,n3,2026-01-01,too,many\n"
    )
    report = take(place).report
    assert (report.read, report.landed, report.quarantined) == (9, 1, 8)
    assert sorted(rule for rule, _ in _refusals(lake)) == [
        "empty-note",
        "invalid-field",
        "invalid-field",
        "invalid-field",
        "missing-file",
        "no-patient",
        "repeated-id",
        "unknown-format",
    ]
    kept = b"".join(row["raw"] for row in lake.refused())
    assert b"gone.txt" in kept
    assert b"no patient" in kept
    assert b"yesterday" in kept
    assert take(place).report.commit_id is None


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "in/../../secret.txt", "C:\\secret.txt", "a\\b.txt", "link.txt"]
)
def test_no_row_reaches_out_of_its_folder(lake, take, tmp_path, name):
    """Paths that climb, absolute ones, foreign ones and links that leave the folder are refused unread."""
    (tmp_path / "secret.txt").write_text("a secret elsewhere")
    place = tmp_path / "notes"
    place.mkdir()
    (place / "link.txt").symlink_to(tmp_path / "secret.txt")
    (place / "notes.ndjson").write_text(json.dumps({"file": name, "patient": "p1"}))
    take(place)
    [refused] = lake.refused()
    assert refused["rule"] == "outside-folder"
    assert b"a secret" not in refused["raw"]


@pytest.mark.parametrize(
    "content", [b"file\xff\n", b"name,patient\nx,y\n", b"", b'file,file\n"x', b'file\n"x']
)
def test_a_manifest_that_cannot_be_read_stops_the_call(lake, take, tmp_path, content):
    """A manifest without header, of another encoding or broken quotes is refused before anything lands."""
    (tmp_path / "notes.csv").write_bytes(content)
    with pytest.raises(DataError):
        take(tmp_path)
    assert lake.resources() == []


def test_a_note_that_is_named_alone_is_told_of_by_the_manifest_beside_it(lake, take, folder):
    """Naming one file of a folder reads that file as its folder's manifest has it."""
    assert take(folder / "a.txt").report.landed == 1
    assert list(_by_id(lake)) == ["n-a"]
    with pytest.raises(OperatorError):
        take(folder / "nothing.txt")


def test_a_manifest_speaks_of_folders_below_it(lake, take, tmp_path):
    """A file in a folder below its manifest is the manifest's, and is not taken a second time."""
    (tmp_path / "notes/march").mkdir(parents=True)
    (tmp_path / "notes/march/a.txt").write_text("fine")
    (tmp_path / "notes/notes.csv").write_text("file,patient\nmarch/a.txt,p1\n")
    report = take(tmp_path / "notes").report
    assert (report.read, report.landed) == (1, 1)


def test_labels_and_ids_name_nobody(lake, take, tmp_path):
    """A file's name may be a patient's: neither label nor id of a note without an id shows it."""
    (tmp_path / "Jane_Okafor.txt").write_text("---\npatient: p1\n---\nfine")
    take(tmp_path)
    [row] = lake.resources()
    assert "Okafor" not in json.dumps({name: str(value) for name, value in row.items() if name != "text"})
