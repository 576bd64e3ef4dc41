"""What messages become: identity over messages, events, cancellations, merges, and what is refused."""

from copy import deepcopy

import pytest
from hl7v2_messages import PID, PV1, converted, dangling, er7, of_type, only
from hypothesis import given
from hypothesis import strategies as st
from r4_check import faults

from a360.hl7v2 import Options, convert, parse

LAB = "OBR|1|ORD7^CLINIC|LAB9^LAB|2160-0^Creatinine^LN|||20260102"


def refused(kind, *segments):
    """The rule a message breaks, and where."""
    found = convert(parse(er7(kind, *segments)).messages[0])
    assert not found.resources
    return [(reject.rule, reject.segment) for reject in found.rejects]


def test_a_patient_is_the_same_in_every_message():
    """The record number with its authority makes the patient's id; names, order and other ids do not."""
    first = only(converted("ADT^A04", PID, PV1), "Patient")
    renamed = "PID|1||77^^^OTHER^SS~12345^^^RENAMED&2.16.840.1.113883.3.1&ISO^MR||Roe^Jane||19800203|F"
    other = "PID|1||12346^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane||19800203|F"
    assert only(converted("ADT^A08", renamed, control="2"), "Patient")["id"] == first["id"]
    assert only(converted("ADT^A08", other, control="3"), "Patient")["id"] != first["id"]


