"""The room's tables (`data/*.yaml`), typed and checked when they are read."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from a360.synth._clock import Zone
from a360.synth._dice import Weighted

CodePair = tuple[str, str]
Family = Literal["toxin", "filler", "laser", "peel", "lift"]
_OPEN_ENDED = 99


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table; an unknown field is a typing error in the table."""


class Site(_Row, frozen=True):
    """A place of the body where something is given."""

    code: str
    name: str
    snomed: CodePair | None = None


class Product(_Row, frozen=True):
    """What is injected or applied; `factor` scales the usual amount (toxins have units of their own)."""

    code: str
    name: str
    ingredient: str
    maker: str
    factor: float
    hcpcs: str | None = None


class Treatment(_Row, frozen=True):
    """An entry of the clinic's catalogue."""

    code: str
    name: str
    family: Family
    sites: dict[str, tuple[float, float, float]]
    unit: str
    interval: tuple[int, int]
    sessions: tuple[int, int]
    minutes: int
    weight: tuple[float, float]
    ages: tuple[int, int, int]
    effect: float
    concern: str
    products: tuple[str, ...] = ()
    device: str | None = None

    @property
    def lasting(self) -> bool:
        """Whether it is repeated for as long as the patient likes, and not a course with an end."""
        return self.sessions[1] == _OPEN_ENDED


class DeviceModel(_Row, frozen=True):
    """A laser or sensor that stands in a clinic."""

    kind: str
    name: str
    maker: str
    model: str
    gtin: str


class Catalogue(_Row, frozen=True):
    """What the clinics offer, and when."""

    sites: tuple[Site, ...]
    products: tuple[Product, ...]
    treatments: tuple[Treatment, ...]
    devices: tuple[DeviceModel, ...]
    seasons: dict[str, tuple[float, ...]]
    weekdays: tuple[float, ...]


class Concern(_Row, frozen=True):
    """Why a patient comes."""

    code: str
    icd10: str
    display: str
    text: str
    snomed: CodePair | None = None


class History(_Row, frozen=True):
    """A condition a patient may bring along."""

    icd10: str
    display: str
    share: float
    youngest: int
    snomed: CodePair | None = None


class Allergen(_Row, frozen=True):
    """What a patient may not tolerate."""

    system: Literal["rxnorm", "snomed"]
    code: str
    display: str
    category: Literal["medication", "environment", "food"]
    weight: float


class Reaction(_Row, frozen=True):
    """How intolerance shows."""

    code: str
    display: str
    weight: float


class Drug(_Row, frozen=True):
    """A prescription that goes with treatments of some families."""

    code: str
    display: str
    text: str
    sig: str
    dose: float
    unit: str
    route: CodePair
    families: tuple[Family, ...]
    share: float


class Vaccine(_Row, frozen=True):
    """A vaccine given beside or reported by the patient."""

    cvx: str
    display: str
    maker: str
    dose: float
    weight: float


class Harm(_Row, frozen=True):
    """An adverse event and how many days after the treatment it is noticed."""

    code: str
    text: str
    severity: Literal["mild", "moderate", "severe"]
    serious: bool
    days: tuple[int, int]
    weight: float
    snomed: CodePair | None = None


class Cancellation(_Row, frozen=True):
    """Why an appointment was cancelled."""

    code: str
    display: str
    weight: float


class Clinical(_Row, frozen=True):
    """Conditions, allergies, drugs, vaccines and harms."""

    concerns: tuple[Concern, ...]
    histories: tuple[History, ...]
    allergies: tuple[Allergen, ...]
    reactions: tuple[Reaction, ...]
    prescriptions: tuple[Drug, ...]
    vaccines: tuple[Vaccine, ...]
    adverse_events: dict[Family, tuple[Harm, ...]]
    cancellations: tuple[Cancellation, ...]


class Group(_Row, frozen=True):
    """The organization above the clinics."""

    id: str
    name: str
    phone: str


class ClinicRow(_Row, frozen=True):
    """A clinic, the system it sends from and the country around it."""

    id: str
    name: str
    system: Literal["main", "legacy", "partner"]
    zone: str
    state: str
    zip3: str
    area: str
    towns: tuple[str, ...]
    weight: float


class Places(_Row, frozen=True):
    """The group, its clinics, their rooms and invented streets."""

    group: Group
    clinics: tuple[ClinicRow, ...]
    zones: dict[str, tuple[int, bool]]
    rooms: tuple[str, ...]
    streets: tuple[str, ...]


class Origin(_Row, frozen=True):
    """A stock of names with the race and language that usually go with it."""

    weight: float
    race: CodePair
    hispanic: float
    language: CodePair
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


class Names(_Row, frozen=True):
    """All stocks of names."""

    origins: tuple[Origin, ...]


def _read[T](name: str, kind: type[T]) -> T:
    text = (files("a360.synth") / "data" / f"{name}.yaml").read_bytes()
    return msgspec.yaml.decode(text, type=kind)


class Vocabulary:
    """Every table, with the look-ups and choices that are used per record."""

    def __init__(self) -> None:
        self.catalogue = _read("treatments", Catalogue)
        self.clinical = _read("clinical", Clinical)
        self.places = _read("places", Places)
        self.notes = _read("notes", dict[str, tuple[str, ...]])
        self.sites = {site.code: site for site in self.catalogue.sites}
        self.products = {product.code: product for product in self.catalogue.products}
        self.concerns = {concern.code: concern for concern in self.clinical.concerns}
        self.zones = {name: Zone(*zone) for name, zone in self.places.zones.items()}
        self.origins = Weighted((origin, origin.weight) for origin in _read("names", Names).origins)
        self.allergies = _by_weight(self.clinical.allergies)
        self.reactions = _by_weight(self.clinical.reactions)
        self.vaccines = _by_weight(self.clinical.vaccines)
        self.cancellations = _by_weight(self.clinical.cancellations)
        self.harms = {family: _by_weight(harms) for family, harms in self.clinical.adverse_events.items()}


def _by_weight[W: (Allergen, Reaction, Vaccine, Cancellation, Harm)](rows: Sequence[W]) -> Weighted[W]:
    return Weighted((row, row.weight) for row in rows)


@cache
def vocabulary() -> Vocabulary:
    """The tables, read once in a process."""
    return Vocabulary()
