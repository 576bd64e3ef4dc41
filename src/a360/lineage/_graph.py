"""The lineage of a whole lake, made from its plan alone: no run is needed, and no data is read."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from a360.contract import GoldStep, LakePlan, ReferenceStep, SilverStep, Step, UnresolvedError
from a360.errors import ContractError, UsageError
from a360.lineage._model import FHIR, RECORD, SOURCES, DatasetLineage, Field, Use
from a360.lineage._query import model_lineage
from a360.lineage._records import BRONZE as RECORDS
from a360.lineage._silver import bronze_lineage, silver_lineage

type Direction = Literal["up", "down"]
type Node = str | Field

# What a job says of itself.
_OWN = frozenset({"known_at", "commit_id", "method", "model_version"})
_INDIRECT = frozenset(use for use in Use if not use.direct)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One node goes into another; `uses` says how, and is empty between datasets."""

    source: Node
    target: Node
    uses: frozenset[Use] = frozenset()

    @property
    def direct(self) -> bool:
        """Whether a value goes in, and not only a decision."""
        return not self.uses or any(use.direct for use in self.uses)


class LakeLineage:
    """What every dataset and column of a lake is made from, and what is made from it."""

    def __init__(self, datasets: Mapping[str, DatasetLineage]) -> None:
        self.datasets = dict(datasets)

    @classmethod
    def of(cls, plan: LakePlan) -> "LakeLineage":
        """The lineage that a plan's views and models have."""
        loaded = [step_lineage(plan, step) for step in plan.steps if isinstance(step, ReferenceStep)]
        silver = [step_lineage(plan, step) for step in plan.steps if isinstance(step, SilverStep)]
        gold = [step_lineage(plan, step) for step in plan.steps if isinstance(step, GoldStep)]
        found = [*bronze_lineage(plan, silver), *loaded, *silver, *gold]
        return cls({lineage.dataset: lineage for lineage in found})

    @cached_property
    def dataset_edges(self) -> tuple[Edge, ...]:
        """Which dataset goes into which."""
        return tuple(
            Edge(source, lineage.dataset)
            for lineage in self.datasets.values()
            for source in lineage.upstream
            if source in self.known
        )

    @cached_property
    def field_edges(self) -> tuple[Edge, ...]:
        """Which field goes into which, decisions on the rows of a whole dataset left aside."""
        return tuple(
            Edge(source, target, uses)
            for lineage in self.datasets.values()
            for source, target, uses in lineage.edges()
        )

    @cached_property
    def known(self) -> frozenset[str]:
        """Every dataset, FHIR resource types and types of records included."""
        upstream = (name for lineage in self.datasets.values() for name in lineage.upstream)
        sources = {name for name in upstream if name.partition(".")[0] in SOURCES}
        return frozenset({*self.datasets, *sources})

    def fields(self, dataset: str) -> list[str]:
        """The columns of a dataset, or the elements of a resource type that anything reads."""
        if dataset in self.datasets:
            return list(self.datasets[dataset].columns)
        sources = (edge.source for edge in self.field_edges)
        return sorted(
            {each.column for each in sources if isinstance(each, Field) and each.dataset == dataset}
        )

    def types_of(self, dataset: str) -> frozenset[str]:
        """What a silver dataset is made from, as `fhir.Patient` or `record.membership`."""
        lineage = self.datasets.get(dataset)
        if lineage is None:
            return frozenset()
        inputs = (each for found in lineage.columns.values() for each in found)
        return frozenset(
            f"{RECORD if each.dataset == RECORDS else FHIR}.{each.column.partition('.')[0]}"
            for each in inputs
            if each.zone == "bronze" and "." in each.column
        )

    def node(self, name: str) -> Node:
        """The node of a name: `gold.visit_facts`, `gold.visit_facts.patient_age`, `Patient.birthDate`.

        Raises:
            UsageError: `unknown-dataset`.
        """
        written = (
            name if name.partition(".")[0] in {*SOURCES, "bronze", "silver", "gold"} else f"{FHIR}.{name}"
        )
        zone, _, rest = written.partition(".")
        short, _, column = rest.partition(".")
        dataset = f"{zone}.{short}"
        if dataset not in self.known:
            raise UsageError(
                "unknown-dataset",
                f"No contract declares {name}",
                found="declared are " + ", ".join(sorted(self.known)),
                next_step="write zone.dataset, zone.dataset.column, or a FHIR element as Patient.birthDate",
            )
        if not column:
            return dataset
        if column not in self.fields(dataset):
            raise UsageError(
                "unknown-dataset",
                f"{dataset} has no column {column} in its lineage",
                found="it has " + ", ".join(self.fields(dataset)),
                next_step="name one of its columns",
            )
        return Field(dataset, column)

    def reach(
        self,
        start: Iterable[Node],
        direction: Direction,
        depth: int | None = None,
        *,
        skip: frozenset[Use] = frozenset(),
    ) -> list[Edge]:
        """The edges met on the way from nodes in a direction; each once, nearest first.

        Args:
            start: Datasets, or fields.
            direction: `up` to what they are made from, `down` to what is made from them.
            depth: How many edges away at most.
            skip: Follow no edge that is of these uses alone.
        """
        distance: dict[Node, int] = dict.fromkeys(start, 0)
        waiting = deque(distance)
        met: dict[Edge, None] = {}
        while waiting:
            node = waiting.popleft()
            if depth is not None and distance[node] >= depth:
                continue
            for edge in self._around(node, direction):
                if edge.uses and edge.uses <= skip:
                    continue
                met[edge] = None
                following = edge.source if direction == "up" else edge.target
                if following not in distance:
                    distance[following] = distance[node] + 1
                    waiting.append(following)
        return list(met)

    def _around(self, node: Node, direction: Direction) -> list[Edge]:
        return self._index[direction].get(node, [])

    @cached_property
    def _index(self) -> dict[Direction, dict[Node, list[Edge]]]:
        index: dict[Direction, dict[Node, list[Edge]]] = {"up": {}, "down": {}}
        for edge in (*self.dataset_edges, *self.field_edges):
            index["up"].setdefault(edge.target, []).append(edge)
            index["down"].setdefault(edge.source, []).append(edge)
        return index

    def elements(self, field: Field, *, direct: bool = True) -> list[str]:
        """The elements and fields that a column is made of, or all that can change it."""
        found = (edge.source for edge in self.reach([field], "up", skip=_INDIRECT if direct else frozenset()))
        return sorted({each.element for each in found if isinstance(each, Field) and each.zone in SOURCES})

    def influences(self, field: Field) -> frozenset[Field]:
        """All that can change a column, the choice of rows in every dataset on the way included."""
        found: set[Field] = set()
        waiting = [field]
        while waiting:
            each = waiting.pop()
            lineage = self.datasets.get(each.dataset)
            if lineage is None or each.column not in lineage.columns:
                continue
            fresh = set(lineage.inputs(each.column)) - found
            found |= fresh
            waiting += fresh
        return frozenset(found)

    def affected(self, fields: Iterable[Field]) -> dict[Field, frozenset[Use]]:
        """Every field downstream that can change when these do, with how it uses what changes."""
        found: dict[Field, frozenset[Use]] = {}
        waiting = list(fields)
        while waiting:
            for target, uses in self._using(waiting.pop()):
                if target not in found:
                    waiting.append(target)
                found[target] = found.get(target, frozenset()) | uses
        return found

    def _using(self, field: Field) -> Iterator[tuple[Field, frozenset[Use]]]:
        for lineage in self.datasets.values():
            deciding = lineage.rows.get(field, frozenset())
            for column, inputs in lineage.columns.items():
                uses = inputs.get(field, frozenset()) | deciding
                if uses:
                    yield Field(lineage.dataset, column), uses


