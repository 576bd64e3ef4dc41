"""Releases: what each method of de-identification lets out of a gold dataset, and in what form.

A contract says of each column of a release what its values are, an `Element`; a profile says which elements
may leave, and how. What is not declared does not leave.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from a360.contract._policy import MaskMethod

type Profile = Literal["safe_harbor", "limited", "expert"]
type Element = Literal[
    "value",
    "state",
    "country",
    "date",
    "birth_date",
    "age",
    "zip",
    "place",
    "patient",
    "record",
    "name",
    "address",
    "telephone",
    "fax",
    "email",
    "ssn",
    "medical_record",
    "health_plan",
    "account",
    "certificate",
    "vehicle",
    "device",
    "url",
    "ip_address",
    "biometric",
    "photograph",
    "text",
]

LEAST_K: Final = 11
LEAST_L: Final = 2


@dataclass(frozen=True, slots=True)
class ElementRule:
    """What the Privacy Rule says of an element.

    Attributes:
        letter: Its paragraph in the list of identifiers that Safe Harbor removes, 164.514(b)(2)(i); none for
            what is on no list. Free text is on none, and may hold all of them.
        direct: Whether a limited data set excludes it, 164.514(e)(2), and so every method of release here.
        types: The physical types its values have.
        forms: The methods that make Safe Harbor let it pass; what is empty passes as it is, or not at all.
        says: What it is.
    """

    letter: str
    direct: bool
    types: frozenset[str]
    says: str
    forms: tuple[MaskMethod, ...] = ()


_TEXT = frozenset({"string"})
_DAY = frozenset({"date", "timestamptz"})
_YEARS = frozenset({"int", "long"})
_ANY = frozenset({"string", "boolean", "int", "long", "double", "decimal", "date", "timestamptz"})


def _direct(letter: str, says: str) -> ElementRule:
    return ElementRule(letter, direct=True, types=_ANY | {"binary"}, says=says)


ELEMENTS: Final[Mapping[str, ElementRule]] = MappingProxyType(
    {
        "value": ElementRule(
            "",
            direct=False,
            types=_ANY - _DAY,
            says="A finding, code, amount or count that many people may have.",
        ),
        "state": ElementRule("", direct=False, types=_TEXT, says="A state of the United States."),
        "country": ElementRule("", direct=False, types=_TEXT, says="A country."),
        "date": ElementRule(
            "C",
            direct=False,
            types=_DAY | _YEARS,
            says="A date or time of something that happened to a person, or its year.",
            forms=("year",),
        ),
        "birth_date": ElementRule(
            "C",
            direct=False,
            types=_DAY | _YEARS,
            says="A date of birth, or its year.",
            forms=("year", "age_band"),
        ),
        "age": ElementRule(
            "C", direct=False, types=_YEARS, says="An age in years at an event.", forms=("age_band",)
        ),
        "zip": ElementRule(
            "B", direct=False, types=_TEXT, says="A ZIP code, or its first digits.", forms=("zip3",)
        ),
        "place": ElementRule(
            "B",
            direct=False,
            types=_ANY,
            says="A place smaller than a state and larger than a street: a city, a county, a clinic.",
        ),
        "patient": ElementRule(
            "R", direct=False, types=_TEXT, says="The patient's token, which leaves as a code."
        ),
        "record": ElementRule(
            "R",
            direct=False,
            types=_ANY,
            says="Another unique number or code: of a visit, an order, a source.",
        ),
        "name": _direct("A", "A name."),
        "address": _direct("B", "A street address."),
        "telephone": _direct("D", "A telephone number."),
        "fax": _direct("E", "A fax number."),
        "email": _direct("F", "An e-mail address."),
        "ssn": _direct("G", "A social security number."),
        "medical_record": _direct("H", "A medical record number."),
        "health_plan": _direct("I", "A number of a health plan's beneficiary."),
        "account": _direct("J", "An account number."),
        "certificate": _direct("K", "A number of a certificate or licence."),
        "vehicle": _direct("L", "An identifier or serial number of a vehicle, or a plate."),
        "device": _direct("M", "An identifier or serial number of a device."),
        "url": _direct("N", "A web address."),
        "ip_address": _direct("O", "An IP address."),
        "biometric": _direct("P", "A fingerprint, a voiceprint or the like."),
        "photograph": _direct("Q", "A photograph of the full face, or a comparable picture."),
        "text": _direct("", "Free text, which may hold any of them."),
    }
)
"""Every element. Of those with a letter, Safe Harbor's list has eighteen, A to R."""

