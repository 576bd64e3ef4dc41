"""What stands in place of an identifier: the same for the same thing of the same patient."""

# ruff: noqa: RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import cycle
from types import MappingProxyType
from typing import Final, Literal, Protocol

import pyarrow as pa

from a360.protect import Tokenizer, shift_days
from a360.trust.deid._dates import find_dates, read_date, without_weekday, written
from a360.trust.deid._fold import fold, solid, words
from a360.trust.deid._lexicon import surrogate_names
from a360.trust.deid._spans import Identifier, Span

type Method = Literal["surrogate", "redact"]
METHODS: Final[tuple[Method, ...]] = ("surrogate", "redact")

_DAYS: Final = "deid:days"
_THINGS: Final = "deid:surrogate"
_EPOCH: Final = date(2000, 1, 1)
_TOWNS: Final = (
    "Ashport", "Brayfield", "Calder Springs", "Dunmere", "Eastholm", "Fernley Cross", "Garrow",
    "Harlow Point", "Ironvale", "Juniper Falls", "Kestrel Bay", "Lindenburg", "Marlow Heights", "Norbury",
    "Oakhaven", "Pinecrest",
)  # fmt: skip


class Replacing(Protocol):
    """Says what stands in place of a span."""

    def __call__(self, text: str, span: Span, patient_key: str) -> str:
        """The replacement; never the text of the span itself."""
        ...


def redaction(text: str, span: Span, patient_key: str) -> str:  # noqa: ARG001 -- a port
    """The type of a span, in brackets."""
    return f"[{span.type}]"


class Surrogates:
    """Made-up values of the same kind and form, keyed by the lake's secret and the patient.

    Numbers keep their form and begin as no such number of a person does; addresses of the network are of
    ranges kept for documentation (RFC 2606, 3849, 5737). Dates move by the patient's own days.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._names = surrogate_names()
        self._made: dict[tuple[str, str, str], str] = {}
        self._shifts: dict[str, timedelta] = {}

    def __call__(self, text: str, span: Span, patient_key: str) -> str:
        """The surrogate of a span."""
        value = text[span.start : span.end]
        made = _MAKERS.get(span.type)
        if span.type is Identifier.NAME:
            return self._name(value, span, patient_key)
        if span.type is Identifier.DATE:
            return self._date(value, patient_key)
        secret = self._secret(patient_key, span.type, solid(value))
        new = made(value, secret) if made else _same_form(value, secret)
        return new if new != value else f"[{span.type}]"

    def _name(self, value: str, span: Span, patient_key: str) -> str:
        """Word by word, so that who is named in part has the part of the same surrogate."""
        if len(solid(value)) <= 3 and ("." in value or value.isupper()):  # noqa: PLR2004 -- initials
            return self._initials(value, patient_key)
        if re.fullmatch(r"\w(?:[-–]\w){3,}", value):
            spelled = self._word(solid(value), patient_key).upper()
            return "-".join(spelled)
        pieces, last = [], 0
        found = words(fold(value))
        for word, start, end in found:
            stands_for = span.stands_for if span.stands_for and len(found) == 1 else word
            pieces += [value[last:start], _cased(self._word(stands_for, patient_key), value[start:end])]
            last = end
        return "".join([*pieces, value[last:]])

    def _initials(self, value: str, patient_key: str) -> str:
        letters = iter(self._secret(patient_key, "initials", solid(value)))
        return "".join(chr(65 + next(letters) % 26) if each.isalpha() else each for each in value)

    def _word(self, word: str, patient_key: str) -> str:
        secret = self._secret(patient_key, Identifier.NAME, word)
        at = int.from_bytes(secret[:4]) % len(self._names)
        name = self._names[at]
        return self._names[(at + 1) % len(self._names)] if fold(name) == word else name

    def _date(self, value: str, patient_key: str) -> str:
        """The day, moved, in the same spelling; one that cannot be understood is redacted.

        A day of the week goes: with the moved date it would tell by how much.
        """
        plain = without_weekday(value)
        for each in find_dates(plain):
            if (each.start, each.end) == (0, len(plain)):
                day = each.day or _without_year(plain, each.form)
                moved = written(day - self._shift(patient_key), plain, each.form) if day else None
                if moved and moved != value:
                    return moved
        return f"[{Identifier.DATE}]"

    def _shift(self, patient_key: str) -> timedelta:
        if patient_key not in self._shifts:
            token = self._tokenizer.tokens(_DAYS, pa.array([patient_key]))
            moved = shift_days(pa.array([_EPOCH], pa.date32()), token)[0].as_py()
            self._shifts[patient_key] = _EPOCH - moved
        return self._shifts[patient_key]

    def _secret(self, patient_key: str, kind: str, value: str) -> bytes:
        key = (patient_key, kind, value)
        if key not in self._made:
            self._made[key] = self._tokenizer.tokens(_THINGS, pa.array(["|".join(key)]))[0].as_py()
        return bytes.fromhex(self._made[key])

    def forget(self) -> None:
        """Let go of what was made for the texts so far."""
        self._made.clear()
        self._shifts.clear()


def _without_year(value: str, form: str) -> date | None:
    """A day of a year that is none of the text's: enough to move a month and a day."""
    separator = "/" if form == "month_slash_day" else " "
    year = "2023"
    match form:
        case "month_slash_day":
            return read_date(f"{value}{separator}{year}", "numbers")
        case "month_day":
            return read_date(
                re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", value, flags=re.IGNORECASE) + f", {year}", form
            )
        case "day_month":
            return read_date(f"{value} {year}", form)
        case "spanish":
            return read_date(f"{value} de {year}", form)
        case _:
            return None


