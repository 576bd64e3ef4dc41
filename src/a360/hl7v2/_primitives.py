"""ER7 values to FHIR primitives; what does not fit the FHIR type comes back as None."""

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any

_DTM = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?(?P<hour>\d\d)?(?P<minute>\d\d)?(?P<second>\d\d)?"
    r"(?P<fraction>\.\d{1,9})?(?P<zone>[+-]\d{4})?\Z"
)
_TM = re.compile(r"(\d\d):?(\d\d)?:?(\d\d)?(\.\d+)?(?:[+-]\d{4})?\Z")
_INTEGER = re.compile(r"[+-]?\d{1,18}\Z")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z")
_DAY_DIGITS = 8
_MAX_OFFSET = 14 * 60

type Primitive = str | int | float | bool


def date_time(text: str, zone: str = "+00:00") -> str | None:
    """A FHIR dateTime; a time of day without an offset gets `zone`, as FHIR wants one."""
    match = _DTM.match(text.strip())
    if match is None:
        return None
    year, month, day, hour = match["year"], match["month"], match["day"], match["hour"]
    if hour is None or day is None:
        return _date(year, month, day)
    minute, second = match["minute"] or "00", match["second"] or "00"
    offset = match["zone"]
    found_zone = f"{offset[:3]}:{offset[3:]}" if offset else zone
    found = f"{year}-{month}-{day}T{hour}:{minute}:{second}{match['fraction'] or ''}{found_zone}"
    return found if _is_moment(f"{year}-{month}-{day}T{hour}:{minute}:{second}", found_zone) else None


def date(text: str) -> str | None:
    """A FHIR date: the day of whatever was sent."""
    match = _DTM.match(text.strip())
    return _date(match["year"], match["month"], match["day"]) if match else None


def instant(text: str, zone: str = "+00:00") -> str | None:
    """A FHIR instant, which has a time to the second; midnight if only the day was sent."""
    found = date_time(text, zone)
    if found is None or "T" in found:
        return found
    return f"{found}T00:00:00{zone}" if len(found) == len("2000-01-01") else None


def time(text: str) -> str | None:
    """A FHIR time of day."""
    match = _TM.match(text.strip())
    if match is None:
        return None
    hour, minute, second = match[1], match[2] or "00", match[3] or "00"
    fits = int(hour) < 24 and int(minute) < 60 and int(second) < 60  # noqa: PLR2004 - the clock
    return f"{hour}:{minute}:{second}{match[4] or ''}" if fits else None


def zone_of(text: str) -> str | None:
    """The offset a time was sent with."""
    match = _DTM.match(text.strip())
    found = match["zone"] if match else None
    return f"{found[:3]}:{found[3:]}" if found else None


def integer(text: str) -> int | None:
    """A whole number."""
    text = text.strip()
    return int(text) if _INTEGER.match(text) else None


def decimal(text: str) -> int | float | None:
    """A number."""
    text = text.strip()
    if _INTEGER.match(text):
        return int(text)
    found = float(text) if _DECIMAL.match(text) else None
    return found if found is None or isfinite(found) else None


def boolean(text: str) -> bool | None:
    """Yes or no, as table 0136 writes it."""
    return {"Y": True, "1": True, "N": False, "0": False}.get(text.strip().upper()[:1])


def code(text: str) -> str | None:
    """A code: no spaces at its ends, none doubled inside."""
    return " ".join(text.split()) or None


def string(text: str) -> str | None:
    """Text that says something."""
    return text if text.strip() else None


def uri(text: str) -> str | None:
    """A URI, which has no spaces."""
    text = text.strip()
    return text if len(text.split()) == 1 else None


def positive(text: str) -> int | None:
    """A whole number above nought."""
    found = integer(text)
    return found if found is not None and found > 0 else None


def unsigned(text: str) -> int | None:
    """A whole number, nought or above."""
    found = integer(text)
    return found if found is not None and found >= 0 else None


def base64(text: str) -> str:
    """The bytes of a text, in base 64."""
    return b64encode(text.encode()).decode("ascii")


BY_TYPE: dict[str, Callable[[str], Any]] = {
    "boolean": boolean,
    "canonical": uri,
    "code": code,
    "date": date,
    "decimal": decimal,
    "id": code,
    "integer": integer,
    "markdown": string,
    "oid": uri,
    "positiveInt": positive,
    "string": string,
    "time": time,
    "unsignedInt": unsigned,
    "uri": uri,
    "url": uri,
    "uuid": uri,
}
ZONED: dict[str, Callable[[str, str], str | None]] = {"dateTime": date_time, "instant": instant}


def _date(year: str, month: str | None, day: str | None) -> str | None:
    found = "-".join(part for part in (year, month, day) if part)
    return found if _is_moment(f"{year}-{month or '01'}-{day or '01'}T00:00:00", "+00:00") else None


def _is_moment(local: str, zone: str) -> bool:
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours * 60 + minutes > _MAX_OFFSET or minutes > 59:  # noqa: PLR2004 - the clock
        return False
    try:
        datetime.fromisoformat(local)
    except ValueError:
        return False
    return True
