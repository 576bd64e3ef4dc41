"""Appointment and Encounter."""

from a360.synth._chart import Chart
from a360.synth._clock import DAY
from a360.synth._dice import Dice
from a360.synth._fhir import SNOMED, TERMS, VISIT_SYSTEM, Resource, clinic_concept, coding, concept
from a360.synth._people import Person
from a360.synth._plan import Visit
from a360.synth._sending import Target

_TYPES = {
    "consultation": ("11429006", "Consultation"),
    "treatment": ("277132007", "Therapeutic procedure"),
    "follow-up": ("390906007", "Follow-up encounter"),
    "unplanned": ("390906007", "Follow-up encounter"),
}
_APPOINTMENT_TYPES = {
    "consultation": ("CHECKUP", "A routine check-up, such as an annual physical"),
    "treatment": ("ROUTINE", "Routine appointment - default if not valued"),
    "follow-up": ("FOLLOWUP", "A follow up visit from a previous appointment"),
    "unplanned": ("EMERGENCY", "Emergency appointment"),
}


def write_visit(chart: Chart, person: Person, visit: Visit, conditions: list[Target]) -> None:
    """Write the appointment and, if the patient came, the encounter."""
    dice = chart.dice(f"visit {visit.number}")
    _write_appointment(chart, person, visit, dice)
    if visit.kept:
        _write_encounter(chart, person, visit, conditions, dice)


def _write_appointment(chart: Chart, person: Person, visit: Visit, dice: Dice) -> None:
    last = {**_appointment(chart, person, visit), "status": visit.outcome}
    known = visit.ended.later(5) if visit.outcome != "booked" else visit.booked
    if visit.cancellation is not None:
        notice = min(dice.between(1, 6 * DAY), (visit.start.day - visit.booked.day) * DAY - 60)
        known = max(visit.start.later(-notice), visit.booked.later(10))
        last["cancelationReason"] = concept(
            f"{TERMS}/appointment-cancellation-reason", visit.cancellation.code, visit.cancellation.display
        )
        last["participant"][0]["status"] = "declined"
    first = {**_appointment(chart, person, visit), "status": "booked"}
    if visit.outcome != "booked" and visit.booked < known and dice.chance(0.28):
        chart.revise(visit.appointment, (visit.booked, first), (known, last))
    else:
        chart.write(visit.appointment, known, last)
    if visit.outcome == "cancelled" and dice.chance(0.03):
        chart.delete(visit.appointment)


def _appointment(chart: Chart, person: Person, visit: Visit) -> Resource:
    kind = _APPOINTMENT_TYPES[visit.kind]
    names = ", ".join(treatment.name for treatment in visit.planned)
    actors = (
        chart.patient(person.name),
        chart.ref(visit.practitioner.target),
        chart.ref(visit.room),
    )
    return {
        "status": "",
        "serviceCategory": [clinic_concept("service", "aesthetic-medicine", "Aesthetic medicine")],
        "serviceType": [
            clinic_concept("procedure", treatment.code, treatment.name) for treatment in visit.planned[:2]
        ],
        "appointmentType": concept(f"{TERMS}/v2-0276", *kind),
        "description": f"{visit.kind.capitalize()}: {names}",
        "start": chart.at(visit.start),
        "end": chart.at(visit.start.later(visit.minutes)),
        "minutesDuration": visit.minutes,
        "created": chart.at(visit.booked),
        "participant": [{"actor": actor, "required": "required", "status": "accepted"} for actor in actors],
    }


def _write_encounter(
    chart: Chart, person: Person, visit: Visit, conditions: list[Target], dice: Dice
) -> None:
    fields = _encounter(chart, person, visit, conditions)
    fields["period"] = {"start": chart.at(visit.arrived), "end": chart.at(visit.ended)}
    fields["length"] = {
        "value": visit.minutes,
        "unit": "min",
        "system": "http://unitsofmeasure.org",
        "code": "min",
    }
    written = visit.ended.later(dice.between(3, 40))
    if dice.chance(0.07):
        open_fields = {**fields, "status": "in-progress", "period": {"start": chart.at(visit.arrived)}}
        del open_fields["length"]
        chart.revise(visit.encounter, (visit.arrived, open_fields), (written, fields))
    else:
        chart.write(visit.encounter, written, fields)


def _encounter(chart: Chart, person: Person, visit: Visit, conditions: list[Target]) -> Resource:
    code, display = _TYPES[visit.kind]
    kind = {
        "coding": [
            coding(SNOMED, code, display),
            *clinic_concept("visit-kind", visit.kind, visit.kind.capitalize())["coding"],
        ],
        "text": visit.kind.capitalize(),
    }
    fields: Resource = {
        "identifier": [{"system": VISIT_SYSTEM, "value": f"{person.mrn}-{visit.number:03}"}],
        "status": "finished",
        "class": coding(f"{TERMS}/v3-ActCode", "AMB", "ambulatory"),
        "type": [kind],
        "subject": chart.patient(person.name),
        "participant": [
            {
                "type": [concept(f"{TERMS}/v3-ParticipationType", "PPRF", "primary performer")],
                "individual": chart.ref(visit.practitioner.target),
            }
        ],
        "appointment": [chart.ref(visit.appointment)],
        "reasonCode": [_reason(chart, treatment.concern) for treatment in visit.planned[:1]],
    }
    if conditions:
        fields["diagnosis"] = [{"condition": chart.ref(conditions[0]), "rank": 1}]
    fields["location"] = [{"location": chart.ref(visit.room), "status": "completed"}]
    fields["serviceProvider"] = chart.ref(chart.clinic.target)
    return fields


def _reason(chart: Chart, code: str) -> Resource:
    concern = chart.world.vocabulary.concerns[code]
    return clinic_concept("concern", concern.code, concern.text)
