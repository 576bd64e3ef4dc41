"""What is said of a note beside its text: the fields of a manifest, a sidecar or front matter, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final, Literal, Self, get_args

type Status = Literal["preliminary", "final", "amended", "entered-in-error"]

STATUSES: Final[tuple[str, ...]] = get_args(Status.__value__)
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LOINC: Final = re.compile(r"\d{1,7}-\d")
_MEDIA_TYPE: Final = re.compile(r"text/[A-Za-z0-9.+-]+(;.*)?")
_FENCE: Final = "---"
_MOST_FRONT_MATTER: Final = 64
_TIMES: Final = ("created_at", "updated_at", "period_start", "period_end")
_IDS: Final = ("patient", "encounter", "author")


class FieldError(ValueError):
    """A field does not say what it must; the message names the field and never its value."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


@dataclass(frozen=True, slots=True)
class NoteFields:
    """The fields of a note. Ids are logical ids of the same source; identifiers are `system|value`."""

    file: str | None = None
    text: str | None = None
    content_type: str | None = None
    note_id: str | None = None
    patient: str | None = None
    patient_identifier: str | None = None
    encounter: str | None = None
    encounter_identifier: str | None = None
    author: str | None = None
    author_identifier: str | None = None
    author_role: str | None = None
    type: str | None = None
    type_display: str | None = None
    title: str | None = None
    language: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    period_start: str | None = None
    period_end: str | None = None
    status: str | None = None
    amends: str | None = None
    appends: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Self:
        """The fields of a row; what is empty is not given.

        Raises:
            FieldError: a field that no note has, or whose value cannot be what it says.
        """
        values: dict[str, str] = {}
        for name, value in row.items():
            if name not in FIELDS:
                raise FieldError(_shown(name), "no field of a note")
            if value is None or value == "":
                continue
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                raise FieldError(name, "no text")
            values[name] = str(value) if name == "text" else str(value).strip()
        found = cls(**{name: value for name, value in values.items() if value})
        found._check()
        return found

    def _check(self) -> None:
        for name in _IDS:
            value = getattr(self, name)
            if value is not None and not _FHIR_ID.fullmatch(value):
                raise FieldError(name, "no logical id: 1 to 64 letters, digits, `-` and `.`")
            if value is not None and getattr(self, f"{name}_identifier") is not None:
                raise FieldError(name, f"and {name}_identifier say the same; give one of them")
            identifier = getattr(self, f"{name}_identifier")
            if identifier is not None and not all(identifier.partition("|")[::2]):
                raise FieldError(f"{name}_identifier", "not written as system|value")
        for name in _TIMES:
            checked_time(name, getattr(self, name))
        if self.status is not None and self.status not in STATUSES:
            raise FieldError("status", f"none of {', '.join(STATUSES)}")
        if self.language is not None and not _LANGUAGE.fullmatch(self.language):
            raise FieldError("language", "no language tag, as en or en-GB")
        if self.content_type is not None and not _MEDIA_TYPE.fullmatch(self.content_type):
            raise FieldError("content_type", "no type of text, as text/plain")
        if self.amends is not None and self.appends is not None:
            raise FieldError("amends", "and appends are given; a note is the one or the other")

    @property
    def names_patient(self) -> bool:
        """Whether they say whose note it is."""
        return bool(self.patient or self.patient_identifier)

    @property
    def is_loinc(self) -> bool:
        """Whether the type is written as a LOINC code."""
        return self.type is not None and _LOINC.fullmatch(self.type) is not None


FIELDS: Final = frozenset(field.name for field in fields(NoteFields))
"""The names of all fields of a note."""


def checked_time(name: str, value: str | None) -> str | None:
    """A time or a date as FHIR writes it: a time without offset is UTC.

    Raises:
        FieldError: it is neither.
    """
    if value is None:
        return None
    try:
        if len(value) == len("2026-01-01"):
            return date.fromisoformat(value).isoformat()
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError(name, "no date or time of ISO 8601, as 2026-03-01T09:30:00+01:00") from None
    text = moment.isoformat()
    return text if moment.tzinfo else f"{text}Z"


def is_fhir_id(text: str) -> bool:
    """Whether a text can be the logical id of a resource."""
    return _FHIR_ID.fullmatch(text) is not None


def split_front_matter(text: str) -> tuple[dict[str, str], str]:
    """The fields between two lines of dashes at the head of a text, and the rest; none where it has no such.

    A line is `field: value`; a value may stand in quotes. Unless every line is one of a known field, what
    stands there is part of the note.
    """
    lines = text.removeprefix("\ufeff").split("\n", _MOST_FRONT_MATTER)
    if lines[0].rstrip() != _FENCE:
        return {}, text
    ends = [at for at, line in enumerate(lines[1:_MOST_FRONT_MATTER], start=1) if line.rstrip() == _FENCE]
    if not ends:
        return {}, text
    found: dict[str, str] = {}
    for line in lines[1 : ends[0]]:
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or name.strip() not in FIELDS:
            return {}, text
        found[name.strip()] = _unquoted(value.strip())
    return found, "\n".join(lines[ends[0] + 1 :])


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in {'"', "'"}
    return value[1:-1] if quoted else value


def _shown(name: str) -> str:
    """A field's name as a message may show it: a header could be anything, names of people included."""
    return name if re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name) else "a column"
