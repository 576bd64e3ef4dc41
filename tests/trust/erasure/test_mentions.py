"""What becomes of resources that name somebody who is erased."""

import json

import pytest

from a360.trust.erasure._mentions import Names, fate_of, without

NAMES = Names(("Patient/p1", "urn:uuid:p1"))


def told(**members):
    return json.dumps({"resourceType": "Provenance", **members}).encode()


def named(*references):
    return {"target": [{"reference": each} for each in references]}


@pytest.mark.parametrize(
    ("resource", "fate"),
    [
        (told(**named("Patient/p1")), "goes"),
        (told(**named("https://ehr.example/fhir/Patient/p1/_history/2", "Encounter/e1")), "goes"),
        (told(**named("Patient/p1", "Patient/p2")), "stays"),
        (told(**named("Patient/p1", "RelatedPerson/r2")), "stays"),
        (told(**named("Patient/p10")), "stays"),
        (told(note="see Patient/p1"), "stays"),
        (told(**named("Patient/p1")).replace(b"Provenance", b"Practitioner"), "stays"),
        (told(**named("urn:uuid:p1", "urn:uuid:x")).replace(b"Provenance", b"Group"), "stays"),
        (told(**named("urn:uuid:p1")).replace(b"Provenance", b"Group"), "goes"),
    ],
)
def test_a_resource_goes_where_it_names_nobody_else(resource, fate):
    """One that names others, a directory or a group of several stays, and one that names them in words."""
    assert fate_of(resource, NAMES) == fate


def test_what_stays_is_as_it_was_received_but_for_the_name():
    """The reference goes with display and identifier; numbers keep each digit, other ids are left alone."""
    text = (
        b'{"resourceType":"Observation","valueQuantity":{"value":1.10},'
        b'"note":"of Patient/p1, not Patient/p10",'
        b'"performer":[{"reference":"Patient/p1","display":"Ann","identifier":{"value":"7"}},'
        b'{"reference":"Patient/p10"}]}'
    )
    left = without(text, NAMES)
    assert b"1.10" in left
    assert b"Ann" not in left
    assert b'"7"' not in left
    assert json.loads(left)["performer"][1] == {"reference": "Patient/p10"}
    assert json.loads(left)["note"] == "of masked, not Patient/p10"
    assert not list(NAMES.found_in(left))
    assert list(NAMES.found_in(text)) != []
