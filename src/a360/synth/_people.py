"""Patients: who they are, and the Patient resources that say so."""

import unicodedata
from dataclasses import dataclass

from a360.synth._chart import Chart
from a360.synth._clock import Moment, calendar, iso
from a360.synth._dice import Dice, Weighted
from a360.synth._fhir import MRN_SYSTEM, SSN_SYSTEM, TERMS, Resource, coding, concept, extension
from a360.synth._sending import Target
from a360.synth._vocab import Origin
from a360.synth._world import Clinic, World

WINDOW = 3 * 365
_YEAR = 365.2425
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
_RACES = "urn:oid:2.16.840.1.113883.6.238"
_AGES = Weighted(
    [((18, 24), 9), ((25, 34), 25), ((35, 44), 27), ((45, 54), 20), ((55, 64), 13), ((65, 77), 6)]
)
_MARITAL = Weighted(
    [
        (("M", "Married"), 45),
        (("S", "Never Married"), 32),
        (("D", "Divorced"), 14),
        (("W", "Widowed"), 4),
        (None, 5),
    ]
)
_FOLDED = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae"})


@dataclass(slots=True)
class Person:
    """A patient as a person; `died` is set when the journey is known."""

    target: Target
    mrn: str
    given: str
    middle: str | None
    family: str
    gender: str
    origin: Origin
    hispanic: bool
    born: int
    first_day: int
    address: Resource
    phone: str
    email: str
    fitzpatrick: int
    died: int | None = None

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given} {self.family}"

    @property
    def female(self) -> bool:
        """Whether the patient is a woman."""
        return self.gender == "female"

    def age(self, day: int) -> int:
        """Completed years on a day, to within a day."""
        return int((day - self.born) / _YEAR)


def make_person(world: World, clinic: Clinic, index: int) -> Person:
    """Throw the patient with this number."""
    dice = Dice(world.seed, index, "person")
    origin = dice.weighted(world.vocabulary.origins)
    gender = "female" if dice.chance(0.8) else "male"
    given, family = dice.pick(origin.women if gender == "female" else origin.men), dice.pick(origin.families)
    first_day = _first_day(world, dice)
    low, high = dice.weighted(_AGES)
    mrn = f"A{index:07d}" if clinic.row.system != "legacy" else f"{dice.digits(6)}-{index:06d}"
    handle = f"{_plain(given)}.{_plain(family)}{dice.between(1, 99)}"
    return Person(
        target=Target("Patient", dice.uuid(), None, (MRN_SYSTEM, mrn)),
        mrn=mrn,
        given=given,
        middle=dice.pick(origin.women if gender == "female" else origin.men) if dice.chance(0.2) else None,
        family=family,
        gender=gender,
        origin=origin,
        hispanic=dice.chance(origin.hispanic),
        born=first_day - int(dice.between(low, high) * _YEAR) - dice.between(1, 364),
        first_day=first_day,
        address=make_address(world, clinic, dice),
        phone=make_phone(clinic, dice),
        email=f"{handle}@{dice.pick(('example.com', 'example.org', 'example.net'))}",
        fitzpatrick=_fitzpatrick(dice, origin),
    )


def make_address(world: World, clinic: Clinic, dice: Dice) -> Resource:
    """An invented address near a clinic."""
    row = clinic.row
    line = f"{dice.between(1, 9800)} {dice.pick(world.vocabulary.places.streets)}"
    if dice.chance(0.25):
        line += f" Apt {dice.between(1, 40)}"
    return {
        "use": "home",
        "line": [line],
        "city": dice.pick(row.towns),
        "state": row.state,
        "postalCode": row.zip3 + dice.digits(2),
        "country": "US",
    }


def make_phone(clinic: Clinic, dice: Dice) -> str:
    """A number of the range that is set aside for fiction."""
    return f"{clinic.row.area}-555-01{dice.digits(2)}"


def write_patient(chart: Chart, person: Person, last_seen: int) -> None:
    """Write the Patient, in two versions where the patient has moved."""
    dice = chart.dice("patient")
    registered = Moment(person.first_day, dice.between(8 * 60, 18 * 60)).later(-dice.between(1, 20) * 24 * 60)
    fields = _patient(chart, person, dice)
    moved = Moment(min(last_seen, chart.world.until), 20 * 60)
    if moved.day > registered.day + 30 and dice.chance(0.1):
        # The new system keeps the old address beside the new one, ended on the day of the move.
        before = {**fields, "address": [make_address(chart.world, chart.clinic, dice)]}
        old = {**before["address"][0], "use": "old", "period": {"end": iso(moved.day)}}
        chart.revise(
            person.target, (registered, before), (moved, {**fields, "address": [*fields["address"], old]})
        )
    else:
        chart.write(person.target, registered, fields)