SHIFTED: Final = "date_shift"
LEFT_OUT: Final = "null"
"""A column of this method is no column of what leaves."""

METHODS: Final[tuple[MaskMethod, ...]] = ("null", "year", "age_band", "zip3", "date_shift")
"""The masks by which a column of a release can be made to tell less. A part of an identifier (`last4`) or its
digest (`hash`) is an identifier still."""

_NEVER_SAFE = frozenset({"place", "record"})
_NEVER_EXPERT = frozenset({"record"})
TELLING: Final = frozenset({"date", "birth_date", "age", "zip", "place", "state"})
"""What others can know of a person: expert determination measures over it, unless it was moved by days."""


def why_not(  # noqa: PLR0911 -- a reason each
    profile: Profile, element: str, type_: str, method: MaskMethod | None
) -> str | None:
    """Why a profile cannot let a column pass as it is declared; None where it can.

    `type_` is the name of a physical type, without its precision.
    """
    rule = ELEMENTS[element]
    if method == LEFT_OUT:
        return None
    if type_ not in rule.types:
        return f"{element} is no {type_}"
    if rule.direct:
        return f"{element} never leaves ({'164.514(e)(2)' if profile == 'limited' else '164.514(b)'})"
    if element == "patient":
        return "a patient's token leaves as a code, under no mask" if method else None
    if profile == "safe_harbor":
        return _why_not_safe(rule, element, type_, method)
    if method == SHIFTED and element not in {"date", "birth_date"}:
        return f"days are moved in dates, and this is {element}"
    tells = profile == "expert" and element in _NEVER_EXPERT
    return f"{element} tells one row from all others" if tells else None


def _why_not_safe(rule: ElementRule, element: str, type_: str, method: MaskMethod | None) -> str | None:
    place = f"164.514(b)(2)(i)({rule.letter})"
    if element in _NEVER_SAFE:
        return f"Safe Harbor removes {element} ({place})"
    if not rule.forms:
        return None
    if method is None:
        # Years and ages may be made by the model: what they are is looked at when they leave.
        made = type_ in _YEARS
        return None if made else f"Safe Harbor lets {element} pass by {' or '.join(rule.forms)} ({place})"
    return None if method in rule.forms else f"{method} is not enough of {element} for Safe Harbor ({place})"


@dataclass(frozen=True, slots=True)
class ReleasedColumnPlan:
    """How a column leaves: what its values are, by which mask, and the list that its texts are of, if any."""

    name: str
    type: str
    element: str
    method: MaskMethod | None = None
    listed: tuple[str, ...] | None = None

    @property
    def leaves(self) -> bool:
        """Whether what leaves has it."""
        return self.method != LEFT_OUT


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """A gold dataset that is made to be let out.

    Attributes:
        dataset: The dataset.
        version: The version of its contract.
        profile: The method of de-identification, or `limited` for a limited data set.
        columns: Every column of the dataset.
        quasi_identifiers: What others may know of a person; with the same of it, rows are of one class.
        sensitive: What nobody is to learn by knowing to which class a person belongs.
        k: How many patients a class has at least; also how many have a text that is of no list.
        l: How many values of each sensitive column a class has at least.
        suppress: The largest share of rows that may be left out, or have a value taken out, to get there.
        agreement: The data use agreement of a limited data set.
        determination: Where the expert's determination is documented.
    """

    dataset: str
    version: str
    profile: Profile
    columns: tuple[ReleasedColumnPlan, ...]
    quasi_identifiers: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    k: int = LEAST_K
    l: int = LEAST_L  # noqa: E741 - as k-anonymity and l-diversity are written
    suppress: Decimal = field(default=Decimal(0))
    agreement: str = ""
    determination: str = ""

    @property
    def subject(self) -> str | None:
        """The column that says whose a row is, if there is one."""
        return next((each.name for each in self.columns if each.element == "patient"), None)

    @property
    def leaving(self) -> tuple[ReleasedColumnPlan, ...]:
        """The columns of what leaves."""
        return tuple(each for each in self.columns if each.leaves)
