"""The plan of a lake: plain, typed, frozen values that everything else carries out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from a360.contract._canonical import fingerprint_of
from a360.contract._disclosure import ReleasePlan
from a360.contract._plan_records import ReceptionPlan, RecordPlan
from a360.contract._policy import PolicyPlan
from a360.contract._rules import DatasetRule, InCodes, RowRule
from a360.contract._vocabularies import VOCABULARIES
from a360.errors import UsageError

if TYPE_CHECKING:
    from a360.contract._carriers import Carriers

type Zone = Literal["bronze", "silver", "gold", "quarantine", "ops"]
type Transform = Literal["identity", "year", "month", "day", "hour", "bucket", "truncate"]


# The datasets by which references are resolved: by identifiers, past merged patients, and along with visits
# that were moved. They are made one after the other, before all that have references.
LOOKED_UP = ("silver.identifier", "silver.patient_link", "silver.encounter_move")


@dataclass(frozen=True, slots=True)
class ReferencePlan:
    """A column that names rows of another dataset.

    Several references of one column make it polymorphic; `resource_type` tells which of them a raw FHIR
    reference means, and is empty where the target is not made of one resource type.
    """

    column: str
    dataset: str
    target_column: str
    resource_type: str = ""


@dataclass(frozen=True, slots=True)
class DerivedPlan:
    """What a column tells of the text that the column `of` holds sealed."""

    of: str
    measure: Literal["sections", "characters", "words", "digest"]


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """A column as the contract declares it; `type` is a physical type such as `long` or `decimal(18,6)`.

    `seal` names the column with the media type of the document whose text this one holds, sealed.
    """

    name: str
    type: str
    required: bool
    field_id: int
    sensitivity: str
    token: str | None = None
    doc: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[ReferencePlan, ...] = ()
    seal: str | None = None
    derived: DerivedPlan | None = None


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """One field of a table's partitioning; `width` belongs to bucket and truncate."""

    column: str
    transform: Transform = "identity"
    width: int | None = None

    @property
    def name(self) -> str:
        """The name of the partition field, after the custom of Iceberg's engines."""
        suffix = {"identity": "", "truncate": "_trunc"}.get(self.transform, f"_{self.transform}")
        return self.column + suffix

    @property
    def spelled(self) -> str:
        """As a contract writes it: `month(started_at)`, `bucket(16, id)`."""
        inside = self.column if self.width is None else f"{self.width}, {self.column}"
        return self.column if self.transform == "identity" else f"{self.transform}({inside})"


@dataclass(frozen=True, slots=True)
class SortPlan:
    """One field of a table's sort order; nulls come first ascending and last descending."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """How long rows and snapshots are kept, as ISO 8601 periods; none means for ever."""

    rows: str | None = None
    snapshots: str | None = None
    keep_snapshots: int = 1


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A table of the lake, declared by a contract or derived by the plan."""

    namespace: Zone
    name: str
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...] = ()
    partition: tuple[PartitionPlan, ...] = ()
    sort: tuple[SortPlan, ...] = ()
    format_version: int = 2
    properties: Mapping[str, str] = field(default_factory=dict)
    history: bool = False
    retention: RetentionPlan = RetentionPlan()
    tags: tuple[str, ...] = ()
    doc: str = ""
    version: str = "1.0.0"
    status: str = "active"

    @property
    def dataset(self) -> str:
        """The full name, `namespace.name`."""
        return f"{self.namespace}.{self.name}"

    @property
    def references(self) -> tuple[ReferencePlan, ...]:
        """Every reference of every column."""
        return tuple(reference for column in self.columns for reference in column.references)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnPlan:
        """The column of this name; `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, the table's plan does."""
        return fingerprint_of(self)


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """A ViewDefinition as it stands in `contracts/views/`, with what it is read from."""

    name: str
    resource_type: str
    text: str

    @property
    def definition(self) -> dict[str, Any]:
        """The ViewDefinition as parsed JSON; a fresh copy each time."""
        definition: dict[str, Any] = json.loads(self.text)
        return definition


