"""The part of a plan that is about records: rows of extracts, events, attachments."""

from dataclasses import dataclass, field
from typing import Literal

from a360.contract._canonical import fingerprint_of

type RecordKind = Literal["csv", "parquet", "events", "attachments"]


@dataclass(frozen=True, slots=True)
class RecordReferencePlan:
    """What a text means: a resource of a type by its id or, with a system, by an identifier."""

    type: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """A field of a record: by which names it is found, and how it is read.

    `names` are the field's name and its aliases; a `path` leads through the members of an event instead.
    `type` is the physical type it is read as, `column` the column that holds it, empty where none does.
    `formats` are patterns of dates and times; the first that fits reads a text, without any it is ISO 8601.
    `record` is the type of the record that the text names, where keys of such records are tokens.
    """

    column: str
    type: str
    names: tuple[str, ...]
    path: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    reference: RecordReferencePlan | None = None
    identifier: bool = False
    record: str = ""


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """How records of one type become rows of a silver dataset: what a step over records carries out.

    `id_column` holds the record's key as it stands in the envelope; `fields` are all other columns that come
    out of the record, in the order of the columns. `dedup_window` is how many seconds after an event its key
    still means it; later, the key has been used again. The rest says how texts are to be read.
    """

    record: str
    id_column: str
    fields: tuple[FieldPlan, ...]
    kinds: tuple[RecordKind, ...] = ("csv",)
    decimal: str = "."
    thousands: str | None = None
    symbols: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    true_words: tuple[str, ...] = ()
    false_words: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ("",)
    trim: bool = True
    zone: str | None = None
    dedup_window: int | None = None


@dataclass(frozen=True, slots=True)
class DriftPlan:
    """What happens where a file has other columns, or values of another type, than the contract knows."""

    added: Literal["keep", "refuse"] = "keep"
    dropped: Literal["null", "refuse"] = "refuse"
    retyped: Literal["quarantine", "refuse"] = "quarantine"


@dataclass(frozen=True, slots=True)
class ReceptionPlan:
    """How records of one type are received: which files they lie in, how these are read, what names a record.

    `record` has the fields of all `datasets` that are made of the records. The fields of `key` name a record;
    its key is a token where `identifier`. `updated` orders versions, `deleted` with `deleted_values` says
    that a record is gone, `event_time` when an event happened.
    """

    record: RecordPlan
    files: tuple[str, ...]
    key: tuple[FieldPlan, ...]
    identifier: bool = False
    updated: FieldPlan | None = None
    deleted: FieldPlan | None = None
    deleted_values: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    skip: int = 0
    footer: str | None = None
    event_time: FieldPlan | None = None
    drift: DriftPlan = field(default_factory=DriftPlan)
    datasets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The record type."""
        return self.record.record

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, how records are received does."""
        return fingerprint_of(self)

    @property
    def kinds(self) -> tuple[RecordKind, ...]:
        """What files of the record type are."""
        return self.record.kinds
