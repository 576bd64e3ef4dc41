"""Lineage as text: a tree in each direction, nearest first."""

from collections.abc import Iterator, Sequence

from a360.lineage._graph import Direction, Edge, Node
from a360.lineage._model import FHIR, RECORD, Field, Use
from a360.lineage._view import LineageView, name_of, zone_of

_SAID = {
    Use.IDENTITY: "value",
    Use.TRANSFORMATION: "computed",
    Use.AGGREGATION: "aggregated",
    Use.CONDITIONAL: "condition",
    Use.FILTER: "filter",
    Use.JOIN: "join",
    Use.GROUP_BY: "group",
    Use.WINDOW: "window",
    Use.SORT: "order",
}
_WHERE = {FHIR: "FHIR", RECORD: "record"}
_TYPES = {FHIR: "FHIR", RECORD: "records"}
_HEADINGS: dict[Direction, str] = {"up": "made from", "down": "goes into"}


def tree(view: LineageView) -> Iterator[str]:
    """The lines of a tree; a node that was shown above is named and not opened again."""
    yield _said(view.focus, view)
    ways: dict[Direction, Sequence[Edge]] = {"up": view.up, "down": view.down}
    for direction, edges in ways.items():
        if edges:
            yield f"{_HEADINGS[direction]}:"
            yield from _Branches(view, direction, edges).lines()
    if not view.edges:
        yield "nothing is known to lie around it"
    if view.rows:
        yield "rows chosen by: " + ", ".join(name_of(each) for each in view.rows)


def _said(node: Node, view: LineageView) -> str:
    meaning = (view.meaning or {}).get(node, "")
    where = _WHERE.get(zone_of(node), "")
    beside = ", ".join(filter(None, (where, meaning)))
    return f"{name_of(node)}  ({beside})" if beside else name_of(node)


class _Branches:
    """The branches in one direction."""

    def __init__(self, view: LineageView, direction: Direction, edges: Sequence[Edge]) -> None:
        self._view = view
        self._up = direction == "up"
        self._following: dict[Node, list[tuple[Node, Edge]]] = {}
        for edge in edges:
            here, there = (edge.target, edge.source) if self._up else (edge.source, edge.target)
            self._following.setdefault(here, []).append((there, edge))
        self._opened: set[Node] = set()

    def lines(self) -> Iterator[str]:
        yield from self._under(self._view.focus, "")

    def _under(self, node: Node, margin: str) -> Iterator[str]:
        self._opened.add(node)
        branches = sorted(self._following.get(node, []), key=lambda each: _order(*each))
        for zone, word in _TYPES.items():
            types = [following for following, _ in branches if _is_type(following, zone)]
            if len(types) == len(branches) > 1:
                yield f"{margin}└─ {word}: {', '.join(map(name_of, types))}"
                return
        for place, (following, edge) in enumerate(branches):
            last = place == len(branches) - 1
            again = following in self._opened and following in self._following
            uses = ", ".join(dict.fromkeys(_SAID[use] for use in Use if use in edge.uses))
            said = _said(following, self._view) + (f"  [{uses}]" if uses else "") + (" …" if again else "")
            yield f"{margin}{'└─ ' if last else '├─ '}{said}"
            if not again:
                yield from self._under(following, margin + ("   " if last else "│  "))


def _is_type(node: Node, zone: str) -> bool:
    return isinstance(node, str) and zone_of(node) == zone


def _order(node: Node, edge: Edge) -> tuple[bool, str, str]:
    """Values before decisions."""
    return (not edge.direct, str(node.dataset) if isinstance(node, Field) else node, name_of(node))