def step_lineage(plan: LakePlan, step: Step) -> DatasetLineage:
    """The lineage of what one step makes."""
    if isinstance(step, SilverStep):
        return silver_lineage(plan, step)
    table = plan.table(step.dataset)
    if isinstance(step, ReferenceStep):
        return _loaded_lineage(plan, step)
    upstream = map(plan.table, step.upstream)
    columns = {each.dataset: {column.name: column.type for column in each.columns} for each in upstream}
    try:
        relation = model_lineage(step.sql, columns, _keys(plan))
    except UnresolvedError as error:
        raise ContractError(
            "model-invalid",
            f"The model {step.model} looks at what is not there",
            where=f"models/{step.model}.sql",
            found=str(error),
            next_step="`a360 lint` names each place",
        ) from None
    return DatasetLineage(
        dataset=step.dataset,
        columns={name: relation.columns.get(name, {}) for name in table.column_names},
        rows=relation.rows,
        upstream=step.upstream,
    )


def _loaded_lineage(plan: LakePlan, step: ReferenceStep) -> DatasetLineage:
    """What is loaded comes from nowhere; what is made of notes comes from their texts, row by row."""
    names = plan.table(step.dataset).column_names
    known = {table.dataset: set(table.column_names) for table in plan.tables}
    read = [upstream for upstream in step.upstream if upstream in known]
    columns: dict[str, dict[Field, frozenset[Use]]] = {name: {} for name in names}
    for upstream in read:
        for name in names:
            if name not in _OWN:
                same = name in known[upstream] and name != "text"
                use = Use.IDENTITY if same else Use.TRANSFORMATION
                columns[name][Field(upstream, name if same else "text")] = frozenset({use})
    return DatasetLineage(step.dataset, columns, upstream=step.upstream)


def _keys(plan: LakePlan) -> Callable[[str], tuple[str, ...]]:
    """The key of a dataset; one that keeps versions has several rows of a key."""

    def key_of(dataset: str) -> tuple[str, ...]:
        table = plan.table(dataset)
        return () if table.history else table.key

    return key_of
