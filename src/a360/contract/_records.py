"""What a contract says about records that are not FHIR: rows of extracts, events, attachments.

`a360.source` of a silver dataset says which records make its rows and how their files are read; `a360.field`
of a column says which field of a record the column holds.
"""

from typing import Annotated, Literal

from pydantic import Field

from a360.contract._base import Many, Model, Name
from a360.contract._plan_records import RecordKind

type Encoding = Literal[
    "utf-8",
    "utf-16",
    "latin-1",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
]

Text = Annotated[str, Field(min_length=1)]
Window = Annotated[str, Field(pattern=r"^P(\d{1,4}W|\d{1,5}D(T\d{1,2}H)?|T\d{1,4}[HMS])$")]
"""A length of time after ISO 8601 that has always the same seconds: `P7D`, `P2W`, `P1DT12H`, `PT90M`."""


class TimeField(Model):
    """A field that holds a time, and how it is written there."""

    name: Text
    format: Text | Many[Text] = ()


class Deleted(Model):
    """The field that says a record is gone, and the values that say so."""

    field: Text
    values: Annotated[Many[str], Field(min_length=1)]


class Drift(Model):
    """What happens where a file has other columns, or values of another type, than the contract knows."""

    added: Literal["keep", "refuse"] = "keep"
    dropped: Literal["null", "refuse"] = "refuse"
    retyped: Literal["quarantine", "refuse"] = "quarantine"


class RecordSource(Model):
    """`a360.source`: the records a silver dataset is made of."""

    record: Name
    kinds: Many[RecordKind] = ()
    files: Many[Text] = ()
    key: Many[Text] = ()
    updated: Text | TimeField | None = None
    deleted: Deleted | None = None
    encoding: Encoding = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    skip: Annotated[int, Field(ge=0, le=1000)] = 0
    footer: Text | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'", "_"] | None = None
    symbols: Many[Text] = ()
    negatives: Many[Literal["parentheses", "trailing"]] = ()
    true_words: Many[Text] = ()
    false_words: Many[Text] = ()
    nulls: Many[str] = ("",)
    trim: bool = True
    zone: Text | None = None
    event_time: Text | TimeField | None = None
    dedup_window: Window | None = None
    drift: Drift = Field(default_factory=Drift)

    @property
    def names_another(self) -> bool:
        """Whether it only names a record type, which another contract declares in full."""
        return self.model_fields_set <= {"record"}


class RecordReference(Model):
    """What a field's text means: a resource of a type, by its id or, with a system, by an identifier."""

    type: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{1,63}$")]
    system: Text | None = None


class RecordField(Model):
    """`a360.field` in its long form: the field of a record that a column holds."""

    name: Text | None = None
    aliases: Many[Text] = ()
    path: Many[Text] = ()
    format: Text | Many[Text] = ()
    reference: RecordReference | None = None


def listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text or several as several."""
    return (value,) if isinstance(value, str) else value