@pytest.mark.parametrize(
    ("authority", "system"),
    [
        ("NS&2.16.840.1.1&ISO", "urn:oid:2.16.840.1.1"),
        ("NS&6ba7b810-9dad-11d1-80b4-00c04fd430c8&UUID", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("&https://clinic.example/mrn&URI", "https://clinic.example/mrn"),
        ("NS&https://clinic.example/mrn", "https://clinic.example/mrn"),
        ("NS&urn:oid:1.2.3&ISO", "urn:oid:1.2.3"),
        ("NS&mrn.clinic.example&DNS", "urn:dns:mrn.clinic.example"),
        ("NS&not a name&DNS", "urn:a360:hl7v2:Identifier:NS"),
        ("NS&AB12&M", "urn:a360:hl7v2:Identifier:NS"),
        ("CLINIC_MRN&9&M", "https://clinic.example/mrn"),
        ("&KNOWN&L", "https://clinic.example/known"),
    ],
)
def test_an_authority_is_the_uri_it_names_or_what_the_site_says(authority, system):
    """OIDs, UUIDs, URIs and DNS names make systems; a site says what its senders' own names stand for."""
    message = parse(er7("ADT^A04", f"PID|1||12345^^^{authority}^MR")).messages[0]
    systems = {"CLINIC_MRN": "https://clinic.example/mrn", "KNOWN": "https://clinic.example/known"}
    patient = only(convert(message, Options(systems=systems)), "Patient")
    assert patient["identifier"][0]["system"] == system


def test_a_local_number_is_the_senders_own():
    """The same number of two facilities, without an authority, is two patients."""
    local = "PID|1||12345||Doe^Jane"
    header = r"MSH|^~\&|EHR|OTHER|LAKE|A360|20260102030405+0000||{kind}|{control}|P|2.5.1"
    here = only(converted("ADT^A04", local), "Patient")
    there = only(converted("ADT^A04", local, header=header), "Patient")
    assert here["id"] != there["id"]


def test_a_corrected_result_updates_the_first():
    """A result sent again under its order and code is the same observation, with the new value and status."""
    first = converted(
        "ORU^R01", PID, LAB + "||||||||||||||||||P", "OBX|1|NM|2160-0^Creatinine^LN|1|1.9|mg/dL|||||P"
    )
    second = converted(
        "ORU^R01", PID, LAB + "||||||||||||||||||C", "OBX|1|NM|2160-0^Creatinine^LN|1|0.9|mg/dL|||||C"
    )
    before, after = only(first, "Observation"), only(second, "Observation")
    assert before["id"] == after["id"]
    assert (before["status"], after["status"]) == ("preliminary", "corrected")
    assert after["valueQuantity"] == {"value": 0.9, "unit": "mg/dL"}
    assert only(first, "DiagnosticReport")["id"] == only(second, "DiagnosticReport")["id"]


def test_an_order_and_its_result_are_about_the_same_request():
    """What a clinic orders and a laboratory answers meet in one ServiceRequest."""
    order = converted("ORM^O01", PID, "ORC|NW|ORD7^CLINIC", "OBR|1|ORD7^CLINIC||2160-0^Creatinine^LN")
    result = converted("ORU^R01", PID, LAB, "OBX|1|NM|2160-0^Creatinine^LN|1|1.9|mg/dL|||||F")
    request = only(order, "ServiceRequest")
    assert request["id"] == only(result, "ServiceRequest")["id"]
    assert only(result, "Observation")["basedOn"] == [{"reference": f"ServiceRequest/{request['id']}"}]


def test_two_orders_in_a_message_stay_apart():
    """Each OBR has its own request, report and results, whether or not an ORC stands before it."""
    made = converted(
        "ORU^R01",
        PID,
        "ORC|RE|A1^C|B1^L",
        "OBR|1|A1^C|B1^L|1^One^LN",
        "OBX|1|ST|10^x^LN||one||||||F",
        "OBR|2|A2^C|B2^L|2^Two^LN",
        "OBX|1|ST|10^x^LN||two||||||F",
    )
    assert len(of_type(made, "ServiceRequest")) == len(of_type(made, "DiagnosticReport")) == 2
    reports = {report["code"]["coding"][0]["code"]: report for report in of_type(made, "DiagnosticReport")}
    values = {f"Observation/{each['id']}": each["valueString"] for each in of_type(made, "Observation")}
    assert values[reports["1"]["result"][0]["reference"]] == "one"
    assert values[reports["2"]["result"][0]["reference"]] == "two"


def test_results_without_a_sub_id_do_not_overwrite_each_other():
    """Two results of one code in one report are two observations."""
    made = converted("ORU^R01", PID, LAB, *(f"OBX|{at}|ST|10^x^LN||value {at}||||||F" for at in (1, 2)))
    assert [each["valueString"] for each in of_type(made, "Observation")] == ["value 1", "value 2"]


@pytest.mark.parametrize("event", ["A40", "A18", "A34", "A47"])
def test_a_merged_patient_points_to_the_one_that_stays(event):
    """The old record is inactive and replaced by the new; both ids are those of earlier messages."""
    old = "PID|1||999^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^J"
    before = only(converted("ADT^A04", old, PV1), "Patient")
    made = converted(f"ADT^{event}", PID, "MRG|999^^^MAIN&2.16.840.1.113883.3.1&ISO^MR")
    patients = {patient["id"]: patient for patient in of_type(made, "Patient")}
    gone = patients.pop(before["id"])
    (kept,) = patients.values()
    assert gone["active"] is False
    assert gone["link"] == [{"other": {"reference": f"Patient/{kept['id']}"}, "type": "replaced-by"}]
    assert kept["link"] == [{"other": {"reference": f"Patient/{before['id']}"}, "type": "replaces"}]
    assert [item["type"] for item in only(made, "Linkage")["item"]] == ["source", "historical"]


def test_every_merge_of_a_message_is_told():
    """A message may merge several patients: each pair is linked, and no other."""
    pairs = [(f"PID|1||{at}^^^MAIN^MR||Doe^J", f"MRG|{at}0^^^MAIN^MR") for at in (1, 2)]
    made = converted("ADT^A40", *(segment for pair in pairs for segment in pair))
    links = {patient["identifier"][0]["value"]: patient["link"][0] for patient in of_type(made, "Patient")}
    ids = {
        patient["identifier"][0]["value"]: f"Patient/{patient['id']}" for patient in of_type(made, "Patient")
    }
    for at in ("1", "2"):
        assert links[at] == {"other": {"reference": ids[f"{at}0"]}, "type": "replaces"}
        assert links[f"{at}0"] == {"other": {"reference": ids[at]}, "type": "replaced-by"}
    assert len(of_type(made, "Linkage")) == 2


def test_a_moved_visit_belongs_to_the_other_patient():
    """A45 moves a visit: the visit keeps its id and gets the new patient."""
    old = "PID|1||999^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^J"
    before = only(converted("ADT^A01", old, PV1), "Encounter")
    moved = converted(
        "ADT^A45",
        PID,
        "MRG|999^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||||V100^^^MAIN&2.16.840.1.113883.3.1&ISO^VN",
        PV1,
    )
    after = only(moved, "Encounter")
    assert after["id"] == before["id"]
    assert after["subject"]["reference"] == f"Patient/{only(converted('ADT^A04', PID), 'Patient')['id']}"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("A01", "in-progress"),
        ("A03", "finished"),
        ("A11", "cancelled"),
        ("A13", "in-progress"),
        ("A23", "entered-in-error"),
    ],
)
def test_events_of_a_visit_set_its_status(event, status):
    """Admission, discharge and their cancellations say how a visit stands."""
    ended = PV1 + "|" * 25 + "20260101|20260103"
    visit = only(converted(f"ADT^{event}", PID, ended if event in {"A03", "A13"} else PV1), "Encounter")
    assert visit["status"] == status
    assert ("end" in visit.get("period", {})) is (event == "A03")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("S12", "booked"),
        ("S15", "cancelled"),
        ("S16", "cancelled"),
        ("S17", "entered-in-error"),
        ("S26", "noshow"),
    ],
)
def test_events_of_an_appointment_set_its_status(event, status):
    """Cancelled, deleted and missed appointments say so, under the id they were booked with."""
    booking = "SCH|P1^EHR|F1^EHR" + "|" * 23 + "Booked"
    made = only(converted(f"SIU^{event}", booking, PID), "Appointment")
    assert made["status"] == status
    assert made["id"] == only(converted("SIU^S12", booking, PID), "Appointment")["id"]


