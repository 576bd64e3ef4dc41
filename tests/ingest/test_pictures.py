"""Pictures and PDFs within resources: taken into the object store, told by records, nothing else changed."""

import base64
import hashlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from a360.failpoints import FailpointError
from a360.ingest._embedded import EXTENSION, embedded_in, replaced
from a360.objects import ObjectStore, object_name

PLANTED = "Jane-Okafor-51.5074N"
URN = "urn:a360:object:"


def picture(shade=0, kind="JPEG"):
    """A small picture whose EXIF names somebody."""
    exif = Image.Exif()
    exif[0x010E] = PLANTED
    stream = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 90, 90)).save(stream, kind, exif=exif)
    return stream.getvalue()


def coded(data):
    """Bytes as FHIR writes them."""
    return base64.b64encode(data).decode()


def document(data, resource_id="d1", **more):
    """The text of a DocumentReference with a picture, with a number that JSON readers like to shorten."""
    attachment = {"contentType": "image/jpeg", "data": data, **more}
    return json.dumps(
        {
            "resourceType": "DocumentReference",
            "id": resource_id,
            "meta": {"lastUpdated": "2026-03-01T11:00:00Z", "versionId": "3"},
            "status": "current",
            "subject": {"reference": "Patient/p1"},
            "content": [{"attachment": attachment}],
        }
    ).replace('"status"', '"extension": [{"url": "x", "valueDecimal": 1.500}], "status"')


@pytest.fixture
def store(lake):
    """The lake's objects."""
    lake.make_record_tables()
    return ObjectStore(lake.folder / "warehouse/objects", lake.sealer)


@pytest.fixture
def take(lake, store, tmp_path):
    """Ingests texts of resources, each of a line."""

    def ingest(*texts, name="all.ndjson", most_bytes=1 << 20):
        path = tmp_path / name
        path.write_text("".join(text + "\n" for text in texts))
        return lake.ingest(path, source="clinic", objects=store, attachment_bytes=most_bytes, threads=2)

    return ingest


def test_a_picture_gives_way_to_the_name_of_its_object(lake, store, take):
    """The resource keeps every byte but `data`, and says the size and SHA-1 of what lies elsewhere."""
    data = picture()
    text = document(coded(data))
    take(text)
    name = object_name(data, lake.tokenizer)
    [resource] = lake.resources()
    sha1 = coded(hashlib.sha1(data, usedforsecurity=False).digest())
    told = f'"url":"{URN}{name}","size":{len(data)},"hash":"{sha1}"'
    assert resource["text"].decode() == text.replace(f'"data": "{coded(data)}"', told)
    with store.opened(name) as reader:
        assert b"".join(reader.received()) == data
    with store.opened(name) as reader:
        assert PLANTED.encode() not in b"".join(reader.served())


def test_a_record_tells_of_it_in_the_same_batch(lake, take):
    """Whose it is, what and how large by its bytes, in the version of the resource that it was taken from."""
    take(document(coded(picture()), title="Okafor before", creation="2026-03-01T10:05:00.250+00:00"))
    [resource], [record] = lake.resources(), lake.records()
    assert record["record_id"] == "DocumentReference.d1.1"
    for name in ("commit_id", "source", "file", "offset", "last_updated", "version_id", "deleted"):
        assert record[name] == resource[name]
    told = json.loads(record["text"])
    assert (told["patient"], told["media_type"], told["width"]) == ("Patient/p1", "image/jpeg", "8")
    assert told["taken_at"] == "2026-03-01T10:05:00+00:00"


def test_the_same_resource_again_is_a_duplicate(lake, store, take):
    """In another file, the resource and its record count as known, and its object is not written anew."""
    take(document(coded(picture())))
    [before] = [(file.path.stat().st_mtime_ns, file.batch) for file in store.files()]
    reports = take("", document(coded(picture())), name="again.ndjson").reports
    assert [(each.read, each.duplicates, each.landed) for each in reports] == [(1, 1, 0), (1, 1, 0)]
    assert [(file.path.stat().st_mtime_ns, file.batch) for file in store.files()] == [before]


def test_what_is_no_picture_stays_as_it_came(lake, store, take):
    """Notes, sampled data and words in strings are left alone; nothing lands as a record, nor is said to."""
    texts = [
        document(coded(b"A note about an image.pdf"), "d1").replace("image/jpeg", "text/plain"),
        '{"resourceType":"Observation","id":"o1","valueSampledData":{"origin":{"value":0},"data":"1 2 E"}}',
        '{"resourceType":"Basic","id":"b1","text":{"div":"\\"data\\":\\"/9j/4AAQ\\""}}',
    ]
    ingested = take(*texts)
    assert [each["text"].decode() for each in lake.resources()] == texts
    assert [each.dataset for each in ingested.reports] == ["bronze.fhir_resource"]
    assert ingested.remarks == ()
    assert lake.tables.current_snapshot_id("bronze.record") is None
    assert not list(store.files())


def test_what_cannot_be_taken_stays_within_its_resource(lake, store, take):
    """Each is refused by the rule that files have, and its resource lands whole all the same."""
    texts = [
        document(coded(picture())[:-9] + "!", "d1"),
        document(coded(picture(kind="PNG")), "d2"),
        document(coded(b"GIF89a"), "d3").replace("image/jpeg", "image/gif"),
        document(coded(bytes(2000)), "d4"),
        document("", "d5"),
    ]
    ingested = take(*texts, most_bytes=1000)
    assert [each["text"].decode() for each in lake.resources()] == texts
    rules = sorted(row["rule"] for row in lake.refused("quarantine.record"))
    assert rules == ["damaged-file", "empty-file", "media-type-differs", "too-large", "unknown-media"]
    assert [(each.read, each.landed, each.quarantined) for each in ingested.reports] == [(5, 5, 0), (5, 0, 5)]
    assert not list(store.files())


