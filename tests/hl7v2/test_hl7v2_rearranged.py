"""Messages that merge, move and unlink: what they say for themselves, and what they only name."""

import pytest

from a360.hl7v2 import convert, parse


def converted(event, *segments):
    """The conversion of an ADT message."""
    head = f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260301120000||ADT^{event}|1|P|2.5.1\rEVN|{event}|20260301120000"
    [message] = parse("\r".join([head, *segments]).encode()).messages
    return convert(message)


def pid(number):
    """A patient."""
    return f"PID|1||{number}^^^CLINIC^MR||DOE^JANE"


def mrg(number, visit=""):
    """What was, before."""
    return f"MRG|{number}^^^CLINIC^MR||||{visit}"


def pv1(visit):
    """A visit."""
    return "PV1|1|I|" + "|" * 16 + visit


def of_type(conversion, kind):
    """The resources of a type."""
    return [each for each in conversion.resources if each["resourceType"] == kind]


def references(conversion, kind):
    """The references of the resources of a type."""
    return {f"{kind}/{each['id']}" for each in of_type(conversion, kind)}


@pytest.mark.parametrize("event", ["A40", "A47", "A18"])
def test_who_is_merged_is_only_named(event):
    """A merge is no source of demographics: both patients are mentioned, the Linkage is not."""
    found = converted(event, pid("M1"), mrg("M2"))
    assert len(references(found, "Patient")) == 2
    assert references(found, "Patient") <= found.mentioned
    assert not references(found, "Linkage") & found.mentioned


def test_unlinking_takes_back_the_very_linkage():
    """A37 gives the Linkages of merge and link with `active: false`, by the same ids, whichever stayed."""
    merged = converted("A40", pid("M1"), mrg("M2"))
    other = converted("A40", pid("M2"), mrg("M1"))
    linked = converted("A24", pid("M1"), pid("M2"))
    undone = converted("A37", pid("M2"), pid("M1"))
    assert [each["active"] for each in of_type(merged, "Linkage")] == [True]
    told = [references(each, "Linkage") for each in (merged, other, linked)]
    assert references(undone, "Linkage") == set.union(*told)
    assert {each["active"] for each in of_type(undone, "Linkage")} == {False}


def test_each_visit_that_moves_is_told_of():
    """A45 with several visits gives a Provenance for each, named after the visit as it was."""
    found = converted("A45", pid("M1"), mrg("M2", "V1"), pv1("V1"), mrg("M2", "V2"), pv1("V9"))
    moved = [each for each in of_type(found, "Provenance") if "entity" in each]
    pairs = {(each["entity"][0]["what"]["reference"], each["target"][0]["reference"]) for each in moved}
    assert len(pairs) == 2
    assert sum(one == other for one, other in pairs) == 1
    [patient] = references(found, "Patient")
    assert {each["target"][1]["reference"] for each in moved} == {patient}
    again = converted("A45", pid("M3"), mrg("M1", "V1"), pv1("V1"))
    assert references(again, "Provenance") & {f"Provenance/{each['id']}" for each in moved}


def test_a_deleted_person_is_told():
    """A29 deletes the Patient; other events delete nothing."""
    found = converted("A29", pid("M1"))
    assert found.deleted == references(found, "Patient")
    assert converted("A08", pid("M1"), pv1("V1")).deleted == frozenset()