def _cased(name: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return name.upper()
    return name.lower() if like.islower() else name


def _same_form(value: str, secret: bytes, first: str = "0") -> str:
    """Digits for digits and letters for letters, the rest as it stands; the first digits are `first`."""
    stream = cycle(secret)
    lead = iter(first)
    made = []
    for each in value:
        if each.isdigit():
            made.append(next(lead, None) or str(next(stream) % 10))
        elif each.isalpha():
            made.append(chr((65 if each.isupper() else 97) + next(stream) % 26))
        else:
            made.append(each)
    return "".join(made)


def _phone(value: str, secret: bytes) -> str:
    """A number of the exchange 555, of which 0100 to 0199 are given to nobody."""
    bare = re.sub(r"\D", "", value)
    if len(bare) == 10 and not value.startswith("+"):  # noqa: PLR2004 -- of the North American plan
        return _same_form(value, secret, first=f"{200 + secret[0] % 700}55501{secret[1] % 100:02d}")
    return _same_form(value, secret, first="" if not value.startswith("+") else "1200555")


def _street(value: str, secret: bytes) -> str:
    if not any(each.isdigit() for each in value):
        return _TOWNS[secret[0] % len(_TOWNS)]
    return f"{1 + int.from_bytes(secret[:2]) % 9998} {_TOWNS[secret[2] % len(_TOWNS)].split(' ')[0]} Street"


def _file(value: str, secret: bytes) -> str:
    return f"image-{secret.hex()[:8]}.{value.rsplit('.', 1)[-1].lower()}"


_MAKERS: Final[Mapping[Identifier, Callable[[str, bytes], str]]] = MappingProxyType(
    {
        Identifier.AGE: lambda _, __: "90+",
        Identifier.ADDRESS: _street,
        Identifier.ZIP: lambda value, secret: _same_form(value, secret, first="000"),
        Identifier.PHONE: _phone,
        Identifier.FAX: _phone,
        Identifier.EMAIL: lambda _, secret: f"person-{secret.hex()[:8]}@example.org",
        Identifier.URL: lambda _, secret: f"https://example.org/{secret.hex()[:8]}",
        Identifier.IP: lambda value, secret: (
            f"2001:db8::{secret.hex()[:4]}" if ":" in value else f"192.0.2.{secret[0]}"
        ),
        Identifier.SSN: lambda value, secret: _same_form(value, secret, first="000"),
        Identifier.PHOTO: _file,
        Identifier.EMPLOYER: lambda _, __: "[EMPLOYER]",
    }
)