def _patient(chart: Chart, person: Person, dice: Dice) -> Resource:
    fields: Resource = {
        "extension": _us_core(person),
        "identifier": _identifiers(person, dice),
        "active": not dice.chance(0.02),
        "name": _names(person, dice),
        "telecom": [
            {"system": "phone", "value": person.phone, "use": dice.pick(("mobile", "mobile", "home"))},
            {"system": "email", "value": person.email},
        ],
        "gender": person.gender,
        "birthDate": _birth_date(person, dice),
        "address": [person.address],
    }
    if chart.clinic.row.system == "main":
        div = f"{person.name}, {person.gender}, born {fields['birthDate']}"
        text = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{div}</div>'}
        fields = {"text": text, **fields}
    if person.died is not None:
        fields["deceasedDateTime"] = iso(person.died)
    marital = dice.weighted(_MARITAL)
    if marital:
        fields["maritalStatus"] = concept(f"{TERMS}/v3-MaritalStatus", *marital)
    code, display = person.origin.language
    fields["communication"] = [{"language": concept("urn:ietf:bcp:47", code, display), "preferred": True}]
    fields["managingOrganization"] = chart.ref(chart.clinic.target)
    return fields


def _us_core(person: Person) -> list[Resource]:
    race, ethnicity = person.origin.race, ("2186-5", "Not Hispanic or Latino")
    if person.hispanic:
        ethnicity = ("2135-2", "Hispanic or Latino")
    return [
        _category("us-core-race", race),
        _category("us-core-ethnicity", ethnicity),
        extension(f"{_US_CORE}/us-core-birthsex", "Code", "F" if person.female else "M"),
    ]


def _category(name: str, pair: tuple[str, str]) -> Resource:
    parts = [
        extension("ombCategory", "Coding", coding(_RACES, *pair)),
        extension("text", "String", pair[1]),
    ]
    return {"url": f"{_US_CORE}/{name}", "extension": parts}


def _identifiers(person: Person, dice: Dice) -> list[Resource]:
    kind = concept(f"{TERMS}/v2-0203", "MR", "Medical record number")
    found: list[Resource] = [{"use": "usual", "type": kind, "system": MRN_SYSTEM, "value": person.mrn}]
    if dice.chance(0.15):
        # No number that begins with 666 has ever been issued.
        kind = concept(f"{TERMS}/v2-0203", "SS", "Social Security number")
        number = f"666-{dice.between(1, 99):02}-{dice.between(1, 9999):04}"
        found.append({"use": "official", "type": kind, "system": SSN_SYSTEM, "value": number})
    return found


def _names(person: Person, dice: Dice) -> list[Resource]:
    given = [person.given] if person.middle is None else [person.given, person.middle]
    official: Resource = {"use": "official", "text": person.name, "family": person.family, "given": given}
    official["prefix"] = ["Ms." if person.female else "Mr."]
    names = [official]
    if person.female and dice.chance(0.12):
        names.append({"use": "maiden", "family": dice.pick(person.origin.families), "given": given})
    return names


def _birth_date(person: Person, dice: Dice) -> str:
    """Nearly always a whole date; some people give but the year or the month."""
    whole = iso(person.born)
    point = dice.throw()
    if point < 0.003:  # noqa: PLR2004 - a share
        return whole[:4]
    return whole[:7] if point < 0.006 else whole  # noqa: PLR2004 - a share


def _first_day(world: World, dice: Dice) -> int:
    """The first contact: more of them lately, as the group grows, and by season and weekday."""
    vocabulary = world.vocabulary.catalogue
    season = vocabulary.seasons["filler"]
    first = world.until - WINDOW
    while True:
        point = dice.throw()
        if dice.chance(0.3):
            point = max(point, dice.throw())
        day = first + int(point * WINDOW)
        month, _, weekday = calendar(day)
        if dice.throw() * 1.75 < season[month - 1] * vocabulary.weekdays[weekday]:
            return day


def _fitzpatrick(dice: Dice, origin: Origin) -> int:
    middle = {"2106-3": 2.5, "2054-5": 5.4, "2028-9": 3.7, "2131-1": 3.9}.get(origin.race[0], 4.0)
    return min(6, max(1, round(dice.bell(middle, 0.7))))


def _plain(name: str) -> str:
    """The name as it stands in an e-mail address."""
    folded = unicodedata.normalize("NFKD", name.translate(_FOLDED))
    return "".join(letter for letter in folded if letter.isascii() and letter.isalnum()).lower()
