"""Pictures that FHIR resources embed, from the command line to what a clinic asks of them."""

import base64
import io
import json
import os
import subprocess
import sys

import pytest
from lakes import CONTRACTS, only, patient_key, rows_of
from PIL import Image

import a360


def picture(shade=0):
    """A small picture."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 90, 90)).save(stream, "JPEG")
    return stream.getvalue()


def export(folder, shades):
    """An export of a patient, an encounter, and a DocumentReference for each picture."""
    folder.mkdir()
    subject = {"reference": "Patient/p1"}
    resources = [
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": subject},
    ]
    for shade in shades:
        data = base64.b64encode(picture(shade)).decode()
        attachment = {"contentType": "image/jpeg", "data": data, "creation": "2026-03-01T10:05:00-05:00"}
        resources.append(
            {
                "resourceType": "DocumentReference",
                "id": f"d{shade}",
                "status": "current",
                "subject": subject,
                "context": {"encounter": [{"reference": "Encounter/e1"}]},
                "content": [{"attachment": attachment}],
            }
        )
    (folder / "all.ndjson").write_text("".join(json.dumps(each) + "\n" for each in resources))
    return folder


def started(lake, folder, **environment):
    """An ingest as a process of its own."""
    command = [sys.executable, "-m", "a360", "--lake", str(lake), "ingest", "fhir", str(folder)]
    told = os.environ | {"A360_CONTRACTS": str(CONTRACTS)} | environment
    return subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake that took an export: killed between its two commits, then twice at once, then once more."""
    base = tmp_path_factory.mktemp("pictures")
    folder, data = base / "lake", export(base / "in", [1, 2])
    with a360.open(folder, contracts=CONTRACTS) as opened:
        opened.apply()
    killed = started(folder, data, A360_FAILPOINTS="ingest.commit.before-main=kill")
    killed.communicate(timeout=200)
    assert killed.returncode < 0
    both = [started(folder, data), started(folder, data)]
    told = [process.communicate(timeout=200)[0] for process in both]
    assert 0 in {process.returncode for process in both}, told
    last = started(folder, data)
    assert "Nothing new" in last.communicate(timeout=200)[0]
    with a360.open(folder, contracts=CONTRACTS) as opened:
        opened.run("silver.patient", "silver.encounter", "silver.document_reference", "silver.attachment")
        yield opened


def test_each_picture_is_there_once(lake):
    """Whatever was killed or ran at once, each resource, record and row of silver stands once."""
    counted = {
        name: len(rows_of(lake, f"SELECT 1 FROM {name} WHERE {column} LIKE 'DocumentReference%'"))
        for name, column in (("bronze.fhir_resource", "resource_type"), ("bronze.record", "record_id"))
    }
    assert counted == {"bronze.fhir_resource": 2, "bronze.record": 2}
    found = rows_of(lake, "SELECT * FROM silver.attachment ORDER BY attachment_id")
    assert [row["attachment_id"] for row in found] == ["DocumentReference.d1.1", "DocumentReference.d2.1"]
    for row in found:
        assert row["patient_key"] == patient_key(lake, "p1")
        assert (row["encounter_id"], row["media_type"], row["width"]) == ("e1", "image/jpeg", 8)
        assert str(row["taken_date"]) == "2026-03-01"
    assert lake.attachments.missing().passed


def test_a_resource_says_how_large_its_picture_is(lake):
    """What the source left out, the size and hash of the picture, stands with its DocumentReference."""
    row = only(rows_of(lake, "SELECT * FROM silver.document_reference WHERE document_reference_id = 'd1'"))
    assert row["content_size"] == len(picture(1))
    assert row["content_hash_token"]


def test_its_file_is_served_and_no_object_is_an_orphan(lake, tmp_path):
    """A picture comes back byte for byte, and the store holds none that nobody names."""
    lake.attachments.get("DocumentReference.d2.1", tmp_path / "2.jpg", received=True)
    assert (tmp_path / "2.jpg").read_bytes() == picture(2)
    assert len(list((lake.path / "warehouse/objects").glob("*/*.a3o"))) == 2
    assert not lake.attachments.orphans()
