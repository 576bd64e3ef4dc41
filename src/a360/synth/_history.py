"""Condition, AllergyIntolerance, Immunization and MedicationRequest."""

from a360.synth._chart import Chart
from a360.synth._clock import Moment, iso
from a360.synth._dice import Dice
from a360.synth._fhir import (
    CVX,
    ICD10,
    RXNORM,
    SNOMED,
    TERMS,
    Resource,
    coding,
    concept,
    quantity,
)
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._sending import Target
from a360.synth._vocab import Concern, Drug, History

_SYSTEMS = {"rxnorm": RXNORM, "snomed": SNOMED}
_CATEGORY = {
    "concern": ("encounter-diagnosis", "Encounter Diagnosis"),
    "history": ("problem-list-item", "Problem List Item"),
}
_ALLERGIC = 0.24
_VACCINATED = 0.4


def write_conditions(chart: Chart, person: Person, first: Visit) -> list[Target]:
    """Write why the patient comes and what the patient brings along; the targets of the former."""
    dice = chart.dice("conditions")
    tables = chart.world.vocabulary
    written: list[Target] = []
    for code in dict.fromkeys(treatment.concern for treatment in first.planned):
        target = Target("Condition", dice.uuid())
        _write_concern(chart, person, first, tables.concerns[code], dice, target)
        written.append(target)
    for history in tables.clinical.histories:
        if person.age(first.start.day) >= history.youngest and dice.chance(history.share):
            _write_history(chart, person, first, history, dice)
    return written


def _write_concern(
    chart: Chart, person: Person, first: Visit, concern: Concern, dice: Dice, target: Target
) -> None:
    code: Resource = {"coding": [coding(ICD10, concern.icd10, concern.display)], "text": concern.text}
    if concern.snomed is not None:
        code["coding"].append(coding(SNOMED, *concern.snomed))
    fields = _condition(chart, person, "concern", code)
    fields["encounter"] = chart.ref(first.encounter)
    fields["onsetDateTime"] = _onset(first.start.day - dice.between(90, 3000), dice)
    fields["recordedDate"] = chart.at(first.arrived)
    fields["recorder"] = chart.ref(first.practitioner.target)
    end = first.start.day + dice.between(200, 700)
    if dice.chance(0.12) and end < chart.world.until:
        resolved = {**fields, "clinicalStatus": _status("resolved"), "abatementDateTime": iso(end)}
        chart.revise(target, (first.ended, fields), (Moment(end, 18 * 60), resolved))
    else:
        chart.write(target, first.ended, fields)


def _write_history(chart: Chart, person: Person, first: Visit, history: History, dice: Dice) -> None:
    code: Resource = {"coding": [coding(ICD10, history.icd10, history.display)], "text": history.display}
    if history.snomed is not None:
        code["coding"].append(coding(SNOMED, *history.snomed))
    fields = _condition(chart, person, "history", code)
    fields["onsetDateTime"] = _onset(first.start.day - dice.between(200, 7000), dice)
    fields["recordedDate"] = iso(first.start.day)
    chart.write(Target("Condition", dice.uuid()), first.ended, fields)


def _condition(chart: Chart, person: Person, kind: str, code: Resource) -> Resource:
    return {
        "clinicalStatus": _status("active"),
        "verificationStatus": concept(f"{TERMS}/condition-ver-status", "confirmed", "Confirmed"),
        "category": [concept(f"{TERMS}/condition-category", *_CATEGORY[kind])],
        "code": code,
        "subject": chart.patient(person.name),
    }


def _status(code: str) -> Resource:
    return concept(f"{TERMS}/condition-clinical", code, code.capitalize())


def _onset(day: int, dice: Dice) -> str:
    """People remember the year, sometimes the month, rarely the day."""
    return iso(day)[: dice.pick((4, 4, 4, 7, 7, 10))]


def write_allergies(chart: Chart, person: Person, first: Visit) -> None:
    """Write one or two intolerances, that there are none, or nothing at all."""
    dice = chart.dice("allergies")
    if dice.chance(_ALLERGIC):
        for _ in range(dice.pick((1, 1, 1, 2))):
            _write_allergy(chart, person, first, dice)
    elif dice.chance(0.3):
        fields = _allergy(chart, person, first)
        fields["code"] = concept(SNOMED, "716186003", "No known allergy")
        chart.write(Target("AllergyIntolerance", dice.uuid()), first.ended, fields)


