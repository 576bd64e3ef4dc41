"""What all patients share: clinics, rooms, staff, shared devices and lots."""

from dataclasses import dataclass, field
from datetime import date

from a360.synth._clock import Zone
from a360.synth._dice import Dice, Weighted
from a360.synth._fhir import NPI_SYSTEM, PLACE_SYSTEM
from a360.synth._sending import SYSTEMS, SendingSystem, Target
from a360.synth._vocab import ClinicRow, DeviceModel, Vocabulary

PATIENTS_PER_CLINIC = 350
PATIENTS_PER_PRACTITIONER = 70
FEWEST_STAFF = 4
LOT_DAYS = 91
SHELF_DAYS = 540
_DEVICE_AGE = 4 * 365

# Profession, letters after the name, v2-0360 code and display, and what they may do.
PROFESSIONS = (
    ("physician", "MD", ("MD", "Doctor of Medicine"), ("toxin", "filler", "laser", "lift", "peel")),
    ("nurse practitioner", "NP", ("NP", "Nurse Practitioner"), ("toxin", "filler", "laser", "peel")),
    ("registered nurse", "RN", ("RN", "Registered Nurse"), ("toxin", "laser", "peel")),
    (
        "physician assistant",
        "PA-C",
        ("PA", "Physician Assistant"),
        ("toxin", "filler", "laser", "peel", "lift"),
    ),
)


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A member of a clinic's staff; the skill shifts how well treatments turn out."""

    target: Target
    given: str
    family: str
    gender: str
    npi: str
    profession: int
    skill: float

    @property
    def name(self) -> str:
        """The name as it stands in displays and notes."""
        return f"{self.given} {self.family}"

    @property
    def credential(self) -> str:
        """The letters after the name."""
        return PROFESSIONS[self.profession][1]


@dataclass(frozen=True, slots=True)
class SharedDevice:
    """A laser or sensor in a clinic."""

    target: Target
    model: DeviceModel
    serial: str
    lot: str
    made: int


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic with all that stands and works in it."""

    row: ClinicRow
    system: SendingSystem
    zone: Zone
    target: Target
    rooms: tuple[Target, ...]
    staff: tuple[Practitioner, ...]
    devices: dict[str, SharedDevice]

    def able(self, family: str) -> tuple[Practitioner, ...]:
        """The staff who perform treatments of a family."""
        return tuple(person for person in self.staff if family in PROFESSIONS[person.profession][3])


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot of a product as delivered to a clinic."""

    number: str
    expires: int


@dataclass(slots=True)
class World:
    """The clinic group as of a day."""

    seed: int
    until: int
    vocabulary: Vocabulary
    clinics: tuple[Clinic, ...]
    group: Target
    choice: Weighted[Clinic]
    _lots: dict[tuple[str, str, int], Lot] = field(default_factory=dict)

    def lot(self, clinic: Clinic, product: str, day: int, which: int) -> Lot:
        """One of the lots of a product that a clinic had on the shelf that day."""
        period = day // LOT_DAYS * 2 + which
        key = (clinic.row.id, product, period)
        lot = self._lots.get(key)
        if lot is None:
            dice = Dice(self.seed, "lot", *key)
            opened = day // LOT_DAYS * LOT_DAYS
            year = date.fromordinal(opened).year % 100
            number = f"{product[0]}{year:02}{dice.token(2).upper()}{dice.digits(4)}"
            lot = self._lots[key] = Lot(number, opened + SHELF_DAYS + dice.between(0, 120))
        return lot


def build_world(vocabulary: Vocabulary, seed: int, patients: int, until: date) -> World:
    """The clinics that so many patients need, with their staff and devices."""
    rows = vocabulary.places.clinics
    rows = rows[: max(4, min(len(rows), patients // PATIENTS_PER_CLINIC))]
    staff = max(FEWEST_STAFF, patients // len(rows) // PATIENTS_PER_PRACTITIONER)
    clinics = tuple(_clinic(vocabulary, seed, row, staff, until.toordinal()) for row in rows)
    group = vocabulary.places.group
    return World(
        seed=seed,
        until=until.toordinal(),
        vocabulary=vocabulary,
        clinics=clinics,
        group=Target("Organization", group.id, group.name, (PLACE_SYSTEM, group.id)),
        choice=Weighted((clinic, clinic.row.weight) for clinic in clinics),
    )


def _clinic(vocabulary: Vocabulary, seed: int, row: ClinicRow, staff: int, until: int) -> Clinic:
    dice = Dice(seed, "clinic", row.id)
    rooms = tuple(
        Target(
            "Location", f"{row.id}-room-{number}", f"{row.name}, {room}", (PLACE_SYSTEM, f"{row.id}-{number}")
        )
        for number, room in enumerate(vocabulary.places.rooms, start=1)
    )
    return Clinic(
        row=row,
        system=SYSTEMS[row.system],
        zone=vocabulary.zones[row.zone],
        target=Target("Organization", row.id, row.name, (PLACE_SYSTEM, row.id)),
        rooms=rooms,
        staff=tuple(_practitioner(vocabulary, dice, number) for number in range(staff)),
        devices={model.kind: _device(dice, model, until) for model in vocabulary.catalogue.devices},
    )


def _practitioner(vocabulary: Vocabulary, dice: Dice, number: int) -> Practitioner:
    origin = dice.weighted(vocabulary.origins)
    gender = "female" if dice.chance(0.72) else "male"
    given = dice.pick(origin.women if gender == "female" else origin.men)
    family = dice.pick(origin.families)
    npi = _npi(dice)
    identifier = f"prac-{dice.token(12)}"
    return Practitioner(
        target=Target("Practitioner", identifier, f"{given} {family}", (NPI_SYSTEM, npi)),
        given=given,
        family=family,
        gender=gender,
        npi=npi,
        # Four staff are of four professions, so each treatment has someone who performs it.
        profession=number % len(PROFESSIONS),
        skill=dice.bell(0.0, 0.5),
    )


def _npi(dice: Dice) -> str:
    """An NPI with its true check digit that begins with 2, which has never been issued."""
    body = "2" + dice.digits(8)
    total = 24  # the Luhn sum of the prefix 80840 that stands before every NPI
    for place, digit in enumerate(body):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - the digit sum of a two-digit number
    return body + str(-total % 10)


def _device(dice: Dice, model: DeviceModel, until: int) -> SharedDevice:
    serial = f"{model.model}-{dice.digits(6)}"
    return SharedDevice(
        target=Target("Device", f"dev-{dice.token(12)}", model.name),
        model=model,
        serial=serial,
        lot=f"M{dice.digits(5)}",
        made=until - _DEVICE_AGE - dice.between(0, 700),
    )
