"""What names patients in clear is found in texts, however these are spelled, and nothing else is."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.trust.erasure._clear import Clear, Sought

WAYS = {"payment": [("patient",), ("who", "mrn")], "lead": [("person",)]}
IDS = ("a", "7", "70", "Ü-1", 'q"1', "p\\2", "MRN-0007", "12345")
SOUGHT = Sought(Clear({"a", "7", "Ü-1", 'q"1'}, {"MRN-0007", "12345", "p\\23"}), WAYS)
KNOWN = {"a", "7", "Ü-1", 'q"1', "MRN-0007", "12345", "p\\23"}
VALUES = {each for each in KNOWN if len(each) >= 4}

ids = st.sampled_from((*IDS, "MRN-00071", "b", "other"))
padded = st.builds(
    lambda left, text, right: left + text + right,
    *(st.sampled_from(("", " ", "\t ")), ids, st.sampled_from(("", "  ", "\n"))),
)
leaves = padded | st.integers(0, 100) | st.just(12345) | st.booleans() | st.none() | st.floats(0, 9)
members = st.sampled_from(("patient", "who", "mrn", "person", "amount", "MRN-0007", "a"))
records = st.dictionaries(members, leaves | st.dictionaries(members, leaves), max_size=4)


def spelled(value, how):
    """JSON, spelled in one of the ways in which others spell it."""
    return json.dumps(value, ensure_ascii=how == "ascii").encode()


def at(value, way):
    """The text at a place of a record, without blanks around it."""
    for name in way:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value).strip() if isinstance(value, str | int) else None


def scalars(value):
    """Every value of a record."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from scalars(each)
    else:
        yield value


@given(records, st.sampled_from(("ascii", "plain")), st.sampled_from(("payment", "lead")))
def test_records_are_found_by_the_members_that_are_meant(record, how, kind):
    """What is passed over byte by byte is what reading every record whole passes over."""
    expected = any(at(record, way) in KNOWN for way in WAYS[kind])
    assert SOUGHT.named_by(kind, spelled(record, how)) == expected


@given(records, st.sampled_from(("ascii", "plain")))
def test_refused_rows_are_found_by_any_value(record, how):
    """A value that is an id, padded or a number, or that has an identifier in it, says whose a row is."""
    texts = [str(each) for each in scalars(record) if isinstance(each, str)]
    numbers = [str(each) for each in scalars(record) if isinstance(each, int) and not isinstance(each, bool)]
    expected = (
        any(text.strip() in KNOWN or any(value in text for value in VALUES) for text in texts)
        or any(number in KNOWN for number in numbers if len(number) >= 4)
        or any(at(record, way) in KNOWN for ways in WAYS.values() for way in ways)
    )
    assert SOUGHT.told_by(spelled(record, how)) == expected


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"pay-1;  a ;12.50", True),
        (b"pay-1,7,12.50", True),
        (b"pay-1,70,12.50", False),
        (b'{"patient": "a", "broken', True),
        (b'{"subject": {"reference": "Patient\\/a"}, "broken', True),
        (b'{"subject": {"reference": "Patient/ab"}, "broken', False),
        (b"PID|1||MRN-0007^^^CLINIC", True),
        (b"\xff\xfe a\x00", False),
        (b"about a patient", False),
        (b'["Patient/a"]', True),
        (b"12345", True),
    ],
)
def test_what_does_not_read_is_found_by_its_fields(payload, told):
    """Between separators of any format, without blanks: a field is the id, or it is not."""
    assert SOUGHT.told_by(payload) == told


references = st.sampled_from(
    (
        "Patient/a",
        "Patient/a/_history/2",
        "Patient/ab",
        "urn:uuid:7",
        "https://x.example/Patient/7",
        "Group/a",
    )
)


@given(st.lists(st.tuples(references, st.sampled_from(("plain", "slashes", "letters"))), max_size=6))
def test_resources_are_found_in_any_spelling(told):
    """A slash with a backslash before it and a letter by its number name a patient as the plain ones do."""
    lines, expected = [], []
    for place, (reference, how) in enumerate(told):
        line = json.dumps({"subject": {"reference": reference}, "note": "\n"})
        if how == "slashes":
            line = line.replace("/", "\\/")
        elif how == "letters":
            line = line.replace("P", "\\u0050").replace("urn", "\\u0075rn")
        lines.append(line.encode() + b"\n")
        if reference not in {"Patient/ab", "Group/a"}:
            expected.append(place)
    ends = np.cumsum([len(each) for each in lines]) if lines else np.array([], dtype=np.int64)
    assert SOUGHT.lines_naming(b"".join(lines), ends) == expected