def _write_allergy(chart: Chart, person: Person, first: Visit, dice: Dice) -> None:
    tables = chart.world.vocabulary
    allergen = dice.weighted(tables.allergies)
    reaction = dice.weighted(tables.reactions)
    severity = "severe" if reaction.display == "Anaphylaxis" else dice.pick(("mild", "mild", "moderate"))
    fields = _allergy(chart, person, first)
    fields["category"] = [allergen.category]
    fields["criticality"] = "high" if severity == "severe" else "low"
    fields["code"] = concept(_SYSTEMS[allergen.system], allergen.code, allergen.display)
    fields["onsetDateTime"] = _onset(first.start.day - dice.between(300, 9000), dice)
    manifestation = [concept(SNOMED, reaction.code, reaction.display)]
    fields["reaction"] = [{"manifestation": manifestation, "severity": severity}]
    chart.write(Target("AllergyIntolerance", dice.uuid()), first.ended, fields)


def _allergy(chart: Chart, person: Person, first: Visit) -> Resource:
    return {
        "clinicalStatus": concept(f"{TERMS}/allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": concept(f"{TERMS}/allergyintolerance-verification", "confirmed", "Confirmed"),
        "type": "allergy",
        "patient": chart.patient(person.name),
        "recordedDate": chart.at(first.arrived),
    }


def write_immunizations(chart: Chart, first: Visit) -> None:
    """Write a vaccine or two, some of them only as the patient remembers them."""
    dice = chart.dice("immunizations")
    for _ in range(2 if dice.chance(0.1) else 1):
        if not dice.chance(_VACCINATED):
            continue
        vaccine = dice.weighted(chart.world.vocabulary.vaccines)
        day = first.start.day - dice.between(10, 900)
        remembered = dice.chance(0.6)
        fields: Resource = {
            "status": "completed",
            "vaccineCode": concept(CVX, vaccine.cvx, vaccine.display),
            "patient": chart.patient(),
            "occurrenceDateTime": _onset(day, dice) if remembered else iso(day),
            "primarySource": not remembered,
        }
        if remembered:
            origin = ("recall", "Parent/Guardian/Patient Recall")
            fields["reportOrigin"] = concept(f"{TERMS}/immunization-origin", *origin)
        else:
            fields["manufacturer"] = {"display": vaccine.maker}
            fields["lotNumber"] = f"V{dice.digits(5)}"
            fields["expirationDate"] = iso(day + dice.between(60, 400))
            fields["doseQuantity"] = quantity(vaccine.dose, "mL")
        chart.write(Target("Immunization", dice.uuid()), first.ended, fields)


def write_prescriptions(chart: Chart, person: Person, visit: Visit) -> None:
    """Write what is prescribed around the treatments of a visit."""
    dice = chart.dice(f"prescriptions {visit.number}")
    for given in visit.given:
        for drug in chart.world.vocabulary.clinical.prescriptions:
            if (
                given.treatment.family in drug.families
                and given.session == 1
                and dice.chance(drug.share * 1.6)
            ):
                _write_prescription(chart, person, visit, given, drug, dice)


def _write_prescription(
    chart: Chart, person: Person, visit: Visit, given: Given, drug: Drug, dice: Dice
) -> None:
    target = Target("MedicationRequest", dice.uuid())
    code = concept(RXNORM, drug.code, drug.display, drug.text)
    fields: Resource = {
        "status": "active" if visit.start.day > chart.world.until - 30 else "completed",
        "intent": "order",
    }
    if dice.chance(0.15):
        fields = {
            "contained": [{"resourceType": "Medication", "id": "med1", "code": code}],
            **fields,
            "medicationReference": {"reference": "#med1", "display": drug.text},
        }
    else:
        fields["medicationCodeableConcept"] = code
    fields |= {
        "subject": chart.patient(person.name),
        "encounter": chart.ref(visit.encounter),
        "authoredOn": chart.at(given.when),
        "requester": chart.ref(visit.practitioner.target),
        "reasonCode": [{"text": f"Around {given.treatment.name.lower()}"}],
        "dosageInstruction": [
            {
                "text": drug.sig,
                "route": concept(SNOMED, *drug.route),
                "doseAndRate": [{"doseQuantity": quantity(drug.dose, drug.unit)}],
            }
        ],
        "dispenseRequest": {"numberOfRepeatsAllowed": dice.between(0, 2)},
    }
    chart.write(target, visit.ended, fields)
