"""Erasure of pictures, which are shared by their content."""

import base64
import io

import pytest
from lakes import CONTRACTS, write_ndjson
from PIL import Image

import a360


def document(name, patient, color):
    """A document of a patient with a picture in it."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(stream, "JPEG")
    attachment = {"contentType": "image/jpeg", "data": base64.b64encode(stream.getvalue()).decode()}
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "subject": {"reference": f"Patient/{patient}"},
        "content": [{"attachment": attachment}],
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake in which nothing lies yet."""
    with a360.open(tmp_path_factory.mktemp("shared") / "lake", contracts=CONTRACTS) as lake:
        lake.apply()
        yield lake


def bring(lake, name, *resources):
    """Ingest resources."""
    lake.ingest(write_ndjson(lake.path.with_name(name), resources))


def objects(lake):
    """The files beside the tables."""
    return {path.stem for path in (lake.path / "warehouse/objects").glob("*/*.a3o")}


def test_a_picture_goes_that_silver_has_never_read(lake):
    """Erased before the first run, the picture is gone and its key with it."""
    bring(lake, "first", {"resourceType": "Patient", "id": "c"}, document("d0", "c", (9, 9, 90)))
    [name] = objects(lake)
    key = lake._parts.objects.key(name)
    assert lake.tables.current_snapshot_id("silver.attachment") is None
    done = lake.erasures.erase(lake.erasures.key_of("default", "c"))
    assert done.objects == 1
    assert not objects(lake)
    assert key not in lake._parts.keys.key_ids()


def test_a_picture_stays_that_somebody_else_has_too(lake):
    """Received for another patient since the last run, it opens after that, and goes with the last."""
    earlier = objects(lake)
    people = [{"resourceType": "Patient", "id": each} for each in "ab"]
    bring(lake, "second", *people, document("d1", "a", (90, 9, 9)))
    lake.run("silver.attachment")
    bring(lake, "third", document("d2", "b", (90, 9, 9)))
    before = objects(lake)
    assert len(before - earlier) == 1
    assert lake.erasures.erase(lake.erasures.key_of("default", "a")).objects == 0
    assert objects(lake) == before
    assert lake.erasures.look(lake.erasures.key_of("default", "b")).objects == 1
