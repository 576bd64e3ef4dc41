"""Data contracts after ODCS 3.2, with the project's `a360.` properties as typed fields.

The models take what the standard has, less what the lake would ignore; an ignored promise is worse than none.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from a360.contract._base import Many, Model, Name, Period
from a360.contract._disclosure import LEAST_K, LEAST_L, Element, Profile
from a360.contract._records import RecordField, RecordSource
from a360.contract._rules import Dimension, Scalar, Severity, Unit

LIFTED = "a360."
"""The key under which the loader puts the `a360.` custom properties of a node, prefix removed."""

# Table properties that belong to engines; the lake's own have places of their own.
_FREE_PROPERTY = r"^(write|read|commit|history|gc|compatibility)\.[a-z0-9.-]+$"

type LogicalType = Literal["string", "date", "timestamp", "number", "integer", "boolean", "object"]
type Number = int | float
type Reference = Literal["terminology", "omop", "deid"]


class AuthoritativeDefinition(Model):
    """Where something is defined with authority."""

    id: str | None = None
    url: str
    type: str
    description: str | None = None


class CustomProperty(Model):
    """A property outside the standard that is not the lake's."""

    id: str | None = None
    property: str
    value: JsonValue
    description: str | None = None
    vendor: str | None = None


class Documented(Model):
    """What may stand at every level of a contract."""

    id: str | None = None
    authoritative_definitions: Many[AuthoritativeDefinition] = ()
    custom_properties: Many[CustomProperty] = ()


class Description(Model):
    """What a dataset is for, and its limits."""

    purpose: str
    usage: str | None = None
    limitations: str | None = None
    authoritative_definitions: Many[AuthoritativeDefinition] = ()
    custom_properties: Many[CustomProperty] = ()


class Thresholds(Model):
    """What a measure must be; a rule of a dataset has exactly one of these."""

    must_be: Number | None = None
    must_not_be: Number | None = None
    must_be_greater_than: Number | None = None
    must_be_greater_or_equal_to: Number | None = None
    must_be_less_than: Number | None = None
    must_be_less_or_equal_to: Number | None = None
    must_be_between: Annotated[Many[Number], Field(min_length=2, max_length=2)] | None = None
    must_not_be_between: Annotated[Many[Number], Field(min_length=2, max_length=2)] | None = None


class Quality(Thresholds, Documented):
    """A rule as written; `_rulebook` turns it into a `RowRule` or a `DatasetRule`."""

    type: Literal["library", "sql", "custom", "text"] = "library"
    name: Name | None = None
    description: str | None = None
    dimension: Dimension | None = None
    severity: Severity = "error"
    unit: Unit = "rows"
    business_impact: str | None = None
    method: str | None = None
    tags: Many[str] = ()
    metric: str | None = None
    arguments: dict[str, JsonValue] | None = None
    query: str | None = None
    engine: str | None = None
    implementation: str | dict[str, JsonValue] | None = None


class Relationship(Model):
    """A foreign key of the column it stands at."""

    id: str | None = None
    type: Literal["foreignKey"] = "foreignKey"
    to: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,2}$")]


class EnumValue(Documented):
    """One of the values a column may have."""

    value: Scalar
    label: str | None = None
    description: str | None = None
    tags: Many[str] = ()


class TypeOptions(Model):
    """Limits on a column's values; each is a row rule."""

    pattern: str | None = None
    min_length: Annotated[int, Field(ge=0)] | None = None
    max_length: Annotated[int, Field(ge=0)] | None = None
    minimum: Number | str | None = None
    maximum: Number | str | None = None
    exclusive_minimum: Number | str | None = None
    exclusive_maximum: Number | str | None = None


class Derived(Model):
    """What is told of a sealed column's text in a column beside it."""

    of: str
    measure: Literal["sections", "characters", "words", "digest"]


class ReleasedColumn(Model):
    """What the values of a column of a release are, and the mask under which they leave."""

    element: Element
    method: Literal["null", "year", "age_band", "zip3", "date_shift"] | None = None


class DataRelease(Model):
    """`a360.release` of a gold dataset: by which method it is de-identified, and how well it has to be."""

    profile: Profile
    quasi_identifiers: Many[Name] = ()
    sensitive: Many[Name] = ()
    k: Annotated[int, Field(ge=2)] = LEAST_K
    l: Annotated[int, Field(ge=1)] = LEAST_L  # noqa: E741 - as the field writes it
    suppress: Annotated[float, Field(ge=0, le=0.5, strict=False)] = 0
    agreement: str = ""
    determination: str = ""


