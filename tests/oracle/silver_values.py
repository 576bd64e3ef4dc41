"""How a value of FHIR's JSON is read: the small words in which `silver_readings` is written."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

type Json = dict[str, Any]

CLINIC = "https://aesthetics360.example"
SIX_PLACES = Decimal("0.000001")
FIRST_OF_YEAR = "-01-01"
FIRST_OF_MONTH = "-01"
YEAR_LENGTH, MONTH_LENGTH, DAY_LENGTH = 4, 7, 10


def first(items: Iterable[Any] | None, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
    """The first item that is wanted, or an empty object, so that members can be asked of it."""
    for item in items or ():
        if wanted(item):
            return item
    return {}


def day(text: str | None) -> date | None:
    """The calendar day as written: the first ten characters; a year or month alone means its first day."""
    return None if text is None else date.fromisoformat(_whole_day(text))


def _whole_day(text: str) -> str:
    """A day as text, completed where only its year or month is known."""
    if len(text) == YEAR_LENGTH:
        return text + FIRST_OF_YEAR
    if len(text) == MONTH_LENGTH:
        return text + FIRST_OF_MONTH
    return text[:DAY_LENGTH]


def moment(text: str | None) -> datetime | None:
    """The instant; a time without zone is UTC, a day without time is its midnight."""
    if text is None:
        return None
    whole = _whole_day(text) if len(text) <= DAY_LENGTH else text
    read = datetime.fromisoformat(whole)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def amount(number: Decimal | int | None) -> Decimal | None:
    """The number with six decimal places, halves away from zero."""
    return None if number is None else Decimal(number).quantize(SIX_PLACES, rounding=ROUND_HALF_UP)


def text_of(items: list[str] | None) -> str | None:
    """Several texts joined by a space; none if there are none."""
    return " ".join(items) if items else None


def coded(name: str, concept: Json | None) -> Json:
    """Code, system and display of a concept's first coding; `name` is that of the code column."""
    coding = first((concept or {}).get("coding"))
    return {
        name: coding.get("code"),
        f"{name}_system": coding.get("system"),
        f"{name}_display": coding.get("display"),
    }


def code(concept: Json | None) -> str | None:
    """The code alone of a concept's first coding."""
    return first((concept or {}).get("coding")).get("code")


def timed(name: str, text: str | None, date_name: str | None = None) -> Json:
    """An instant and, where named, its local date."""
    row: Json = {name: moment(text)}
    if date_name:
        row[date_name] = day(text)
    return row


def extension(resource: Json, url: str) -> Json:
    """The first extension of this URL."""
    return first(resource.get("extension"), lambda e: e.get("url") == url)


def qualified(identifier: Json) -> str | None:
    """An identifier as `system|value`, as searches write it."""
    value = identifier.get("value")
    return None if value is None else f"{identifier.get('system', '')}|{value}"


def has_code(concept: Json | None, wanted: str) -> bool:
    """Whether any coding of the concept has this code."""
    return any(c.get("code") == wanted for c in (concept or {}).get("coding", []))


def clinic_code(concepts: list[Json] | None, table: str) -> str | None:
    """The code that the clinics' own code system gives, whichever coding it is."""
    codings = [coding for concept in concepts or [] for coding in concept.get("coding", [])]
    return first(codings, lambda c: c.get("system") == f"{CLINIC}/CodeSystem/{table}").get("code")


def clinic_extension(r: Json, name: str) -> Json:
    """The clinics' own extension of this name."""
    return extension(r, f"{CLINIC}/StructureDefinition/{name}")
