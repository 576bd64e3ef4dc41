"""NDJSON as it comes: every line is found or refused, at its place, whatever stands around it."""

import gzip
import json

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.ingest import Limits

# Small bounds, so that every text crosses the edges of chunks and lines.
SMALL = Limits(chunk_bytes=64, line_bytes=400, depth=8, kept_bytes=20)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
IDS = st.from_regex(r"\A[A-Za-z0-9.-]{1,20}\Z")
WHITE = st.text(" \t", max_size=2).map(str.encode)


def _depth(value):
    """How deep a value is nested."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@st.composite
def good_lines(draw):
    """A resource that lands, with the text that must come back."""
    resource = {
        "resourceType": draw(st.sampled_from(["Patient", "Observation", "Person"])),
        "id": draw(IDS),
        "x": draw(JSON.filter(lambda value: _depth(value) < 7)),
    }
    ascii_only = draw(st.booleans())
    try:
        text = json.dumps(resource, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        text = json.dumps(resource).encode()
    good = len(text) <= SMALL.line_bytes and b"\\ud" not in text
    return (text, "good" if good else None)


BAD_LINES = st.sampled_from(
    [
        (b"\xff\xfe{}", "not-utf8"),
        (b'{"resourceType":"Patient","id":"\xc3\x28"}', "not-utf8"),
        (b'{"resourceType":"Patient","id":"a",}', "not-json"),
        (b'{"resourceType":"Patient","id":"a","x":NaN}', "not-json"),
        (b'{"resourceType":"Patient","id":"a"', "not-json"),
        (b'{"resourceType":"Patient","id":"a"} {}', "not-json"),
        (b"plain text", "not-json"),
        (b"[1]", "not-object"),
        (b"1", "not-object"),
        (b"{}", "no-resource-type"),
        (b'{"resourceType":1,"id":"a"}', "no-resource-type"),
        (b'{"resourceType":"Wizard","id":"a"}', "unknown-resource-type"),
        (b'{"resourceType":"Patient"}', "missing-id"),
        (b'{"resourceType":"Patient","id":null}', "missing-id"),
        (b'{"resourceType":"Patient","id":7}', "invalid-id"),
        (b'{"resourceType":"Patient","id":"a b"}', "invalid-id"),
        (b'{"resourceType":"Patient","id":""}', "invalid-id"),
        (b'{"resourceType":"Patient","id":"%s"}' % (b"a" * 65), "invalid-id"),
        (b'{"resourceType":"Patient","id":"a","id":"b"}', "duplicate-keys"),
        (b'{"resourceType":"Patient","id":"a","x":%s1%s}' % (b"[" * 8, b"]" * 8), "too-deep"),
        (b'{"resourceType":"Patient","id":"a","x":"%s"}' % (b"y" * 400), "too-long"),
        (b"z" * 2000, "too-long"),
    ]
)
BLANK_LINES = WHITE.map(lambda white: (white, "blank"))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(WHITE, good_lines() | BAD_LINES | BLANK_LINES, WHITE), max_size=12),
    end=st.sampled_from([b"\n", b"\r\n"]),
    ended=st.booleans(),
    bom=st.booleans(),
    packing=st.sampled_from(["plain", "gzip", "zstd"]),
)
def test_every_line_is_found_or_refused_at_its_place(read, tmp_path_factory, lines, end, ended, bom, packing):
    """Good lines come back byte for byte, bad ones are refused under their rule, both at their offset."""
    # A first line of good standing keeps the file from looking like one document over many lines.
    first = b'{"resourceType":"Basic","id":"first"}'
    lines = [(b"", (first, "good"), b""), *(each for each in lines if each[1][1])]
    text, expected_found, expected_refused = b"\xef\xbb\xbf" if bom else b"", [], []
    for before, (line, kind), after in lines:
        offset = len(text) + len(before)
        if kind == "good":
            expected_found.append((offset, line))
        elif kind != "blank":
            whole = len(before + line + after + end[:-1])
            rule = "too-long" if kind == "too-long" else kind
            # What is passed over unseen is as long as the line, its white space included.
            expected_refused.append((rule, offset if whole <= SMALL.chunk_bytes else None))
        text += before + line + after + end
    if not ended:
        text = text[: -len(end)]
    path = tmp_path_factory.mktemp("lines") / "Patient.ndjson"
    pack = {"plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[packing]
    path.write_bytes(pack(text))

    outcome = read(path, limits=SMALL)

    assert [(each["offset"], each["text"]) for each in outcome.found] == expected_found
    assert [rule for rule, _ in outcome.rules] == [rule for rule, _ in expected_refused]
    for (_, offset), (_, expected) in zip(outcome.rules, expected_refused, strict=True):
        assert expected is None or offset == expected
    assert outcome.read == len(expected_found) + len(expected_refused)
    for each in outcome.found:
        parsed = json.loads(each["text"])
        assert each["resource_type"] == parsed["resourceType"]


def test_refused_lines_keep_their_bytes(read, tmp_path):
    """A refused line is kept as it was; one that is too long, by its beginning."""
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(b'{"resourceType":"Basic","id":"b"}\n\xff\xfe\x01 \n' + b"z" * 500 + b"\n")
    outcome = read(path, limits=SMALL)
    assert [each.raw for _, each in outcome.refused] == [b"z" * 20, b"\xff\xfe\x01"] or [
        each.raw for _, each in outcome.refused
    ] == [b"\xff\xfe\x01", b"z" * 20]
    assert "500 bytes" in str([each.reason for _, each in outcome.refused])


def test_a_line_that_looks_like_a_bundle_hints_at_files_of_their_own(read, tmp_path):
    """A Bundle too long for a line of NDJSON is refused with the way it would be read."""
    path = tmp_path / "Bundle.ndjson"
    bundle = b'{"resourceType":"Bundle","entry":[%s]}' % (b" " * 500)
    path.write_bytes(b'{"resourceType":"Basic","id":"b"}\n' + bundle + b"\n")
    outcome = read(path, limits=Limits(chunk_bytes=100, line_bytes=200))
    assert outcome.rules == [("too-long", 34)]
    assert "a file of its own" in outcome.refused[0][1].reason


@pytest.mark.parametrize("text", [b"", b"\n\n", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_nothing_in_a_file(read, tmp_path, text):
    """Empty files, blank lines and a lone byte order mark hold no units."""
    path = tmp_path / "Patient.ndjson"
    path.write_bytes(text)
    outcome = read(path)
    assert (outcome.read, outcome.found, outcome.refused) == (0, [], [])


def test_reasons_hold_nothing_of_the_data(read, tmp_path):
    """No reason of a refusal quotes the refused text."""
    path = tmp_path / "Patient.ndjson"
    canary = b"Canaryname"
    lines = [
        b'{"resourceType":"Patient","id":"%s !"}' % canary,
        b'{"resourceType":"%s","id":"a"}' % canary,
        b'{"resourceType":{"%s":1},"id":"a"}' % canary,
        b'{"resourceType":"Patient","id":["%s"]}' % canary,
        b'{"%s":tru}' % canary,
        b'{"a":"\\q%s"}' % canary,
        b"%s" % canary,
        b'"%s"' % canary,
    ]
    path.write_bytes(b'{"resourceType":"Basic","id":"b"}\n' + b"\n".join(lines))
    outcome = read(path)
    assert len(outcome.refused) == len(lines)
    assert not any("anary" in each.reason for _, each in outcome.refused)
