"""Attachments that resources name by a url alone: seen, told apart from missing ones, found in a Binary."""

import base64
import io

import pytest
from fhir_samples import patient
from lakes import CONTRACTS, patient_key, rows_of, write_ndjson
from PIL import Image

import a360
from a360.errors import OperatorError

PLACE = "https://pictures.example/okafor-face.jpg"


def picture():
    """A small picture."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (9, 90, 90)).save(stream, "JPEG")
    return stream.getvalue()


def document(key, *attachments, **more):
    """A DocumentReference with these attachments."""
    return {
        "resourceType": "DocumentReference",
        "id": key,
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": each} for each in attachments],
        **more,
    }


DATA = base64.b64encode(picture()).decode()
RESOURCES = [
    patient("p1", photo=[{"contentType": "image/png", "url": PLACE}]),
    {
        "resourceType": "Media",
        "id": "m1",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "createdDateTime": "2026-03-01T10:05:00+00:00",
        "extension": [{"url": "urn:x", "valueString": "1"}],
        "content": {"contentType": "video/mp4", "url": PLACE},
    },
    {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "subject": {"reference": "Patient/p1"},
        "presentedForm": [{"url": PLACE}, {"contentType": "image/jpeg", "data": DATA}],
    },
    document("d1", {"url": "Binary/b1", "contentType": "image/jpeg"}, {"url": "Binary/b2"}),
    document("d2", {"url": PLACE}, status="entered-in-error"),
    document("d3", {"contentType": "text/plain", "data": "QSBub3RlLg==", "url": PLACE}),
    {"resourceType": "Binary", "id": "b1", "contentType": "image/jpeg", "data": DATA},
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with resources that name attachments in every way."""
    base = tmp_path_factory.mktemp("by-url")
    with a360.open(base / "lake", contracts=CONTRACTS) as lake:
        report = lake.ingest(write_ndjson(base / "in", RESOURCES))
        assert "attachments that resources name by a url alone: 6" in report.remarks
        lake.run("silver.attachment")
        yield lake


def test_what_is_named_by_a_url_has_a_row(lake):
    """A row says whose it is, what and from when, and that its file lies elsewhere; of data there is none."""
    rows = rows_of(lake, "FROM silver.attachment WHERE is_external AND NOT deleted")
    key = patient_key(lake, "p1")
    assert {row["patient_key"] for row in rows} == {key}
    found = {row["attachment_id"]: row for row in rows}
    photos = [name for name in found if len(name) == len(key) and "." not in name]
    assert len(photos) == 1
    assert found.keys() - photos == {
        "Media.m1.u1",
        "DiagnosticReport.r1.u1",
        "DocumentReference.d1.u1",
        "DocumentReference.d1.u2",
    }
    assert found["Media.m1.u1"]["media_type"] == "video/mp4"
    assert str(found["Media.m1.u1"]["taken_date"]) == "2026-03-01"
    assert {row["object_digest"] for row in rows} == {None}


def test_no_column_tells_the_url(lake):
    """A url may name a person: it stays in the sealed payload."""
    assert "okafor" not in str(lake.table("silver.attachment").to_pylist())


def test_files_elsewhere_are_told_apart_from_missing_ones(lake):
    """`external` is neither `missing` nor `never came`; a check counts such files by a rule of their own."""
    states = {row["attachment_id"]: row["file"] for row in lake.attachments.list(20)}
    assert states.pop("Binary.b1.1") == states.pop("DiagnosticReport.r1.1") == "there"
    assert states.pop("DocumentReference.d1.u1") == "there"
    assert set(states.values()) == {"external"}
    [dataset] = lake.check("silver.attachment").datasets
    results = {each.rule: (each.failed, each.severity) for each in dataset.results}
    assert results["files_held_here"] == (len(states), "warning")
    assert results["objects_in_store"] == (0, "error")
    assert results["object_given"] == (0, "warning")


def test_a_binary_gives_the_file_of_what_names_it(lake, tmp_path):
    """The picture of a Binary is that of the document which names it; where none came, there is no file."""
    copy = lake.attachments.get("DocumentReference.d1.u1", tmp_path / "x.jpg", received=True)
    assert (tmp_path / "x.jpg").read_bytes() == picture()
    assert copy.media_type == "image/jpeg"
    with pytest.raises(OperatorError) as raised:
        lake.attachments.get("DocumentReference.d1.u2", tmp_path / "y")
    assert raised.value.code.slug == "input-missing"
    assert not (tmp_path / "y").exists()
