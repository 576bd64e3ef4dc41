"""DocumentReference with the note inside, as text that names people."""

from base64 import b64encode
from datetime import date

from a360.synth._chart import Chart
from a360.synth._clock import iso
from a360.synth._dice import Dice
from a360.synth._fhir import LOINC, Resource, coding, concept
from a360.synth._observations import gais_text
from a360.synth._people import Person
from a360.synth._plan import Visit
from a360.synth._sending import Target
from a360.synth._treatments import describe

_US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
_TYPES = {
    "consultation": ("11488-4", "Consult note"),
    "procedure": ("28570-0", "Procedure note"),
    "follow-up": ("11506-3", "Progress note"),
}
_SHARES = {"consultation": 1.0, "procedure": 0.82, "follow-up": 0.75}


def write_note(chart: Chart, person: Person, visit: Visit) -> None:
    """Write the clinician's note of a kept visit, if one was made."""
    dice = chart.dice(f"note {visit.number}")
    kind = "consultation" if visit.kind == "consultation" else "procedure" if visit.given else "follow-up"
    if not dice.chance(_SHARES[kind]):
        return
    text = dice.pick(chart.world.vocabulary.notes[kind]).format_map(_facts(chart, person, visit, dice))
    data = text.encode()
    target = Target("DocumentReference", dice.uuid())
    written = visit.ended.later(dice.between(10, 180))
    fields: Resource = {
        "status": "current",
        "docStatus": "final",
        "type": concept(LOINC, *_TYPES[kind]),
        "category": [{"coding": [coding(_US_CORE_CATEGORY, "clinical-note", "Clinical Note")]}],
        "subject": chart.patient(person.name),
        "date": chart.zone.instant(written, dice.between(0, 59_999)),
        "author": [chart.ref(visit.practitioner.target)],
        "custodian": chart.ref(chart.clinic.target),
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "language": "en-US",
                    "data": b64encode(data).decode(),
                    "size": len(data),
                    "title": f"{_TYPES[kind][1]} {iso(visit.start.day)}",
                    "creation": chart.at(written),
                }
            }
        ],
        "context": {
            "encounter": [chart.ref(visit.encounter)],
            "period": {"start": chart.at(visit.arrived), "end": chart.at(visit.ended)},
        },
    }
    chart.write(target, written, fields)
    if dice.chance(0.006):
        chart.delete(target)


def _facts(chart: Chart, person: Person, visit: Visit, dice: Dice) -> dict[str, str]:
    """Everything a template may name."""
    tables = chart.world.vocabulary
    day = date.fromordinal(visit.start.day)
    reviewed = visit.reviewed[0] if visit.reviewed else None
    subjects = [reviewed.treatment] if reviewed and not visit.given else visit.planned
    names = " and ".join(treatment.name.lower() for treatment in subjects)
    event = "No adverse events."
    if reviewed is not None and reviewed.harm is not None:
        event = f"Adverse event: {reviewed.harm.text.lower()}, {reviewed.harm.severity}."
    return {
        "full_name": person.name,
        "given": person.given,
        "family": person.family,
        "title": "Ms." if person.female else "Mr.",
        "pronoun": "her" if person.female else "him",
        "gender": person.gender,
        "birth_date": iso(person.born),
        "age": str(person.age(visit.start.day)),
        "mrn": person.mrn,
        "phone": person.phone,
        "email": person.email,
        "city": person.address["city"],
        "date": f"{day.month}/{day.day}/{day.year}",
        "clinic": chart.clinic.row.name,
        "practitioner": visit.practitioner.name,
        "credential": visit.practitioner.credential,
        "plan": names,
        "concern": tables.concerns[subjects[0].concern].text.lower(),
        "years": str(dice.between(1, 12)),
        "fitzpatrick": str(person.fitzpatrick),
        "details": " ".join(f"{describe(chart, given)}." for given in visit.given),
        "gais": gais_text(reviewed).lower() if reviewed is not None else "pleased",
        "event": event,
    }