def test_a_deleted_vaccination_is_an_error():
    """RXA-21 D takes a vaccination back."""
    made = converted("VXU^V04", PID, "ORC|RE||99^EHR", "RXA|0|1|20260102||03^MMR^CVX|0.5|mL" + "|" * 14 + "D")
    assert only(made, "Immunization")["status"] == "entered-in-error"


def test_a_message_tells_what_it_only_mentions():
    """An admission is the source of patient and visit; a result mentions both and is that of its values."""
    admission = converted("ADT^A01", PID, PV1)
    result = converted("ORU^R01", PID, PV1, LAB, "OBX|1|NM|1^x^LN||1|mg|||||F")
    for kind in ("Patient", "Encounter"):
        name = f"{kind}/{only(admission, kind)['id']}"
        assert name not in admission.mentioned
        assert name in result.mentioned
    assert f"Observation/{only(result, 'Observation')['id']}" not in result.mentioned
    assert {
        f"Organization/{each['id']}" for each in of_type(admission, "Organization")
    } <= admission.mentioned


def test_every_resource_says_when_it_was_sent():
    """The header's time stands on every resource, so that the later of two views can win."""
    made = converted("ADT^A08", PID, PV1)
    assert {each["meta"]["lastUpdated"] for each in made.resources} == {"2026-01-02T03:04:05+00:00"}


def test_a_time_without_a_zone_is_in_the_headers():
    """A time sent without an offset is in the offset of the message header."""
    header = r"MSH|^~\&|EHR|CLINIC|LAKE|A360|20260102030405-0500||{kind}|{control}|P|2.5.1"
    visit = only(converted("ADT^A01", PID, PV1 + "|" * 25 + "202601011200", header=header), "Encounter")
    assert visit["period"]["start"] == "2026-01-01T12:00:00-05:00"


