"""Bundles and single resources, however they are written down."""

import gzip
import json

import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.ingest import Limits

IDS = st.from_regex(r"\A[A-Za-z0-9.-]{1,12}\Z")
TYPES = st.sampled_from(["Patient", "Observation", "Encounter"])
EXTRA = st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers(), max_size=2)


def bundle(*entries, kind="collection", **members):
    """A Bundle of entries."""
    return {"resourceType": "Bundle", "type": kind, **members, "entry": list(entries)}


def written(value, *, indent=None):
    """The JSON text of a value."""
    return json.dumps(value, indent=indent).encode()


@st.composite
def resources(draw):
    """A small resource."""
    extra = {f"x{key}": value for key, value in draw(EXTRA).items()}
    return {"resourceType": draw(TYPES), "id": draw(IDS), **extra}


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.lists(resources(), max_size=8),
    kind=st.sampled_from(["transaction", "collection", "searchset", "batch", "history"]),
    indent=st.sampled_from([None, 1, 4]),
    pack=st.sampled_from([bytes, gzip.compress, zstandard.compress]),
)
def test_entries_come_back_in_order(read, tmp_path_factory, found, kind, indent, pack):
    """Every entry of a Bundle is one unit, in order, equal to what was written, at its own offset."""
    text = written(bundle(*({"resource": each} for each in found), kind=kind), indent=indent)
    path = tmp_path_factory.mktemp("bundles") / "Bundle.json"
    path.write_bytes(pack(text))
    outcome = read(path, limits=Limits(chunk_bytes=50))
    assert [json.loads(each) for each in outcome.texts] == found
    assert not any(b"\n" in each for each in outcome.texts)
    assert outcome.read == len(found)
    for each in outcome.found:
        begin = text[each["offset"] :].split(b"\n")[0].strip()
        assert each["text"].startswith(begin[:10])


def test_bundles_as_lines_stand_among_resources(read, tmp_path):
    """A line of NDJSON that is a Bundle counts by its entries, in the order of the lines."""
    one, two, three = ({"resourceType": "Basic", "id": each} for each in "123")
    path = tmp_path / "mixed.ndjson"
    lines = [one, bundle({"resource": two}, {"resource": {"resourceType": "Basic"}}), three, bundle()]
    path.write_bytes(b"\n".join(map(written, lines)) + b"\nbroken\n")
    outcome = read(path)
    assert [json.loads(each)["id"] for each in outcome.texts] == ["1", "2", "3"]
    second = path.read_bytes().splitlines()[1]
    offset = len(written(one)) + 1
    assert outcome.rules == [
        ("missing-id", offset + second.rindex(b'{"resourceType"')),
        ("not-json", path.stat().st_size - 7),
    ]
    assert outcome.read == 5


@pytest.mark.parametrize("indent", [None, 2])
def test_single_resources(read, tmp_path, indent):
    """A file that is one resource lands in one line, over several lines or not."""
    resource = {"resourceType": "Patient", "id": "a", "name": [{"family": "x\ny"}]}
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + written(resource, indent=indent))
    outcome = read(path)
    assert [json.loads(each) for each in outcome.texts] == [resource]
    assert b"\n" not in outcome.texts[0]
    assert outcome.found[0]["offset"] == 3


def test_newlines_within_strings_are_no_white_space(read, tmp_path):
    """A document with a raw newline in a string is not made valid by being put into one line."""
    path = tmp_path / "a.json"
    path.write_bytes(b'{\n"resourceType":"Patient",\n"id":"a",\n"x":"one\ntwo"}')
    assert [rule for rule, _ in read(path).rules] == ["not-json"]


def test_entries_without_id_take_that_of_their_full_url(read, tmp_path):
    """What a transaction creates has the id of its fullUrl, in the envelope and in the payload."""
    entries = [
        {"fullUrl": "urn:uuid:u-1", "resource": {"resourceType": "Patient"}, "request": {"method": "POST"}},
        {"fullUrl": "https://ehr.example/fhir/Encounter/e-1", "resource": {"resourceType": "Encounter"}},
        {"fullUrl": "urn:oid:1.2", "resource": {"resourceType": "Encounter"}},
    ]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries, kind="transaction")))
    outcome = read(path)
    assert [json.loads(each)["id"] for each in outcome.texts] == ["u-1", "e-1"]
    assert [rule for rule, _ in outcome.rules] == ["missing-id"]


