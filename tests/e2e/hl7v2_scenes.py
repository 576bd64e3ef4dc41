"""Small stories told in HL7 v2 messages, and how they look in silver and gold in the end."""

from dataclasses import dataclass

DAY = "202603{:02}120000".format
PATIENTS = (
    "(SELECT resource_id FROM silver.identifier WHERE resource_type = 'Patient' AND source = '{source}' "
    "AND system = 'urn:a360:hl7v2:Identifier:{clinic}')"
)


def message(kind, day, *segments, number=""):
    """An ER7 message; `kind` is as `ADT^A01`, and tells the event."""
    at = DAY(day)
    event = kind.partition("^")[2]
    control = f"{kind.replace('^', '')}-{day}-{number}"
    head = f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|{at}||{kind}|{control}|P|2.5.1"
    evn = [f"EVN|{event}|{at}"] if kind.startswith("ADT") else []
    return "\r".join([head, *evn, *segments]) + "\r"


def pid(number="M1", name="DOE^JANE", born="19800102", sex="F"):
    """A patient."""
    return f"PID|1||{number}^^^CLINIC^MR||{name}||{born}|{sex}"


def pv1(visit="V1", bed="W1^R1^B1", admitted="20260301120000", discharged=""):
    """A visit."""
    fields = {2: "I", 3: bed, 19: f"{visit}^^^CLINIC^VN" if visit else "", 44: admitted, 45: discharged}
    return "PV1|" + "|".join(["1", *(fields.get(number, "") for number in range(2, 46))])


def mrg(number="M2", visit=""):
    """What was, before."""
    return f"MRG|{number}^^^CLINIC^MR||||{visit}^^^CLINIC^VN" if visit else f"MRG|{number}^^^CLINIC^MR"


def result(value, status, order="F1"):
    """A result of a laboratory."""
    return [
        f"OBR|1|P1|{order}|GLU^Glucose^L|||{DAY(2)}||||||||||||||||||{status}",
        f"OBX|1|NM|2345-7^Glucose^LN||{value}|mg/dL|||||{status}|||{DAY(2)}",
    ]


def sch(starts, status="Booked"):
    """An appointment."""
    return (
        f"SCH|A1^CLINIC|A1^CLINIC|||||ROUTINE^Routine^L||30|min|^^30^{starts}^{starts}|||||||||||||{status}"
    )


def note(number="D1", status="AU"):
    """A document."""
    return [
        f"TXA|1|PN^Progress note^L|TX|{DAY(2)}||||||||{number}^CLINIC|||||{status}||AV",
        "OBX|1|TX|PN^Progress note^L||Healing well.||||||F",
    ]


@dataclass(frozen=True)
class Scene:
    """Messages in the order they were sent, and what a query of the end answers.

    In the query, `:us` are the keys of the patients whose numbers the clinic of the scene gave, `:source`
    is the source.
    """

    name: str
    messages: tuple
    query: str
    wanted: list

    def told(self, number):
        """A message as the clinic of this scene sends it; none where there are fewer."""
        return self.messages[number].replace("CLINIC", self.clinic) if number < len(self.messages) else ""

    @property
    def clinic(self):
        """Who gives the numbers in this scene."""
        return self.name.upper()

    def asked(self, source):
        """The query of what a source told."""
        patients = PATIENTS.format(source=source, clinic=self.clinic)
        return self.query.replace(":us", patients).replace(":source", f"'{source}'")


