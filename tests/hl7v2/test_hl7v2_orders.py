"""What several segments tell of one order, and what stands at the end of a message."""

import pytest
from hl7v2_messages import PID, PV1, converted, of_type, only

ORC = "ORC|NW|RX-1|RXF-1"
RXE = "RXE||860975^Metformin^RXNORM|500||mg^^UCUM"
REFERRAL = "RF1|P|R|||O|REF-1"
OLD = "2.16.840.1.113883.3.1"
HEADER_23 = r"MSH|^~\&|EHR|CLINIC|LAKE|A360|20260102030405+0000||{kind}|{control}|P|2.3"


def test_dose_times_and_route_are_one_dosage():
    """What RXE, TQ1 and RXR tell of an order stands in one dosage, which a reader can follow."""
    found = only(
        converted("RDE^O11", PID, ORC, RXE, "TQ1|1||BID", "RXR|PO^Oral^HL70162"), "MedicationRequest"
    )
    (dosage,) = found["dosageInstruction"]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 500
    assert dosage["timing"]["code"]["coding"][0]["code"] == "BID"
    assert dosage["route"]["coding"][0]["code"] == "PO"


def test_a_further_time_is_a_further_dosage():
    """Each TQ1 is a dosage with the dose of the order, and the route holds for all of them."""
    found = only(
        converted("RDE^O11", PID, ORC, RXE, "TQ1|1||BID", "TQ1|2||Q6H", "RXR|PO"), "MedicationRequest"
    )
    dosages = found["dosageInstruction"]
    assert [each["sequence"] for each in dosages] == [1, 2]
    assert all("doseAndRate" in each and "route" in each for each in dosages)


def test_a_further_route_is_a_further_dosage():
    """Of two routes neither puts away the other."""
    found = only(converted("RDE^O11", PID, ORC, RXE, "RXR|PO", "RXR|IM"), "MedicationRequest")
    assert [each["route"]["coding"][0]["code"] for each in found["dosageInstruction"]] == ["PO", "IM"]


@pytest.mark.parametrize(
    ("most", "element", "value"),
    [
        ("", "doseQuantity", {"value": 500, "code": "mg", "unit": "mg"}),
        ("500", "doseQuantity", {"value": 500, "code": "mg", "unit": "mg"}),
        (
            "1000",
            "doseRange",
            {
                "low": {"value": 500, "code": "mg", "unit": "mg"},
                "high": {"value": 1000, "code": "mg", "unit": "mg"},
            },
        ),
    ],
)
def test_a_dose_with_a_maximum_is_a_range(most, element, value):
    """The least and the most that may be given make a range, unless they are the same."""
    rxe = f"RXE||860975^Metformin^RXNORM|500|{most}|mg^^UCUM"
    (dosage,) = only(converted("RDE^O11", PID, ORC, rxe), "MedicationRequest")["dosageInstruction"]
    assert _plain(dosage["doseAndRate"][0]) == {element: value}


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if name != "system"}
    return value


@pytest.mark.parametrize(
    ("kind", "segments"),
    [
        ("RDE^O11", (ORC, RXE.replace("RXE|", "RXE|1^BID^^20260310"))),
        ("ORM^O01", (f"{ORC}||||1^BID^^20260310", "RXO|860975^Metformin^RXNORM|500||mg")),
    ],
)
def test_times_of_versions_before_tq1_are_kept(kind, segments):
    """Before 2.5 the times of an order stand in RXE-1 or ORC-7."""
    found = only(converted(kind, PID, *segments, header=HEADER_23), "MedicationRequest")
    (dosage,) = found["dosageInstruction"]
    assert dosage["timing"]["code"]["coding"][0]["code"] == "BID"
    assert dosage["timing"]["repeat"]["boundsPeriod"]["start"] == "2026-03-10"


def test_times_of_an_old_order_are_kept():
    """Before 2.5 an order of a service tells its times in ORC-7, where OBR-27 does not."""
    found = converted(
        "ORM^O01", PID, "ORC|NW|A|||||^QD^^20260310", "OBR|1|A||GLU^Glucose^L", header=HEADER_23
    )
    timing = only(found, "ServiceRequest")["occurrenceTiming"]
    assert timing["repeat"]["boundsPeriod"]["start"] == "2026-03-10"


def test_a_referral_belongs_to_the_visit_at_its_end():
    """The visit of a REF stands behind all else, and the referral is of that visit all the same."""
    found = converted("REF^I12", REFERRAL, "PRD|RP|Nguyen^Mai", PID, "DG1|1||L70.0^Acne^I10C", PV1)
    visit = only(found, "Encounter")
    assert only(found, "ServiceRequest")["encounter"] == {"reference": f"Encounter/{visit['id']}"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_is_told_of_a_vaccines_leaflet_stands_together(order):
    """A leaflet has its type and the day it was handed out, whichever comes first."""
    leaflet = ("OBX|1|CE|69764-9^doc^LN|2|VIS-1^MMR||||||F", "OBX|2|DT|29769-7^given^LN|2|20260310||||||F")
    rxa = "RXA|0|1|20260310||03^MMR^CVX|999"
    found = converted("VXU^V04", PID, "ORC|RE||IZ-1", rxa, *(leaflet[at] for at in order))
    assert only(found, "Immunization")["education"] == [
        {"documentType": "VIS-1", "presentationDate": "2026-03-10"}
    ]


def _linkages(event):
    found = converted(f"ADT^{event}", "EVN||2026", PID, PV1, PID.replace("12345", "54321"), PV1)
    return {each["id"]: each for each in of_type(found, "Linkage")}


def test_linked_patients_stay_two():
    """A24 says that two records belong together, not that one became the other, until A37 parts them."""
    (made,) = _linkages("A24").values()
    assert made["active"] is True
    assert [item["type"] for item in made["item"]] == ["source", "alternate"]
    assert _linkages("A37")[made["id"]]["active"] is False


def test_a_number_handed_over_takes_nothing_from_either():
    """A43 names two patients by their numbers, and must not put away what is known of them."""
    merged = f"MRG|54321^^^MAIN&{OLD}&ISO^MR"
    found = converted("ADT^A43", "EVN||2026", PID, merged)
    patients = {f"Patient/{each['id']}" for each in of_type(found, "Patient")}
    assert len(patients) == 2
    assert patients <= found.mentioned