def test_full_urls_are_kept_where_they_tell_more(read, identity, tmp_path):
    """A fullUrl has a token, unless it is the type and id, or the id as urn:uuid."""
    urls = ["urn:uuid:a", "Patient/a", "urn:uuid:other", "https://ehr.example/Patient/a", None]
    entries = [{"fullUrl": url, "resource": {"resourceType": "Patient", "id": "a"}} for url in urls]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries)))
    expected = [
        None if url in (None, *urls[:2]) else identity.tokenizer.tokens("full_url", _array(f"s|{url}"))
        for url in urls
    ]
    found = [each["full_url"] for each in read(path).found]
    assert found == [token and token[0].as_py() for token in expected]


def test_deletions_of_entries(read, tmp_path):
    """DELETE entries give rows without payload, dated by the most exact source."""
    entries = [
        {"request": {"method": "DELETE", "url": "Patient/a"}},
        {"request": {"method": "delete", "url": "/Encounter/b/_history/3"}},
        {
            "request": {"method": "DELETE", "url": "https://ehr.example/fhir/Encounter/c"},
            "response": {"lastModified": "2026-01-02T03:04:05Z"},
        },
        {"request": {"method": "DELETE", "url": "Patient?identifier=x"}},
        {"request": {"method": "DELETE", "url": "Wizard/a"}},
    ]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries, kind="history", timestamp="2026-01-01T00:00:00Z")))
    outcome = read(path)
    assert [each["text"] for each in outcome.found] == [None] * 3
    assert all(each["deleted"] for each in outcome.found)
    assert [each["resource_id"] for each in outcome.found][1:] == ["b", "c"]
    assert [each["last_updated"].isoformat() for each in outcome.found] == [
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-02T03:04:05+00:00",
    ]
    assert [rule for rule, _ in outcome.rules] == ["invalid-delete"] * 2
    assert outcome.read == 5


def test_what_entries_leave_out_is_filtered(read, tmp_path):
    """Entries that bring no resource, and outcomes of searches, are counted as filtered."""
    entries = [
        {"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome"}},
        {"response": {"status": "201"}},
        {"request": {"method": "GET", "url": "Patient?name=x"}, "resource": None},
        {"search": {"mode": "include"}, "resource": {"resourceType": "Basic", "id": "b"}},
    ]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries, kind="searchset")))
    outcome = read(path)
    assert (outcome.read, outcome.filtered, len(outcome.found), outcome.refused) == (4, 3, 1, [])


def test_one_bad_entry_stops_no_bundle(read, tmp_path):
    """Entries of the wrong kind, patches and resources that are none are refused one by one."""
    entries = [
        "text",
        {"resource": 5},
        {"fullUrl": 5, "resource": {"resourceType": "Basic", "id": "x"}},
        {"request": {"method": "PATCH", "url": "Patient/a"}, "resource": {"resourceType": "Parameters"}},
        {"resource": {"resourceType": "Basic", "id": "b"}},
    ]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries, kind="batch")))
    outcome = read(path)
    assert [rule for rule, _ in outcome.rules] == [
        "invalid-bundle",
        "not-object",
        "invalid-bundle",
        "invalid-bundle",
    ]
    assert len(outcome.found) == 1
    assert outcome.read == 5


@pytest.mark.parametrize("entry", [b"5", b'{"a":1}', b'"x"'])
def test_bundles_without_sound_entries(read, tmp_path, entry):
    """A Bundle whose entries are no list is one refused unit."""
    path = tmp_path / "a.json"
    path.write_bytes(b'{"resourceType":"Bundle","entry":%s}' % entry)
    outcome = read(path)
    assert (outcome.read, outcome.rules) == (1, [("invalid-bundle", 0)])


def test_patients_are_known_by_their_names_in_the_bundle(read, identity, tmp_path):
    """A reference by a patient's fullUrl gives that patient's key, also where the patient comes last."""
    patient = {"fullUrl": "urn:uuid:u", "resource": {"resourceType": "Patient", "id": "p"}}
    subjects = ["urn:uuid:u", "Patient/q", "https://ehr.example/Patient/r/_history/2", "urn:uuid:v"]
    seen = [
        {"resource": {"resourceType": "Observation", "id": str(at), "subject": {"reference": each}}}
        for at, each in enumerate([*subjects, "Patient?identifier=a|b", "Group/g"])
    ]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*seen, patient), indent=1))
    keys = [
        identity.tokenizer.tokens("patient", _array(f"s|{each}"))[0].as_py() for each in ("p", "q", "r", "v")
    ]
    outcome = read(path, limits=Limits(chunk_bytes=10))
    assert [each["subject_token"] for each in outcome.found] == [*keys, None, None, keys[0]]
    assert outcome.found[-1]["resource_id"] == keys[0]