class ColumnProperties(Model):
    """The `a360.` properties of a column."""

    sensitivity: str | None = None
    token: Name | None = None
    field_id: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    deidentified: str | None = None
    field: str | RecordField | None = None
    seal: str | None = None
    derived: Derived | None = None
    release: Element | ReleasedColumn | None = None

    @property
    def released(self) -> ReleasedColumn | None:
        """How the column leaves with a release, if it says so."""
        return ReleasedColumn(element=self.release) if isinstance(self.release, str) else self.release


class Column(Documented):
    """A column."""

    name: str
    logical_type: LogicalType
    physical_type: str
    description: str | None = None
    business_name: str | None = None
    deprecated: bool = False
    classification: str | None = None
    critical_data_element: bool = False
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    primary_key_position: int | None = None
    logical_type_options: TypeOptions = Field(default_factory=TypeOptions)
    enum: Many[EnumValue] = ()
    examples: Many[JsonValue] = ()
    transform_logic: str | None = None
    transform_description: str | None = None
    relationships: Many[Relationship] = ()
    quality: Many[Quality] = ()
    tags: Many[str] = ()
    a360: ColumnProperties = Field(default_factory=ColumnProperties, alias=LIFTED)


class Table(Documented):
    """The one table of a contract."""

    name: str
    physical_name: str
    logical_type: Literal["object"] = "object"
    physical_type: Literal["table"] = "table"
    description: str | None = None
    business_name: str | None = None
    data_granularity_description: str | None = None
    properties: Annotated[Many[Column], Field(min_length=1)]
    quality: Many[Quality] = ()
    tags: Many[str] = ()


class DatasetProperties(Model):
    """The `a360.` properties of a dataset."""

    zone: Literal["bronze", "silver", "gold"]
    view: Name | Many[Name] = ()
    source: RecordSource | None = None
    model: Name | None = None
    reference: Reference | None = None
    refresh: str | None = None
    history: bool | None = None
    format_version: Literal[2, 3] = 2
    partition: Many[str] = ()
    sort: Many[str] = ()
    retention: Period | None = None
    release: DataRelease | None = None
    features: bool = False
    properties: dict[Annotated[str, Field(pattern=_FREE_PROPERTY)], str] = Field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views, one or many."""
        return (self.view,) if isinstance(self.view, str) else self.view


class TeamMember(Documented):
    """Somebody who answers for a dataset."""

    username: str
    name: str | None = None
    description: str | None = None
    role: str | None = None
    date_in: str | None = None
    date_out: str | None = None
    replaced_by_username: str | None = None
    tags: Many[str] = ()


class Team(Documented):
    """Those who answer for a dataset."""

    name: str | None = None
    description: str | None = None
    members: Many[TeamMember] = ()
    tags: Many[str] = ()


class Support(Model):
    """Where to ask."""

    id: str | None = None
    channel: str
    url: str | None = None
    description: str | None = None
    tool: str | None = None
    scope: str | None = None


class ServiceLevel(Documented):
    """A promise about the dataset's service, for its readers; the lake measures `latency` alone."""

    property: str
    value: Scalar
    value_ext: Scalar | None = None
    unit: str | None = None
    element: str | None = None
    driver: str | None = None
    description: str | None = None


class Contract(Documented):
    """A contract file: one dataset."""

    api_version: Literal["v3.2.0", "v3.1.0"]
    kind: Literal["DataContract"]
    id: str
    name: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    domain: str | None = None
    data_product: str | None = None
    tenant: str | None = None
    description: Description
    tags: Many[str] = ()
    schema_: Annotated[Many[Table], Field(min_length=1, max_length=1)] = Field(alias="schema")
    team: Team | None = None
    support: Many[Support] = ()
    sla_default_element: str | None = None
    sla_properties: Many[ServiceLevel] = ()
    contract_created_ts: str | None = None
    a360: DatasetProperties = Field(alias=LIFTED)

    @property
    def table(self) -> Table:
        """The one table."""
        return self.schema_[0]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in order."""
        return self.table.properties
