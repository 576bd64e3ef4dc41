"""Attachments of a lake: served without what a camera tells, missing ones told, orphans collected."""

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from lakes import CONTRACTS, only, patient_key, rows_of
from PIL import Image

import a360
from a360.errors import OperatorError, UsageError

PLANTED = "Jane-Okafor"


def picture(shade=0):
    """A picture whose EXIF names somebody."""
    exif = Image.Exif()
    exif[0x010E] = PLANTED
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 90, 90)).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def album(folder, rows):
    """A folder with a picture for each row but those whose file is to be missing."""
    folder.mkdir()
    for number, row in enumerate(rows):
        if not row.pop("missing", False):
            (folder / f"{number}.jpg").write_bytes(picture(60 * number))
        row["file"] = f"{number}.jpg"
    (folder / "attachments.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Pictures before and after a treatment, one of which never came, and one of an unknown kind."""
    taken = {"patient": "p1", "taken_at": "2026-03-01T23:30:00-05:00", "body_site": "face"}
    rows = [
        {"attachment_id": "a1", "kind": "before", **taken},
        {"attachment_id": "a2", "kind": "after", **taken},
        {"attachment_id": "a3", "kind": "after", **taken, "missing": True},
        {"attachment_id": "a4", "kind": "holiday", **taken},
    ]
    return album(tmp_path_factory.mktemp("in") / "photos", rows)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, photos):
    """A lake that took the pictures; the process that took them first was killed half way."""
    folder = tmp_path_factory.mktemp("attachments") / "lake"
    with a360.open(folder, contracts=CONTRACTS) as opened:
        opened.apply()
    command = [sys.executable, "-m", "a360", "--lake", folder, "ingest", "attachments", photos]
    killing = {"A360_FAILPOINTS": "ingest.attachment.after-object=kill@2", "A360_CONTRACTS": str(CONTRACTS)}
    killed = subprocess.run(command, env=os.environ | killing, capture_output=True, timeout=200, check=False)
    assert killed.returncode < 0
    with a360.open(folder, contracts=CONTRACTS) as opened:
        assert list((folder / "warehouse/objects").glob("*/*.a3o"))
        report = opened.ingest(photos, kind="attachments")
        assert only(report.steps).landed == 4
        opened.run("silver.attachment")
        yield opened


def test_a_row_tells_what_a_clinic_asks(lake):
    """Whose a picture is, what it shows, when it was taken by the clock on the wall, and how large it is."""
    row = only(rows_of(lake, "SELECT * FROM silver.attachment WHERE attachment_id = 'a1'"))
    assert row["patient_key"] == patient_key(lake, "p1")
    assert (row["kind"], row["body_site"], row["media_type"]) == ("before", "face", "image/jpeg")
    assert row["taken_at"] == datetime(2026, 3, 2, 4, 30, tzinfo=UTC)
    assert str(row["taken_date"]) == "2026-03-01"
    assert (row["width"], row["height"], row["metadata_removed"]) == (8, 6, True)
    refused = only(rows_of(lake, "SELECT rule FROM quarantine.attachment"))
    assert refused["rule"] == "kind_in_value_set"


def test_a_file_is_served_without_what_its_camera_tells(lake, tmp_path, photos):
    """What is served names nobody and is the owner's alone; asked for, the file comes as it was received."""
    copy = lake.attachments.get("a2", tmp_path / "served.jpg")
    served = (tmp_path / "served.jpg").read_bytes()
    assert (copy.bytes, copy.media_type) == (len(served), "image/jpeg")
    assert PLANTED.encode() not in served
    assert (tmp_path / "served.jpg").stat().st_mode & 0o777 == 0o600
    lake.attachments.get("a2", tmp_path / "received.jpg", received=True)
    assert (tmp_path / "received.jpg").read_bytes() == (photos / "1.jpg").read_bytes()


def test_what_cannot_be_served_is_told(lake, tmp_path):
    """An unknown id is the caller's, a file that never came the clinic's; neither leaves a file behind."""
    with pytest.raises(UsageError):
        lake.attachments.get("nothing", tmp_path / "x")
    with pytest.raises(OperatorError) as raised:
        lake.attachments.get("a3", tmp_path / "x")
    assert raised.value.code.slug == "input-missing"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_object_is_never_served(lake, tmp_path):
    """An object of which a byte was changed is refused, and no half of it is written."""
    digest = only(rows_of(lake, "SELECT object_digest FROM silver.attachment WHERE attachment_id = 'a1'"))
    [path] = (lake.path / "warehouse/objects").glob(f"*/{digest['object_digest']}.a3o")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    try:
        with pytest.raises(OperatorError) as raised:
            lake.attachments.get("a1", tmp_path / "x.jpg", received=True)
        assert raised.value.code.slug == "seal-broken"
        assert list(tmp_path.iterdir()) == []
    finally:
        path.write_bytes(whole)


def test_missing_objects_show_in_quality_and_come_back(lake, photos):
    """A check tells of each file that is gone from the store; ingesting it again mends that."""

    def measured():
        [dataset] = lake.check("silver.attachment").datasets
        return next(each for each in dataset.results if each.rule == "objects_in_store")

    assert (measured().checked, measured().failed, measured().passed) == (2, 0, True)
    for path in (lake.path / "warehouse/objects").glob("*/*.a3o"):
        path.unlink()
    assert (measured().failed, measured().passed) == (2, False)
    lake.ingest(photos, kind="attachments")
    assert measured().passed


def test_orphans_are_told_once_they_are_old_and_collected_when_asked(lake):
    """Files that no batch landed are told when a day old, deleted on request; objects in use never are."""
    folder = lake.path / "warehouse/objects"
    kept = set(folder.glob("*/*"))
    left = folder / next(iter(kept)).parent.name / "a360-0123456789abcdef.tmp"
    left.write_bytes(b"half")
    assert lake.collect()["objects"] == []
    past = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in (*kept, left):
        os.utime(path, (past, past))
    assert [each.path for each in lake.collect()["objects"]] == [str(left)]
    lake.collect(delete=True)
    assert set(folder.glob("*/*")) == kept
