"""What a view reads and makes, for people: its rows, its columns, and the paths it takes from a resource."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from a360.fhir._compile import CompiledView, Dialect, compile_view
from a360.fhir._elements import view_elements
from a360.fhir._struct import StructNode

DIALECTS: tuple[Dialect, ...] = ("duckdb", "spark", "trino")
_ITERATIONS = ("forEach", "forEachOrNull", "repeat")


@dataclass(frozen=True, slots=True)
class Rows:
    """A step of the chain: what there is a row for.

    Attributes:
        kind: `resource`, `forEach`, `forEachOrNull`, `repeat`, `unionAll`, `branch` or `select`.
        of: The paths that the rows come from, or the type of the resource.
        where: The conditions that a resource must meet.
        columns: The columns that each of these rows has.
        inner: What multiplies these rows.
    """

    kind: str
    of: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    inner: tuple["Rows", ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The step as a JSON object."""
        return {
            "kind": self.kind,
            "of": list(self.of),
            "where": list(self.where),
            "columns": list(self.columns),
            "inner": [each.to_json() for each in self.inner],
        }


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """A column: what gives it (a path a branch of a union, by its JSON pointer), what it reads, its types."""

    name: str
    sources: Mapping[str, str]
    elements: tuple[str, ...]
    fhir_type: str
    collection: bool
    types: Mapping[Dialect, str]
    may_stop: bool

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths that give it, each once."""
        return tuple(dict.fromkeys(self.sources.values()))

    def to_json(self) -> dict[str, Any]:
        """The column as a JSON object."""
        return {
            "name": self.name,
            "paths": [{"pointer": pointer, "path": path} for pointer, path in self.sources.items()],
            "elements": list(self.elements),
            "fhir_type": self.fhir_type,
            "collection": self.collection,
            "types": dict(self.types),
            "may_stop": self.may_stop,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a view reads and makes."""

    name: str
    resource_type: str
    rows: Rows
    columns: tuple[ColumnNote, ...]
    struct: StructNode = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """The explanation as a JSON object."""
        return {
            "name": self.name,
            "resource_type": self.resource_type,
            "rows": self.rows.to_json(),
            "columns": [column.to_json() for column in self.columns],
            "reads": _tree(self.struct),
        }

    def row_lines(self) -> Iterator[str]:
        """The chain of steps as lines, each step beneath the one whose rows it multiplies."""
        return _row_lines(self.rows)

    def tree_lines(self) -> Iterator[str]:
        """The elements that the view reads, as the lines of a tree."""
        return _tree_lines(self.struct)


def explain_view(view: Mapping[str, Any] | str) -> Explanation:
    """What a view reads and makes.

    Raises:
        ViewError: The view has faults.
    """
    compiled = {dialect: compile_view(view, dialect) for dialect in DIALECTS}
    raw: Mapping[str, Any] = json.loads(view) if isinstance(view, str) else view
    paths: dict[str, dict[str, str]] = {}
    for name, pointer, path in _paths(raw, ""):
        paths.setdefault(name, {})[pointer] = path
    first = compiled["duckdb"]
    rows = Rows(
        "resource",
        (first.resource_type,),
        tuple(each["path"] for each in raw.get("where") or ()),
        *_parts(raw["select"]),
    )
    return Explanation(
        str(raw.get("name") or ""), first.resource_type, rows, _columns(view, compiled, paths), first.struct
    )


def _columns(
    view: Mapping[str, Any] | str,
    compiled: Mapping[Dialect, CompiledView],
    paths: Mapping[str, Mapping[str, str]],
) -> tuple[ColumnNote, ...]:
    elements = view_elements(view).columns
    first = compiled["duckdb"]
    return tuple(
        ColumnNote(
            column.name,
            paths[column.name],
            tuple(sorted(elements[column.name].values | elements[column.name].conditions)),
            column.fhir_type,
            column.collection,
            {dialect: each.schema[position].sql_type for dialect, each in compiled.items()},
            column.name in first.may_stop,
        )
        for position, column in enumerate(first.schema)
    )


def _paths(select: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str, str]]:
    """The name, pointer and path of every column in a select and those beneath it."""
    for position, column in enumerate(select.get("column") or ()):
        yield column["name"], f"{pointer}/column/{position}/path", column["path"]
    for key in ("select", "unionAll"):
        for position, nested in enumerate(select.get(key) or ()):
            yield from _paths(nested, f"{pointer}/{key}/{position}")


def _parts(selects: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[Rows, ...]]:
    """The columns that selects give to the rows they stand in, and the steps that multiply those rows."""
    columns: list[str] = []
    inner: list[Rows] = []
    for select in selects:
        key = next((key for key in _ITERATIONS if select.get(key) is not None), None)
        own, steps = _inside(select)
        if key is None:
            columns += own
            inner += steps
        else:
            of = tuple(select[key]) if key == "repeat" else (select[key],)
            inner.append(Rows(key, of, (), own, steps))
    return tuple(columns), tuple(inner)


def _inside(select: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Rows, ...]]:
    own = tuple(column["name"] for column in select.get("column") or ())
    nested, steps = _parts(select.get("select") or ())
    branches = tuple(Rows("branch", (), (), *_parts([branch])) for branch in select.get("unionAll") or ())
    united = (Rows("unionAll", (), (), (), branches),) if branches else ()
    return own + nested, steps + united


def _tree(node: StructNode) -> dict[str, Any]:
    return {
        "type": node.type,
        "many": node.many,
        "children": {name: _tree(child) for name, child in node.children.items()},
    }


def _tree_lines(node: StructNode, before: str = "") -> Iterator[str]:
    last = len(node.children) - 1
    for position, (name, child) in enumerate(node.children.items()):
        branch, further = ("└─ ", "   ") if position == last else ("├─ ", "│  ")
        yield f"{before}{branch}{name}  {child.type}{' []' if child.many else ''}"
        yield from _tree_lines(child, before + further)


def _row_lines(rows: Rows, before: str = "") -> Iterator[str]:
    yield before + _said(rows)
    further = before + "  "
    yield from (f"{further}where {path}" for path in rows.where)
    if rows.columns:
        yield f"{further}columns {', '.join(rows.columns)}"
    for each in rows.inner:
        yield from _row_lines(each, further)


def _said(rows: Rows) -> str:
    of = ", ".join(rows.of)
    match rows.kind:
        case "resource":
            return f"a row for each {of}"
        case "forEach":
            return f"for each of {of}; none gives no row"
        case "forEachOrNull":
            return f"for each of {of}; none gives one row, with NULL"
        case "repeat":
            return f"for each of {of}, and of what these lead to, at any depth"
        case "unionAll":
            return f"the rows of {len(rows.inner)} branches, one after the other"
        case _:
            return "branch"
