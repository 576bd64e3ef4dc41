"""What lineage is made of: fields, how a field is used for another, and what one dataset is made from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FHIR = "fhir"
"""The zone before bronze: FHIR resources as their source sends them."""

RECORD = "record"
"""What lies beside it: rows of extracts and events, as they are received."""

SOURCES = (FHIR, RECORD)
LAYERS = (FHIR, "bronze", "silver", "gold")


class Use(StrEnum):
    """How a field goes into another, in the words of OpenLineage's column lineage."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    CONDITIONAL = "CONDITIONAL"
    FILTER = "FILTER"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    WINDOW = "WINDOW"
    SORT = "SORT"

    @property
    def direct(self) -> bool:
        """Whether the value itself goes in, and not only a decision."""
        return self in _DIRECT


_DIRECT = frozenset({Use.IDENTITY, Use.TRANSFORMATION, Use.AGGREGATION})


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """A column of a dataset, or an element of a FHIR resource: `fhir.Observation`, `valueQuantity.value`."""

    dataset: str
    column: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.column}"

    @property
    def zone(self) -> str:
        """The zone of the dataset."""
        return self.dataset.partition(".")[0]

    @property
    def element(self) -> str:
        """How its source writes it: `Observation.valueQuantity.value`, `membership.Member No`."""
        return f"{self.dataset.partition('.')[2]}.{self.column}" if self.zone in SOURCES else ""


type Inputs = Mapping[Field, frozenset[Use]]
"""What a value depends on, and how."""

NOTHING: Inputs = {}


def united(found: Iterable[Inputs]) -> Inputs:
    """All inputs of several values."""
    together: dict[Field, frozenset[Use]] = {}
    for inputs in found:
        for each, uses in inputs.items():
            together[each] = together.get(each, frozenset()) | uses
    return together


def used(inputs: Inputs, use: Use) -> Inputs:
    """The inputs of a value that is itself put to a use.

    A copy of a computed value is computed; what only decided goes on deciding, whatever becomes of the value.
    """
    return {each: frozenset(_then(before, use) for before in uses) for each, uses in inputs.items()}


def _then(before: Use, after: Use) -> Use:
    if not before.direct or after is Use.IDENTITY:
        return before
    if after is Use.TRANSFORMATION and before is Use.AGGREGATION:
        return before
    return after


@dataclass(frozen=True, slots=True)
class DatasetLineage:
    """What a dataset is made from.

    Attributes:
        dataset: The dataset.
        columns: The inputs of each column.
        rows: The inputs that decide which rows there are, and so act on every column.
        upstream: The datasets it reads.
        masked: The columns that hold tokens in place of values.
    """

    dataset: str
    columns: Mapping[str, Inputs]
    rows: Inputs = field(default_factory=dict)
    upstream: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()

    def inputs(self, column: str) -> Inputs:
        """Everything that a column depends on, the choice of rows included."""
        return united((self.columns[column], self.rows))

    def edges(self) -> Iterator[tuple[Field, Field, frozenset[Use]]]:
        """Each input of each column, with how it is used; what decides on rows is left aside."""
        for column, inputs in self.columns.items():
            for source, uses in inputs.items():
                yield source, Field(self.dataset, column), uses