def test_elements_without_a_place_for_a_url_say_it_beside_their_data(lake, take):
    """A Binary, a signature and an attachment with a url of its own keep what they have."""
    data = coded(picture())
    texts = [
        f'{{"resourceType":"Binary","id":"b1","contentType":"image/jpeg","data":"{data}"}}',
        document(data, url="https://x.example/1.jpg"),
        f'{{"resourceType":"Provenance","id":"v1","signature":[{{"sigFormat":"image/jpeg","data":"{data}"}}]}}',
    ]
    take(*texts)
    name = object_name(picture(), lake.tokenizer)
    beside = {"extension": [{"url": EXTENSION, "valueUri": URN + name}]}
    binary, reference, provenance = (json.loads(each["text"]) for each in lake.resources())
    assert binary == {"resourceType": "Binary", "id": "b1", "contentType": "image/jpeg", "_data": beside}
    assert provenance["signature"][0] == {"sigFormat": "image/jpeg", "_data": beside}
    attachment = reference["content"][0]["attachment"]
    assert attachment == {"contentType": "image/jpeg", "_data": beside, "url": "https://x.example/1.jpg"}


def test_a_photo_of_a_person_is_called_by_a_token(lake, take):
    """The id of a patient's own photo tells nothing of the patient's, and the photo is the patient's."""
    take(json.dumps({"resourceType": "Patient", "id": "p77", "photo": [{"data": coded(picture())}]}))
    [record] = lake.records()
    assert "p77" not in record["record_id"]
    assert json.loads(record["text"])["patient"] == "Patient/p77"


def test_a_resource_that_was_an_error_takes_its_picture_along(lake, take):
    """A version that was entered in error makes the record one that is gone."""
    take(document(coded(picture())).replace('"current"', '"entered-in-error"'))
    assert [each["deleted"] for each in lake.records()] == [True]


@pytest.mark.parametrize("point", ["ingest.picture.after-object", "ingest.commit.before-main"])
def test_a_batch_that_broke_off_is_made_whole_by_the_next(lake, store, take, monkeypatch, point):
    """Wherever a call dies, after the next one there is one resource, one record and one object."""
    monkeypatch.setenv("A360_FAILPOINTS", f"{point}=raise")
    with pytest.raises(FailpointError):
        take(document(coded(picture())))
    assert not lake.resources()
    monkeypatch.delenv("A360_FAILPOINTS")
    take(document(coded(picture())))
    assert (len(lake.resources()), len(lake.records()), len(list(store.files()))) == (1, 1, 1)
    [file] = store.files()
    assert file.batch in set(lake.tables.read("bronze.record")["commit_id"].to_pylist())


def test_messages_give_their_documents_too(lake, store, tmp_path):
    """A PDF in a message is an object, its record lands beside the message; messages alone are counted."""
    pdf = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Size 2/Root 1 0 R>>\n%%EOF\n"
    path = tmp_path / "m.hl7"
    path.write_text(
        "MSH|^~\\&|EMR|CLINIC|||20260301110000+0000||ORU^R01^ORU_R01|m1|P|2.5.1\r"
        "PID|1||p9^^^CLINIC^MR||Okafor^Jane\r"
        "OBR|1||f1|11502-2^Report^LN|||20260301100000+0000||||||||||||||||||F\r"
        f"OBX|1|ED|18842-5^Summary^LN||^application^pdf^Base64^{coded(pdf)}||||||F\r"
    )
    ingested = lake.ingest_messages(path, objects=store)
    assert ingested.report.read == ingested.report.landed == 1
    message, record = sorted(lake.records(), key=lambda each: each["record_type"], reverse=True)
    assert message["record_type"] == "hl7v2_message"
    assert json.loads(record["text"])["object"] == object_name(pdf, lake.tokenizer)
    assert not any(coded(pdf).encode() in (each["text"] or b"") for each in lake.resources())


_PICTURES = [coded(picture(shade)) for shade in range(3)]
_HOLDERS = st.builds(
    lambda data, more: {**more, "data": data},
    st.sampled_from(_PICTURES),
    st.dictionaries(
        st.sampled_from(["contentType", "title"]), st.sampled_from(["image/jpeg", '"data":"']), max_size=2
    ),
)
_VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["data", '"data":"/9j/"', "\\"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "data", "content", '\\"data', "data\\"]), inner, max_size=3)
        | _HOLDERS
    ),
    max_leaves=12,
)


@given(_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_taking_pictures_out_changes_nothing_else(value, indent, ascii_only):
    """With all pictures put back where their names stand, any JSON is what it was; none is overlooked."""
    resource = {"resourceType": "Basic", "id": "b1", "value": value}
    text = json.dumps(resource, indent=indent, ensure_ascii=ascii_only).encode()
    found = embedded_in(text)
    changes = [(each, json.dumps({"_data": each.holder["data"]})[1:-1].encode()) for each in found]
    left = replaced(text, changes)
    assert left.replace(b'"_data"', b'"data"') == text
    assert not any(f'"data": "{each}"'.encode() in left for each in _PICTURES)