@dataclass(frozen=True, slots=True)
class SilverStep:
    """How a silver dataset is made: its views' rows are unioned, typed, tokenised, checked and merged.

    A dataset of records has no views: `records` says how its rows come out of them.
    `columns` says by name how each column is typed and tokenised (`birth_date date`, `patient_key string
    patient`): rows are computed anew where that changes, and not where only the order of columns does.
    """

    dataset: str
    views: tuple[ViewPlan, ...]
    rules: tuple[RowRule, ...]
    dataset_rules: tuple[DatasetRule, ...]
    references: tuple[ReferencePlan, ...]
    upstream: tuple[str, ...]
    columns: tuple[str, ...] = ()
    records: RecordPlan | None = None
    kind: Literal["silver"] = "silver"

    @property
    def looks_up(self) -> tuple[str, ...]:
        """The datasets by which its references are resolved, made before it."""
        if not self.references:
            return ()
        if self.dataset in LOOKED_UP:
            return LOOKED_UP[: LOOKED_UP.index(self.dataset)]
        names_patients = any(each.resource_type == "Patient" for each in self.references)
        return LOOKED_UP if names_patients else LOOKED_UP[:1]

    @property
    def refuses_by(self) -> tuple[str, ...]:
        """The datasets that decide which rows it refuses: vocabularies, where rules look codes up."""
        errors = (rule.check for rule in self.rules if rule.severity == "error")
        return (VOCABULARIES,) if any(isinstance(check, InCodes) for check in errors) else ()

    @property
    def resource_types(self) -> tuple[str, ...]:
        """The FHIR resource types the step reads, each once, in order."""
        return tuple(dict.fromkeys(view.resource_type for view in self.views))

    @property
    def resource_type(self) -> str | None:
        """The one FHIR resource type the step reads, or none where it reads several."""
        return self.resource_types[0] if len(self.resource_types) == 1 else None

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, what the step does changes."""
        return fingerprint_of(self)


@dataclass(frozen=True, slots=True)
class RefreshPlan:
    """How a gold dataset is brought up to date: all of it, or the keys whose upstream rows changed."""

    mode: Literal["replace", "by_key"] = "replace"
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldStep:
    """How a gold dataset is made: one portable SELECT over its upstream datasets; `columns` as in silver."""

    dataset: str
    model: str
    sql: str
    upstream: tuple[str, ...]
    refresh: RefreshPlan
    rules: tuple[RowRule, ...]
    dataset_rules: tuple[DatasetRule, ...]
    columns: tuple[str, ...] = ()
    kind: Literal["gold"] = "gold"

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, what the step does changes."""
        return fingerprint_of(self)


@dataclass(frozen=True, slots=True)
class ReferenceStep:
    """A dataset that no run computes: what `a360 terminology load` brings in, or `a360 deid notes` makes.

    `loader` names what fills it; rules are measured when a vocabulary is loaded and by `check`.
    """

    dataset: str
    loader: str
    rules: tuple[RowRule, ...]
    dataset_rules: tuple[DatasetRule, ...]
    columns: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    kind: Literal["reference"] = "reference"

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, what is declared of the dataset does."""
        return fingerprint_of(self)


type RefinedStep = SilverStep | GoldStep
"""A step that a run carries out."""

type Step = SilverStep | GoldStep | ReferenceStep


FEATURE_TIME = "event_time"
"""The feature beside the columns of a feature table: since when the record is so, as its snapshot says."""


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """A gold dataset whose columns are features of what the column `record` names."""

    dataset: str
    record: str


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """A namespace of the lake; its tables inherit its tags."""

    name: Zone
    doc: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hl7v2Plan:
    """What a lake says of the HL7 v2 messages it takes in; None is the converter's own choice.

    `systems` are pairs: a sender's name of an authority or code system, and the URI that it stands for.
    """

    authority: str | None = None
    zone: str | None = None
    systems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LakePlan:
    """All that a lake shall be, for one environment. `steps` are in an order in which they can run.

    `receptions` say how records of each type are received. `relations` are read as tables are, under the same
    policy, and no table is made for them: what keeps their rows gives them. `releases` say how gold
    datasets leave that may be let out. `features` are the gold datasets that models learn from.
    """

    name: str
    environment: str
    zones: tuple[ZonePlan, ...]
    tables: tuple[TablePlan, ...]
    steps: tuple[Step, ...]
    policy: PolicyPlan
    receptions: tuple[ReceptionPlan, ...] = ()
    hl7v2: Hl7v2Plan = Hl7v2Plan()
    relations: tuple[TablePlan, ...] = ()
    releases: tuple[ReleasePlan, ...] = ()
    features: tuple[FeaturePlan, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A digest that changes when, and only when, the plan does."""
        return fingerprint_of(self)

    @property
    def carriers(self) -> "Carriers":
        """The policy as Lake Formation and Athena carry it; worked out anew each time."""
        from a360.contract._carriers import carriers_of  # noqa: PLC0415 - it looks at plans

        return carriers_of(self)

    def table(self, dataset: str) -> TablePlan:
        """The table `namespace.name`."""
        for table in self.tables:
            if table.dataset == dataset:
                return table
        raise _unknown(dataset, (table.dataset for table in self.tables))

    def reception(self, record: str) -> ReceptionPlan:
        """How records of a type are received."""
        for reception in self.receptions:
            if reception.name == record:
                return reception
        raise _unknown(record, (reception.name for reception in self.receptions), "record type")

    def release(self, dataset: str) -> ReleasePlan:
        """How a dataset leaves the lake."""
        for release in self.releases:
            if release.dataset == dataset:
                return release
        self.table(dataset)
        raise UsageError(
            "unknown-dataset",
            f"{dataset} is not made to be let out",
            found="releases are " + (", ".join(each.dataset for each in self.releases) or "none"),
            next_step="name one of these, or give the contract of a gold dataset a360.release",
        )

    def step(self, dataset: str) -> Step:
        """The step that makes a dataset."""
        for step in self.steps:
            if step.dataset == dataset:
                return step
        raise _unknown(dataset, (step.dataset for step in self.steps))


def _unknown(name: str, known: Iterator[str], what: str = "dataset") -> UsageError:
    spelled = "write the name as zone.dataset, or add a contract for it"
    return UsageError(
        "unknown-dataset",
        f"No contract declares {name}" if what == "dataset" else f"No contract declares the {what} {name}",
        found="declared are " + ", ".join(sorted(known)),
        next_step=spelled if what == "dataset" else "name one of these, or add a contract with a360.source",
    )
