"""What is said of a note, checked, and the DocumentReference that it becomes."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.documents import ROLES, FieldError, NoteFields, document_reference, read_note, split_front_matter


def _made(**fields: str) -> dict:
    related = "n0" if {"amends", "appends"} & set(fields) else None
    return document_reference(
        "n1", NoteFields.of({"patient": "p1", **fields}), b"abc", "text/plain", related_id=related
    )


@given(st.binary(max_size=200))
def test_the_bytes_come_back_as_they_were(data: bytes) -> None:
    """A note's bytes lie in its resource as they are."""
    made = document_reference("n1", NoteFields.of({"patient": "p1"}), data, "text/plain")
    assert base64.b64decode(made["content"][0]["attachment"]["data"]) == data
    assert made["content"][0]["attachment"]["size"] == len(data)


def test_every_field_has_its_place_in_fhir() -> None:
    """All that is said of a note stands where FHIR R4 has it."""
    made = _made(
        encounter_identifier="urn:enc|7",
        author="d1",
        author_role="injector",
        type="34109-9",
        language="en-GB",
        created_at="2026-03-01T09:30:00+01:00",
        updated_at="2026-03-02T10:00:00",
        amends="n0",
        title="t",
        period_end="2026-03-01",
    )
    assert made["meta"] == {"lastUpdated": "2026-03-02T10:00:00Z"}
    assert made["status"] == "current"
    assert made["docStatus"] == "amended"
    assert made["date"] == "2026-03-01T09:30:00+01:00"
    assert made["subject"] == {"reference": "Patient/p1"}
    assert made["author"] == [{"reference": "Practitioner/d1"}, {"reference": "#author-role"}]
    assert made["contained"][0]["code"] == [{"coding": [{"system": ROLES, "code": "injector"}]}]
    assert _made(author_role="Dr. Okafor's aunt")["contained"][0]["code"] == [{"text": "Dr. Okafor's aunt"}]
    assert made["relatesTo"] == [{"code": "replaces", "target": {"reference": "DocumentReference/n0"}}]
    assert made["type"]["coding"][0]["code"] == "34109-9"
    assert made["context"]["encounter"] == [
        {"type": "Encounter", "identifier": {"system": "urn:enc", "value": "7"}}
    ]
    assert made["context"]["period"] == {"end": "2026-03-01"}


def test_a_day_is_a_period_and_no_instant() -> None:
    """A note of which only the day is known documents that day; no hour is made up."""
    made = _made(created_at="2026-03-01")
    assert "date" not in made
    assert made["context"]["period"] == {"start": "2026-03-01"}


def test_a_note_entered_in_error_says_so_twice() -> None:
    """Both statuses of a note entered in error say it, so that no reader counts it."""
    made = _made(status="entered-in-error")
    assert (made["status"], made["docStatus"]) == ("entered-in-error", "entered-in-error")


@pytest.mark.parametrize(
    "row",
    [
        {"patient": "Jane Doe"},
        {"patient": "p1", "patient_identifier": "a|b"},
        {"patient_identifier": "no system"},
        {"created_at": "01/02/2026"},
        {"status": "done"},
        {"language": "english language"},
        {"amends": "a", "appends": "b"},
        {"content_type": "image/png"},
        {"mood": "x"},
        {"Jane Doe": "x"},
        {"title": ["x"]},
    ],
)
def test_a_field_that_cannot_be_right_is_named_and_its_value_is_not(row: dict) -> None:
    """A faulty field is refused with its name; no message holds a value, or a header that may be a name."""
    with pytest.raises(FieldError) as raised:
        NoteFields.of(row)
    assert "Jane" not in str(raised.value)
    assert "01/02" not in str(raised.value)


def test_front_matter_gives_fields_and_leaves_the_text() -> None:
    """Fields between lines of dashes are taken off the text they head."""
    found, rest = split_front_matter('---\npatient: p1\ntitle: "A: b"\n---\n# Plan\nx')
    assert found == {"patient": "p1", "title": "A: b"}
    assert rest == "# Plan\nx"


@pytest.mark.parametrize(
    "text", ["---\nfoo: bar\n---\nx", "---\nno end", "plain", "--- \nplain words\n---\n", ""]
)
def test_what_is_no_front_matter_stays_in_the_note(text: str) -> None:
    """Dashes that head anything else than known fields are part of the note."""
    assert split_front_matter(text) == ({}, text)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_front_matter_never_loses_text(text: str) -> None:
    """What is not taken for fields is kept to the last character."""
    found, rest = split_front_matter(text)
    assert rest == text if not found else text.endswith(rest)


def test_a_note_made_and_read_again_has_its_text() -> None:
    """What was wrapped reads as the text that it was."""
    attachment = document_reference(
        "n1", NoteFields.of({"patient": "p1"}), "caf\u00e9".encode(), "text/plain"
    )["content"][0]
    data = base64.b64decode(attachment["attachment"]["data"])
    note = read_note(data, attachment["attachment"]["contentType"])
    assert note is not None
    assert note.text == "caf\u00e9"
