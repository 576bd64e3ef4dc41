"""Quality rules as plain data: what is to be checked, never how an engine checks it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from a360.contract._canonical import fingerprint_of

type Severity = Literal["error", "warning"]
type Dimension = Literal[
    "accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"
]
type Operator = Literal[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
]
type Unit = Literal["rows", "percent", "hours", "index"]
type Divergence = Literal["totalVariation", "psi"]
type Scalar = str | int | float | bool
type Bound = int | float | str
"""A limit of a range; a date or a timestamp is written as its ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class NotNull:
    """The value must be there."""

    kind: ClassVar[Literal["not_null"]] = "not_null"


@dataclass(frozen=True, slots=True)
class NotMissing:
    """The value must be there and be none of the spellings of nothing; null is missing too."""

    values: tuple[Scalar, ...]
    kind: ClassVar[Literal["not_missing"]] = "not_missing"


@dataclass(frozen=True, slots=True)
class ValidValues:
    """The value, where there is one, must be one of these."""

    values: tuple[Scalar, ...]
    kind: ClassVar[Literal["valid_values"]] = "valid_values"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The value, where there is one, must match the whole regular expression."""

    regex: str
    kind: ClassVar[Literal["pattern"]] = "pattern"


@dataclass(frozen=True, slots=True)
class Range:
    """The value, where there is one, must lie within the limits."""

    minimum: Bound | None = None
    maximum: Bound | None = None
    exclusive_minimum: Bound | None = None
    exclusive_maximum: Bound | None = None
    kind: ClassVar[Literal["range"]] = "range"


@dataclass(frozen=True, slots=True)
class Length:
    """The text, where there is one, must be so many characters long."""

    minimum: int | None = None
    maximum: int | None = None
    kind: ClassVar[Literal["length"]] = "length"


@dataclass(frozen=True, slots=True)
class Expression:
    """A boolean SQL expression over the row's columns: false fails, null passes."""

    sql: str
    kind: ClassVar[Literal["expression"]] = "expression"


@dataclass(frozen=True, slots=True)
class InCodes:
    """The code, where there is one, must be one of a code system or of a value set that the lake has loaded.

    With a `system_column` a row says beside its code which system that is of: of a code system, only codes
    said to be of it are looked at; of a value set, system and code must both be a member's. What no version
    is loaded of judges nothing. `any_version` takes the codes of all versions that are loaded, as old records
    need; else those of the current one.
    """

    of: Literal["code-system", "value-set"]
    uri: str
    system_column: str | None = None
    any_version: bool = False
    kind: ClassVar[Literal["in_codes"]] = "in_codes"


type RowCheck = NotNull | NotMissing | ValidValues | Pattern | Range | Length | Expression | InCodes


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule that each row passes or fails alone.

    A row that fails a rule of severity `error` goes to quarantine; `warning` only counts it.
    `columns` names what the check looks at; it is empty for an expression of the whole row.
    """

    name: str
    columns: tuple[str, ...]
    check: RowCheck
    severity: Severity
    dimension: Dimension
    doc: str = ""

    @property
    def kind(self) -> str:
        """What kind of check it is."""
        return self.check.kind

    @property
    def fingerprint(self) -> str:
        """What is counted: rules that share it can be judged by each other's counts."""
        return fingerprint_of((self.columns, self.check))


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows the dataset has."""

    kind: ClassVar[Literal["row_count"]] = "row_count"


@dataclass(frozen=True, slots=True)
class FailingRows:
    """How many rows, or what share of them, fail a row check."""

    column: str
    check: RowCheck
    kind: ClassVar[Literal["failing_rows"]] = "failing_rows"


@dataclass(frozen=True, slots=True)
class DuplicateRows:
    """How many rows, or what share of them, repeat the values another row has in these columns."""

    columns: tuple[str, ...]
    kind: ClassVar[Literal["duplicate_rows"]] = "duplicate_rows"


@dataclass(frozen=True, slots=True)
class DanglingRows:
    """How many rows, or what share of them, name a row of another dataset that is not there."""

    column: str
    dataset: str
    target_column: str
    kind: ClassVar[Literal["dangling_rows"]] = "dangling_rows"


@dataclass(frozen=True, slots=True)
class Query:
    """The one number a query gives; its own dataset's name means the rows about to be committed."""

    sql: str
    datasets: tuple[str, ...]
    kind: ClassVar[Literal["query"]] = "query"


@dataclass(frozen=True, slots=True)
class Latency:
    """How many hours ago the newest value of a column was; values of the future do not count."""

    column: str
    kind: ClassVar[Literal["latency"]] = "latency"


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """By how many percent the number of rows differs from what `history` earlier ones lead to expect."""

    history: int
    kind: ClassVar[Literal["volume_change"]] = "volume_change"


@dataclass(frozen=True, slots=True)
class NullShareChange:
    """By how many percentage points the share of nulls differs from the median of `history` earlier ones."""

    column: str
    history: int
    kind: ClassVar[Literal["null_share_change"]] = "null_share_change"


@dataclass(frozen=True, slots=True)
class DistributionChange:
    """How far the shares of declared values or bins are from the mean of `history` earlier ones.

    Either `values` or `edges` are given; the counts of a measurement bear their order alone, so that no value
    of the data is kept. Fewer rows than `minimum_rows` are too few to judge.
    """

    column: str
    values: tuple[Scalar, ...]
    edges: tuple[float, ...]
    method: Divergence
    history: int
    minimum_rows: int
    kind: ClassVar[Literal["distribution_change"]] = "distribution_change"


type Anomaly = VolumeChange | NullShareChange | DistributionChange
type Measure = RowCount | FailingRows | DuplicateRows | DanglingRows | Query | Latency | Anomaly


@dataclass(frozen=True, slots=True)
class DatasetRule:
    """A rule of a dataset as a whole: what is measured, and what the measure must be.

    A rule of severity `error` that fails blocks the commit; `warning` warns. `threshold` has two numbers
    where the operator is one of the `…Between`, else one.
    """

    name: str
    measure: Measure
    operator: Operator
    threshold: tuple[float, ...]
    unit: Unit
    severity: Severity
    dimension: Dimension
    columns: tuple[str, ...] = ()
    doc: str = ""

    @property
    def kind(self) -> str:
        """What kind of measure it takes."""
        return self.measure.kind

    @property
    def fingerprint(self) -> str:
        """What is measured, whatever it must be: rules that share it can be judged by each other's counts."""
        return fingerprint_of((self.measure, self.unit if isinstance(self.measure, Query) else None))

    @property
    def query(self) -> str | None:
        """The SQL of a rule that is a query."""
        return self.measure.sql if isinstance(self.measure, Query) else None

    def holds(self, measured: float) -> bool:
        """Whether the measured number satisfies the rule; both ends of a range belong to it."""
        low, high = self.threshold[0], self.threshold[-1]
        answers = {
            "mustBe": measured == low,
            "mustNotBe": measured != low,
            "mustBeGreaterThan": measured > low,
            "mustBeGreaterOrEqualTo": measured >= low,
            "mustBeLessThan": measured < low,
            "mustBeLessOrEqualTo": measured <= low,
            "mustBeBetween": low <= measured <= high,
            "mustNotBeBetween": not low <= measured <= high,
        }
        return answers[self.operator]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one dataset."""

    rows: tuple[RowRule, ...] = ()
    dataset: tuple[DatasetRule, ...] = ()