@pytest.mark.parametrize(
    ("kind", "sent", "unit", "expected"),
    [
        (
            "NM",
            "1.50",
            "mg^milligram^UCUM",
            {
                "valueQuantity": {
                    "value": 1.5,
                    "unit": "milligram",
                    "code": "mg",
                    "system": "http://unitsofmeasure.org",
                }
            },
        ),
        ("SN", ">^100", "mg", {"valueQuantity": {"value": 100, "comparator": ">", "unit": "mg"}}),
        ("SN", "^1^:^128", "", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        (
            "SN",
            "^2^-^3",
            "mg",
            {"valueRange": {"low": {"value": 2, "unit": "mg"}, "high": {"value": 3, "unit": "mg"}}},
        ),
        ("SN", "^2^+", "", {"valueString": "2 +"}),
        ("ST", r"A \T\ B", "", {"valueString": "A & B"}),
        ("TX", "line 1~line 2", "", {"valueString": "line 1\nline 2"}),
        (
            "CWE",
            "260385009^Negative^SCT",
            "",
            {
                "valueCodeableConcept": {
                    "coding": [
                        {"code": "260385009", "display": "Negative", "system": "http://snomed.info/sct"}
                    ]
                }
            },
        ),
        ("DT", "20260102", "", {"valueDateTime": "2026-01-02"}),
        ("TM", "1230", "", {"valueTime": "12:30:00"}),
        ("NR", "1^2", "", {"valueRange": {"low": {"value": 1}, "high": {"value": 2}}}),
        ("NM", "about 5", "", {"valueString": "about 5"}),
    ],
)
def test_results_take_the_form_of_their_type(kind, sent, unit, expected):
    """Every type of result has its FHIR form; a number that is none stays as text."""
    made = only(converted("ORU^R01", PID, LAB, f"OBX|1|{kind}|1^x^LN||{sent}|{unit}|||||F"), "Observation")
    assert {name: value for name, value in made.items() if name.startswith("value")} == expected


@pytest.mark.parametrize("sent", ["54321&Doe&Ivan^20260101", "54321^Doe^Ivan"])
def test_a_reader_of_results_is_known_however_the_name_was_sent(sent):
    """OBR-32 holds a name in subcomponents; sent in components it is the same person."""
    made = converted("ORU^R01", PID, LAB + "|" * 25 + sent)
    role = only(made, "PractitionerRole")
    person = only(made, "Practitioner")
    assert role["practitioner"]["reference"] == f"Practitioner/{person['id']}"
    assert (person["identifier"][0]["value"], person["name"][0]["family"]) == ("54321", "Doe")


def test_an_order_may_come_without_an_orc():
    """An OBR alone says what is ordered."""
    assert only(converted("OML^O21", PID, "OBR|1|7||2160-0^Creatinine^LN"), "ServiceRequest")["subject"]


def test_several_values_become_components():
    """Repeated values of one observation stand in components, each under its code."""
    made = only(converted("ORU^R01", PID, LAB, "OBX|1|NM|1^x^LN||60~120|bpm|50-90||||F"), "Observation")
    assert [part["valueQuantity"]["value"] for part in made["component"]] == [60, 120]
    assert "valueQuantity" not in made


@pytest.mark.parametrize(
    ("kind", "segments", "expected"),
    [
        ("ADT^A01", ["PV1|1|O"], [("segment-missing", "PID")]),
        ("ORU^R01", [PID], [("segment-missing", "OBR")]),
        ("SIU^S12", [PID], [("segment-missing", "SCH")]),
        ("RDE^O11", [PID, "RXR|PO", "RXE||x"], [("segment-order", "RXR")]),
        ("ADT^A01", [PID, "PV2||", PV1], [("segment-order", "PV2")]),
        ("ADT^A17", [PV1, PID, PV1, PID], [("segment-order", "PV1")]),
        ("QRY^A19", [PID], [("type-unsupported", "MSH")]),
    ],
)
def test_what_cannot_be_followed_is_refused_by_rule(kind, segments, expected):
    """A message whose segments are missing or out of order beyond repair gives rules, and no resources."""
    assert refused(kind, *segments) == expected


def test_what_cannot_stand_is_left_out_with_what_refers_to_it():
    """An order without a patient is no ServiceRequest, and its report does not point at one."""
    made = converted("ORU^R01", LAB, "OBX|1|NM|1^x^LN||1|mg|||||F")
    assert not of_type(made, "ServiceRequest")
    assert "basedOn" not in only(made, "DiagnosticReport")
    assert not dangling(made.resources)
    assert "resource-left-out" in {note.rule for note in made.notes}


def test_a_patient_that_comes_late_is_moved_up():
    """One patient after the visit is an order that can be mended, and a note says so."""
    made = converted("ADT^A01", PV1, PID)
    patient = only(made, "Patient")
    assert only(made, "Encounter")["subject"]["reference"] == f"Patient/{patient['id']}"
    assert [note.rule for note in made.notes if note.rule == "segment-moved"] == ["segment-moved"]


def test_a_segment_whose_parent_is_nowhere_is_passed_over():
    """More on a visit that the message does not have is no reason to refuse the rest."""
    assert only(converted("ADT^A08", PID, "PV2||||checkup"), "Patient")


def test_segments_of_a_sites_own_are_passed_over():
    """Z segments change nothing of what the others become."""
    with_own = converted("ADT^A01", PID, "ZPD|1|anything", PV1)
    assert with_own.resources == converted("ADT^A01", PID, PV1).resources


FIELD = st.text('A1^&~\\|"20260102 .-+', max_size=30)
KINDS = st.sampled_from(
    ["ADT^A01", "ADT^A40", "ORU^R01", "SIU^S12", "VXU^V04", "RDE^O11", "DFT^P03", "MDM^T02", "REF^I12"]
)
NAMES = st.from_regex(
    r"P(ID|D1|V1|V2|R1|RT|DA|RD)|NK1|OB[XR]|AL1|DG1|IN[12]|GT1|ORC|RX[EORAD]|TXA|SCH|AI[SGLP]|NTE|ROL|TQ1|MRG|FT1"
    r"|SPM|EVN|ARV|ACC|CON|RF1|AUT",
    fullmatch=True,
)


@given(KINDS, st.lists(st.tuples(NAMES, FIELD), max_size=12))
def test_garbage_in_fields_never_gives_resources_that_are_not_fhir(kind, segments):
    """Whatever stands in the fields, what comes out has R4's structure and leads nowhere outside itself."""
    lines = [PID, *(f"{name}|{text}" for name, text in segments)]
    for message in parse(er7(kind, *lines)).messages:
        made = convert(message)
        assert not [fault for resource in made.resources for fault in faults(resource)]
        assert not dangling(made.resources)


def test_a_document_has_its_parts_and_its_order():
    """The lines of a document and what is attached are its contents; the order it answers refers to it."""
    made = converted(
        "MDM^T02",
        PID,
        "ORC|RE|ORD7^CLINIC",
        "OBR|1|ORD7^CLINIC||11506-3^Progress note^LN",
        "TXA|1|PN|TX|20260101|||||||||DOC1^CLINIC|||||AU",
        "OBX|1|TX|1^Findings^L||All well||||||F",
        "OBX|2|ED|2^Report^L||^application^pdf^Base64^SGVsbG8=||||||F",
    )
    document, order = only(made, "DocumentReference"), only(made, "ServiceRequest")
    assert [part["attachment"] for part in document["content"]] == [
        {"contentType": "text/plain", "title": "Findings", "data": "QWxsIHdlbGw="},
        {"contentType": "application/pdf", "title": "Report", "data": "SGVsbG8="},
    ]
    assert document["context"]["related"] == [{"reference": f"ServiceRequest/{order['id']}"}]
    assert order["reasonReference"] == [{"reference": f"DocumentReference/{document['id']}"}]


@pytest.mark.parametrize(
    ("sent", "status"), [("Booked", "booked"), ("BOOKED", "booked"), ("noshow", "noshow")]
)
def test_words_that_are_codes_are_known_in_any_case(sent, status):
    """A word of a vocabulary is the same word in capitals."""
    made = converted("SIU^S12", "SCH|A1^EHR" + "|" * 24 + sent, PID)
    assert only(made, "Appointment")["status"] == status


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("A01", "in-progress"),
        ("A03", "finished"),
        ("A05", "planned"),
        ("A16", "in-progress"),
        ("A21", "onleave"),
    ],
)
def test_an_event_says_how_a_visit_stands(event, status):
    """A discharge finishes a visit whether or not it gives the time, and a pre-admission plans one."""
    assert only(converted(f"ADT^{event}", PID, PV1), "Encounter")["status"] == status