VISIT = "SELECT status, end_at IS NOT NULL AS ended FROM silver.encounter WHERE patient_key IN :us"
GENDER = "SELECT gender, deleted FROM silver.patient WHERE is_current AND patient_key IN :us"
SCENES = (
    Scene(
        "updates",
        (
            message("ADT^A04", 1, pid(sex="F"), pv1()),
            message("ADT^A08", 2, pid(sex="M"), pv1()),
            message("ADT^A01", 3, pid(sex="O"), pv1(bed="W2^R2^B2")),
        ),
        GENDER,
        [("other", False)],
    ),
    Scene(
        "mention-does-not-win",
        (
            message("ADT^A01", 1, pid(), pv1()),
            message("ORU^R01", 5, pid(sex="", name="DOE"), *result(90, "F")),
        ),
        GENDER,
        [("female", False)],
    ),
    Scene(
        "cancel-admit",
        (message("ADT^A01", 1, pid(), pv1()), message("ADT^A11", 2, pid(), pv1())),
        VISIT,
        [("cancelled", False)],
    ),
    Scene(
        "cancel-discharge",
        (
            message("ADT^A01", 1, pid(), pv1()),
            message("ADT^A03", 2, pid(), pv1(discharged=DAY(2))),
            message("ADT^A13", 3, pid(), pv1(discharged=DAY(2))),
        ),
        VISIT,
        [("in-progress", False)],
    ),
    Scene(
        "cancel-transfer",
        (
            message("ADT^A01", 1, pid(), pv1(bed="W1^R1^B1")),
            message("ADT^A02", 2, pid(), pv1(bed="W2^R2^B2")),
            message("ADT^A12", 3, pid(), pv1(bed="W1^R1^B1")),
        ),
        "SELECT l.name FROM silver.encounter AS e JOIN silver.location AS l "
        "ON l.location_id = e.location_id AND l.source = e.source WHERE e.patient_key IN :us",
        [("B1",)],
    ),
    Scene(
        "delete-person",
        (message("ADT^A28", 1, pid(), pv1("")), message("ADT^A29", 2, pid(), pv1(""))),
        GENDER,
        [],
    ),
    Scene(
        "rescheduled",
        (
            message("SIU^S12", 1, sch(DAY(10)), pid()),
            message("SIU^S13", 2, sch(DAY(12)), pid()),
            message("SIU^S14", 3, sch(DAY(14)), pid()),
        ),
        "SELECT CAST(start_date AS VARCHAR) AS day FROM silver.appointment WHERE patient_key IN :us",
        [("2026-03-14",)],
    ),
    Scene(
        "appointment-cancelled",
        (message("SIU^S12", 1, sch(DAY(10)), pid()), message("SIU^S15", 2, sch(DAY(10)), pid())),
        "SELECT status FROM silver.appointment WHERE patient_key IN :us",
        [("cancelled",)],
    ),
    Scene(
        "appointment-deleted",
        (
            message("ADT^A04", 1, pid(), pv1()),
            message("SIU^S12", 1, sch(DAY(10)), pid()),
            message("SIU^S17", 2, sch(DAY(10)), pid()),
        ),
        "SELECT appointments FROM gold.patient_360 WHERE patient_key IN :us",
        [(0,)],
    ),
    Scene(
        "result-corrected",
        (
            message("ADT^A01", 1, pid(), pv1()),
            message("ORU^R01", 2, pid(), pv1(), *result(90, "P")),
            message("ORU^R01", 3, pid(), pv1(), *result(95, "F")),
            message("ORU^R01", 4, pid(), pv1(), *result(99, "C")),
        ),
        "SELECT status, CAST(value_quantity AS INT) AS n FROM silver.observation WHERE patient_key IN :us",
        [("corrected", 99)],
    ),
    Scene(
        "result-before-patient",
        (
            message("ORU^R01", 2, pid(sex=""), *result(90, "F")),
            message("ADT^A28", 3, pid(), pv1("")),
        ),
        "SELECT p.gender, p.observations FROM gold.patient_360 AS p WHERE p.patient_key IN :us",
        [("female", 1)],
    ),
    Scene(
        "document-cancelled",
        (
            message("MDM^T02", 1, "EVN|T02|" + DAY(1), pid(), pv1(), *note()),
            message("MDM^T11", 2, "EVN|T11|" + DAY(2), pid(), pv1(), *note()),
        ),
        "SELECT status FROM silver.document_reference WHERE patient_key IN :us",
        [("entered-in-error",)],
    ),
    Scene(
        "merged",
        (
            message("ADT^A01", 1, pid("M2"), pv1("V2"), number=1),
            message("ADT^A01", 1, pid("M1"), pv1("V1"), number=2),
            message("ORU^R01", 2, pid("M2"), pv1("V2"), *result(90, "F")),
            message("ADT^A40", 3, pid("M1", born="", sex=""), mrg("M2")),
        ),
        "SELECT gender, visits, observations FROM gold.patient_360 WHERE patient_key IN :us",
        [("female", 2, 1)],
    ),
    Scene(
        "merge-holds",
        (
            message("ADT^A01", 1, pid("M2"), pv1("V2")),
            message("ADT^A40", 2, pid("M1"), mrg("M2")),
            message("ADT^A08", 3, pid("M2"), pv1("V2")),
        ),
        "SELECT visits FROM gold.patient_360 WHERE patient_key IN :us",
        [(1,)],
    ),
    Scene(
        "unlinked",
        (
            message("ADT^A01", 1, pid("M2"), pv1("V2"), number=1),
            message("ADT^A01", 1, pid("M1", sex="M"), pv1("V1"), number=2),
            message("ADT^A40", 3, pid("M1"), mrg("M2")),
            message("ADT^A37", 4, pid("M1"), pid("M2")),
        ),
        "SELECT gender, visits FROM gold.patient_360 WHERE patient_key IN :us ORDER BY gender",
        [("female", 1), ("male", 1)],
    ),
    Scene(
        "number-changed",
        (
            message("ADT^A01", 1, pid("M2"), pv1("V2")),
            message("ADT^A47", 2, pid("M1"), mrg("M2")),
        ),
        "SELECT gender, visits FROM gold.patient_360 WHERE patient_key IN :us",
        [("female", 1)],
    ),
    Scene(
        "visit-moved",
        (
            message("ADT^A01", 1, pid("M2", sex="M"), pv1("V2")),
            message("ADT^A28", 1, pid("M1"), pv1("")),
            message("ORU^R01", 2, pid("M2"), pv1("V2"), *result(90, "F")),
            message("ADT^A45", 3, pid("M1", sex=""), mrg("M2", "V2"), pv1("V2", bed="", admitted="")),
        ),
        "SELECT gender, visits, observations, first_visit_date IS NOT NULL AS dated FROM gold.patient_360 "
        "WHERE patient_key IN :us ORDER BY gender",
        [("female", 1, 1, True), ("male", 0, 0, False)],
    ),
    Scene(
        "visit-moved-and-renumbered",
        (
            message("ADT^A01", 1, pid("M2", sex="M"), pv1("V2")),
            message("ORU^R01", 2, pid("M2"), pv1("V2"), *result(90, "F")),
            message("ADT^A28", 1, pid("M1"), pv1("")),
            message("ADT^A45", 3, pid("M1"), mrg("M2", "V2"), pv1("V9")),
        ),
        "SELECT gender, visits, observations FROM gold.patient_360 WHERE patient_key IN :us ORDER BY gender",
        [("female", 1, 1), ("male", 0, 0)],
    ),
)
