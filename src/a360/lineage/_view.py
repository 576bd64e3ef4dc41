"""A part of the lineage around one node, as a value that a program reads and a face renders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from a360.contract import LakePlan
from a360.lineage._graph import Direction, Edge, LakeLineage, Node
from a360.lineage._model import LAYERS, RECORD, SOURCES, Field, Use

_BOTH: tuple[Direction, ...] = ("up", "down")

# How rows meet, are grouped and ordered: every column of a joined dataset depends on its keys, so that naming
# them hides what a reader looks for.
PLUMBING = frozenset({Use.JOIN, Use.GROUP_BY, Use.SORT, Use.WINDOW})


@dataclass(frozen=True, slots=True)
class LineageView:
    """What lies up and down of a dataset or a column.

    Attributes:
        focus: The node that was asked for.
        up: The edges on the way to what it is made from, nearest first.
        down: Those on the way to what is made from it.
        meaning: What to tell of a dataset or field beside its name: its type and sensitivity.
        rows: For a column, what decides which rows of its dataset there are.
    """

    focus: Node
    up: tuple[Edge, ...] = ()
    down: tuple[Edge, ...] = ()
    meaning: Mapping[Node, str] | None = None
    rows: tuple[Field, ...] = ()

    @property
    def dataset(self) -> str:
        """The dataset asked for, or that of the column."""
        return self.focus.dataset if isinstance(self.focus, Field) else self.focus

    @property
    def upstream(self) -> list[str]:
        """What it is made from directly."""
        return _names(edge.source for edge in self.up if edge.target == self.focus)

    @property
    def downstream(self) -> list[str]:
        """What is made from it directly."""
        return _names(edge.target for edge in self.down if edge.source == self.focus)

    @property
    def elements(self) -> list[str]:
        """The FHIR elements and fields of records, or their types, that it comes from."""
        found = {edge.source for edge in self.up}
        return sorted(name_of(node) for node in found if zone_of(node) in SOURCES)

    @property
    def edges(self) -> list[Edge]:
        """All edges, each once."""
        return list(dict.fromkeys((*self.up, *self.down)))

    @property
    def nodes(self) -> list[Node]:
        """All nodes, layer by layer."""
        found = {self.focus, *(end for edge in self.edges for end in (edge.source, edge.target))}
        return sorted(found, key=lambda node: (layer_of(node), name_of(node)))

    def to_json(self) -> dict[str, Any]:
        """The view as JSON."""
        told: dict[str, Any] = {"dataset": self.dataset}
        if isinstance(self.focus, Field):
            told["column"] = self.focus.column
            told["rows"] = [name_of(each) for each in self.rows]
        return told | {
            "upstream": self.upstream,
            "downstream": self.downstream,
            "elements": self.elements,
            "edges": [_edge_json(edge) for edge in self.edges],
        }


def _edge_json(edge: Edge) -> dict[str, Any]:
    told: dict[str, Any] = {"from": name_of(edge.source), "to": name_of(edge.target)}
    return told | {"uses": sorted(edge.uses)} if edge.uses else told


def view_of(
    lineage: LakeLineage,
    name: str,
    *,
    directions: tuple[Direction, ...] = _BOTH,
    depth: int | None = None,
    every: bool = False,
    meaning: Mapping[Node, str] | None = None,
) -> LineageView:
    """What lies around a name.

    Args:
        lineage: The lake's lineage.
        name: `zone.dataset`, `zone.dataset.column`, or a FHIR element as `Patient.birthDate`.
        directions: Where to look: `up`, `down` or both.
        depth: How many edges away at most.
        every: For a column, follow joins, groups, windows and order too.
        meaning: What to tell beside names.
    """
    focus = lineage.node(name)
    skip: frozenset[Use] = frozenset() if every else PLUMBING
    found: dict[Direction, tuple[Edge, ...]] = {}
    for direction in directions:
        edges = lineage.reach([focus], direction, depth, skip=skip)
        found[direction] = tuple(edges if isinstance(focus, Field) else _of_types(lineage, focus, edges))
    own = lineage.datasets.get(focus.dataset) if isinstance(focus, Field) else None
    rows = tuple(sorted(own.rows)) if own else ()
    return LineageView(focus, found.get("up", ()), found.get("down", ()), meaning, rows)


def lineage_of(
    plan: LakePlan,
    name: str,
    directions: tuple[Direction, ...] = _BOTH,
    depth: int | None = None,
    *,
    every: bool = False,
) -> LineageView:
    """What lies around a name in the lake that a plan is for; no run is needed, and no data is read.

    Raises:
        UsageError: `unknown-dataset`.
    """
    lineage = LakeLineage.of(plan)
    return view_of(lineage, name, directions=directions, depth=depth, every=every, meaning=_meaning(plan))


def _meaning(plan: LakePlan) -> Mapping[Node, str]:
    found: dict[Node, str] = {}
    for table in plan.tables:
        for column in table.columns:
            sensitivity = f"{column.sensitivity}, token" if column.token else column.sensitivity
            found[Field(table.dataset, column.name)] = f"{column.type}, {sensitivity}"
    return found


def _of_types(lineage: LakeLineage, focus: str, edges: list[Edge]) -> list[Edge]:
    """The edges between datasets less those that bronze alone links: it holds every type of resource."""
    if zone_of(focus) in SOURCES:
        wanted = {focus}
        reached: set[Node] = {focus}
        kept = []
        for edge in edges:
            types = lineage.types_of(str(edge.target))
            if edge.source in reached and (zone_of(edge.target) != "silver" or types & wanted):
                kept.append(edge)
                reached.add(edge.target)
        return kept
    ends = [focus, *(str(edge.source) for edge in edges)]
    types = frozenset().union(*(lineage.types_of(each) for each in ends if zone_of(each) == "silver"))
    return [
        edge for edge in edges if zone_of(edge.source) not in SOURCES or not types or edge.source in types
    ]


def name_of(node: Node) -> str:
    """A node's name; FHIR's elements and types are called as FHIR calls them, fields as their file does."""
    if isinstance(node, Field):
        return node.element or str(node)
    zone, _, name = node.partition(".")
    return name if zone in SOURCES else node


def zone_of(node: Node) -> str:
    """The zone of a dataset or field."""
    return node.zone if isinstance(node, Field) else node.partition(".")[0]


def layer_of(node: Node) -> int:
    """The place of a node's zone on the way of a record."""
    zone = zone_of(node)
    return LAYERS.index(zone) if zone in LAYERS else 0 if zone == RECORD else len(LAYERS)


def _names(nodes: Iterable[Node]) -> list[str]:
    return sorted({name_of(node) for node in nodes})