def test_a_new_appointment_is_booked_unless_it_says_otherwise():
    """The notice of a booking books; the filler's status has the last word."""
    assert only(converted("SIU^S12", "SCH|A1^EHR", PID), "Appointment")["status"] == "booked"
    waiting = converted("SIU^S12", "SCH|A1^EHR" + "|" * 24 + "Waitlist", PID)
    assert only(waiting, "Appointment")["status"] == "waitlist"


def test_an_order_is_no_report_before_it_has_results():
    """What was ordered gives no DiagnosticReport until a result is said to be there."""
    ordered = "OBR|1|ORD7^CLINIC||2160-0^Creatinine^LN"
    assert not of_type(converted("ORM^O01", PID, "ORC|NW|ORD7^CLINIC", ordered), "DiagnosticReport")
    done = ordered + "|" * 21 + "F"
    assert (
        only(converted("ORM^O01", PID, "ORC|SC|ORD7^CLINIC", done), "DiagnosticReport")["status"] == "final"
    )


def test_the_parts_of_a_surname_are_kept():
    """Prefixes and names of one's own and a partner's stand beside the surname."""
    made = converted("ADT^A28", "PID|1||1||van der Berg-de Vries&van der&Berg&de&Vries^Jane")
    name = only(made, "Patient")["name"][0]
    parts = {part["url"].rpartition("/")[2]: part["valueString"] for part in name["_family"]["extension"]}
    assert name["family"] == "van der Berg-de Vries"
    assert parts == {
        "humanname-own-prefix": "van der",
        "humanname-own-name": "Berg",
        "humanname-partner-prefix": "de",
        "humanname-partner-name": "Vries",
    }


def test_a_visit_without_a_number_is_its_accounts():
    """Where neither number nor time of admission is sent, the account tells visits apart."""
    plain = "PV1|1|O|ROOM^1^A^CLINIC"
    account = PID + "|" * 10 + "ACC{}^^^MAIN"

    def visit(number, segment):
        return only(converted("ADT^A08", account.format(number), segment), "Encounter")["id"]

    assert visit(1, plain) == visit(1, plain.replace("|O|", "|I|"))
    assert visit(1, plain) != visit(2, plain)


def test_what_was_given_is_not_changed_by_later_messages():
    """Conversions share what was worked out before, and none changes what another was given."""
    first = converted("ADT^A04", PID, PV1)
    before = deepcopy(first.resources)
    again = "PV1|1|I|ROOM^2^B^CLINIC||||||||||||||||V100^^^MAIN&2.16.840.1.113883.3.1&ISO^VN"
    for event in ("A08", "A40", "A11", "A13"):
        converted(f"ADT^{event}", PID, "MRG|77^^^MAIN&2.16.840.1.113883.3.1&ISO^MR", again)
    assert first.resources == before
    assert converted("ADT^A04", PID, PV1).resources == before
