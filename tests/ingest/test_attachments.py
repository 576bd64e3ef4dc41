"""Attachments into the lake: a record for each row, an object for each file, the rest told with a reason."""

import io
import json

import pytest
from PIL import Image

from a360.errors import OperatorError
from a360.failpoints import FailpointError
from a360.ingest import RECORDS, Inflow, committed_batches, ingest_attachments
from a360.objects import ObjectStore
from a360.protect import open_block

PLANTED = "Jane-Okafor-51.5074N"


def picture(shade=0, kind="JPEG"):
    """A small picture whose EXIF names somebody."""
    exif = Image.Exif()
    exif[0x010E] = PLANTED
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 90, 90)).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.fixture
def store(lake):
    """The lake's objects."""
    return ObjectStore(lake.folder / "warehouse/objects", lake.sealer)


@pytest.fixture
def take(lake, store):
    """Ingests paths as attachments of a clinic."""
    lake.make_record_tables()

    def ingest(*paths, most_bytes=1 << 20):
        inflow = Inflow(lake.tables, lake.tokenizer, lake.sealer, source="clinic", threads=2)
        return ingest_attachments(inflow, paths, store, most_bytes=most_bytes).report

    return ingest


@pytest.fixture
def album(tmp_path):
    """Makes a folder of files and a manifest of rows."""

    def make(rows, **files):
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        for name, data in files.items():
            (folder / name.replace("_", ".")).write_bytes(data)
        (folder / "attachments.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make


def records(lake):
    """The records of bronze, oldest first, each with its payload."""
    blocks = {
        row["block_id"]: open_block(lake.sealer, row["block_id"], row["payload"]).text.splitlines()
        for row in lake.tables.read("bronze.record_block").to_pylist()
    }
    rows = lake.tables.read("bronze.record").to_pylist()
    return [
        {**row, "payload": json.loads(blocks[row["block_id"]][row["position"]])}
        for row in sorted(rows, key=lambda row: (row["known_at"], row["arrival"]))
    ]


def refusals(lake):
    """The rule and line of everything refused."""
    rows = lake.tables.read("quarantine.record").to_pylist()
    return sorted((row["rule"], row["offset"]) for row in rows)


def row(file="a.jpg", **more):
    """A row of a manifest."""
    return {"file": file, "attachment_id": "a1", "patient": "p1", "kind": "before", **more}


def test_a_row_becomes_a_record_and_its_file_an_object(lake, store, take, album):
    """The record says whose the file is, what it is by its bytes, and under which digest it lies."""
    taken = take(album([row(encounter_identifier="urn:v|7", body_site="face")], a_jpg=picture()))
    assert (taken.read, taken.landed) == (1, 1)
    [found] = records(lake)
    told = found["payload"]
    assert (found["record_type"], found["record_id"]) == ("attachment", "a1")
    assert told["patient"] == "Patient/p1"
    assert told["encounter"] == "Encounter?identifier=urn:v|7"
    assert (told["media_type"], told["width"], told["height"]) == ("image/jpeg", "8", "6")
    assert store.holds(told["object"])
    with store.opened(told["object"]) as reader:
        assert PLANTED.encode() not in b"".join(reader.served())
    with store.opened(told["object"]) as reader:
        assert b"".join(reader.received()) == picture()


def test_the_same_files_again_change_nothing(lake, take, album):
    """A second ingest commits nothing and writes no object anew."""
    folder = album([row()], a_jpg=picture())
    take(folder)
    before = lake.snapshots()
    again = take(folder)
    assert (again.commit_id, again.unchanged) == (None, 1)
    assert lake.snapshots() == before


def test_one_file_of_two_rows_is_one_object(lake, store, take, album):
    """A file that two rows name, or two files of the same bytes, are kept once."""
    rows = [row(), row(attachment_id="a2", patient="p2"), row("b.jpg", attachment_id="a3")]
    take(album(rows, a_jpg=picture(), b_jpg=picture()))
    assert len({each["payload"]["object"] for each in records(lake)}) == 1
    assert len(list(store.files())) == 1


def test_a_lost_object_comes_back_with_its_file(lake, store, take, album):
    """Ingesting a file again restores its object, and adds no record."""
    folder = album([row()], a_jpg=picture())
    take(folder)
    [file] = store.files()
    file.path.unlink()
    again = take(folder)
    assert (again.landed, again.duplicates) == (0, 1)
    assert store.holds(file.name)
    assert store.batch(file.name) in committed_batches(lake.tables, RECORDS)


def test_a_row_may_come_before_its_file_and_never_takes_it_away(lake, take, album):
    """A row that bears an id lands without its file; coming later without it, it is the older version."""
    folder = album([row()])
    assert take(folder).landed == 1
    assert "object" not in records(lake)[0]["payload"]
    (folder / "a.jpg").write_bytes(picture())
    assert take(folder).landed == 1
    bare, whole = records(lake)
    assert (bare["last_updated"], bare["version_id"]) == (None, None)
    assert whole["version_id"] == "1"


def test_what_is_no_attachment_is_refused_with_its_reason(lake, store, take, album):
    """Each way in which a row or file can be none has a rule; none of them leaves an object."""
    whole = picture()
    rows = [
        row("gone.jpg", attachment_id=""),
        row("empty.jpg"),
        row("cut.jpg"),
        row("page.html"),
        row("a.jpg", media_type="image/png"),
        row("large.png"),
        row("a.jpg", patient=""),
        row("a.jpg", patient="Jane Doe"),
        row("a.jpg", updated_at="yesterday"),
        row("../secret.jpg"),
        row("link.jpg"),
        row("a.jpg", patient="p9", patient_identifier="a|b"),
    ]
    folder = album(
        rows,
        a_jpg=whole,
        empty_jpg=b"",
        cut_jpg=whole[:-9],
        page_html=b"<html>",
        large_png=b"\x89PNG" + bytes(40_000),
        unlisted_jpg=whole,
    )
    (folder.parent / "secret.jpg").write_bytes(picture(7))
    (folder / "link.jpg").symlink_to(folder.parent / "secret.jpg")
    report = take(folder, most_bytes=30_000)
    assert (report.read, report.landed, report.quarantined) == (13, 0, 13)
    assert refusals(lake) == [
        ("damaged-file", 3), ("empty-file", 2), ("invalid-field", 8), ("invalid-field", 9),
        ("invalid-field", 12), ("media-type-differs", 5), ("missing-file", 1), ("no-patient", 7),
        ("outside-folder", 10), ("outside-folder", 11), ("too-large", 6), ("unknown-media", 4),
        ("unlisted-file", 0),
    ]  # fmt: skip
    assert list(store.files()) == []


def test_two_rows_of_one_id_are_not_one_attachment(lake, take, album):
    """Of two rows of one id and time the second is refused; without an id patient and content tell."""
    rows = [row(), row(kind="after"), row(attachment_id=""), row(attachment_id="", patient="p2")]
    take(album([*rows, row(kind="report", updated_at="2026-01-01")], a_jpg=picture()))
    assert refusals(lake) == [("repeated-id", 2)]
    assert len({each["record_id"] for each in records(lake)}) == 3
    assert len(records(lake)) == 4


def test_a_batch_that_broke_off_leaves_orphans_that_the_next_one_replaces(
    lake, store, take, album, monkeypatch
):
    """What a broken call has stored belongs to no batch; the next call stores it under its own key."""
    folder = album([row(), row("b.jpg", attachment_id="a2")], a_jpg=picture(1), b_jpg=picture(2))
    monkeypatch.setenv("A360_FAILPOINTS", "ingest.commit.before-main=raise")
    with pytest.raises(FailpointError):
        take(folder)
    landed = committed_batches(lake.tables, RECORDS)
    left = list(store.files())
    assert len(left) == 2
    assert not {file.batch for file in left} & landed
    monkeypatch.delenv("A360_FAILPOINTS")
    assert take(folder).landed == 2
    landed = committed_batches(lake.tables, RECORDS)
    assert {file.batch for file in store.files()} <= landed
    assert len(list(store.files())) == 2


def test_a_manifest_speaks_of_folders_below_it(lake, take, album):
    """A file in a folder below its manifest is the manifest's, and no unlisted one."""
    folder = album([row("march/a.jpg")])
    (folder / "march").mkdir()
    (folder / "march/a.jpg").write_bytes(picture())
    report = take(folder)
    assert (report.read, report.landed) == (1, 1)


def test_a_file_that_changes_while_it_is_read_stops_the_call(lake, store, take, album, monkeypatch):
    """A file that is not the one that was looked at is never stored under the other's digest."""
    folder = album([row()], a_jpg=picture(1))
    monkeypatch.setattr("a360.ingest._attachments.read_bounded", lambda *_: picture(2))
    with pytest.raises(OperatorError):
        take(folder)
    assert list(store.files()) == []
    assert records(lake) == []


def test_nothing_of_a_file_lies_in_clear(lake, take, album):
    """Names that a camera or a clinic wrote are in no file of the lake."""
    take(album([row("Jane_Okafor.jpg".replace("_", ""), note=PLANTED)], JaneOkafor_jpg=picture()))
    for path in lake.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert PLANTED.encode() not in data
            assert b"JaneOkafor" not in data