def test_documents_over_many_lines_that_do_not_parse_are_one_unit(read, tmp_path):
    """A pretty-printed document that is cut short is refused as a whole."""
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle({"resource": {"resourceType": "Basic", "id": "b"}}), indent=2)[:-9])
    outcome = read(path)
    assert (outcome.read, outcome.rules) == (1, [("not-json", 0)])


def test_a_bad_first_line_makes_no_document(read, tmp_path):
    """NDJSON whose first line is cut short is still read line by line."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"resourceType":"Basic",\n' + written({"resourceType": "Basic", "id": "b"}) + b"\n")
    outcome = read(path)
    assert (len(outcome.found), outcome.rules) == (1, [("not-json", 0)])


@pytest.mark.parametrize("indent", [None, 1])
def test_documents_larger_than_the_limit_are_refused(read, tmp_path, indent):
    """A document over the limit is one refused unit, of which the beginning is kept."""
    entries = [{"resource": {"resourceType": "Basic", "id": str(each)}} for each in range(200)]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries), indent=indent))
    small = Limits(chunk_bytes=100, line_bytes=200, document_bytes=1000, kept_bytes=30)
    outcome = read(path, limits=small)
    assert (outcome.read, outcome.rules) == (1, [("too-long", 0)])
    assert len(outcome.refused[0][1].raw) == 30
    assert len(read(path, limits=Limits(chunk_bytes=100, line_bytes=200)).found) == 200


@pytest.mark.parametrize("behind", [b"", b"\n", b"\n \n"])
@pytest.mark.parametrize("size", [200, 201, 300, 5000])
def test_a_bundle_in_one_long_line_is_a_document(read, tmp_path, behind, size):
    """A file that is one Bundle in one line may be longer than a line, whatever white space ends it."""
    text = written(bundle({"resource": {"resourceType": "Basic", "id": "b"}}, note=" " * (size - 120)))
    path = tmp_path / "a.json"
    for chunk in (50, 198, 250, 10_000):
        path.write_bytes(text + behind)
        assert len(read(path, limits=Limits(chunk_bytes=chunk, line_bytes=200)).found) == 1


def test_a_long_bundle_among_lines_is_none(read, tmp_path):
    """A Bundle longer than a line is refused where other lines follow it, and they are read."""
    long = written(bundle({"resource": {"resourceType": "Basic", "id": "b"}}, note=" " * 200))
    path = tmp_path / "a.ndjson"
    path.write_bytes(long + b"\n" + written({"resourceType": "Basic", "id": "c"}) + b"\n")
    for chunk in (50, len(long), len(long) + 1, 10_000):
        outcome = read(path, limits=Limits(chunk_bytes=chunk, line_bytes=200))
        assert [json.loads(each)["id"] for each in outcome.texts] == ["c"]
        assert outcome.rules == [("too-long", 0)]


def test_a_resource_over_many_lines_is_held_to_the_length_of_a_line(read, tmp_path):
    """A document that is no Bundle may be as long as a line, and no longer."""
    path = tmp_path / "a.json"
    for size, landed in ((100, 1), (300, 0)):
        path.write_bytes(written({"resourceType": "Basic", "id": "b", "x": "y" * size}, indent=1))
        outcome = read(path, limits=Limits(line_bytes=200))
        assert (len(outcome.found), len(outcome.refused)) == (landed, 1 - landed)


def test_entries_longer_than_a_line_may_be(read, tmp_path):
    """A resource within a Bundle is held to the limit of a line."""
    entries = [{"resource": {"resourceType": "Basic", "id": "b", "x": "y" * size}} for size in (10, 500)]
    path = tmp_path / "a.json"
    path.write_bytes(written(bundle(*entries), indent=1))
    outcome = read(path, limits=Limits(line_bytes=300))
    assert [rule for rule, _ in outcome.rules] == ["too-long"]
    assert len(outcome.found) == 1


def _array(text):
    """An Arrow array of one value."""
    return pa.array([text])
