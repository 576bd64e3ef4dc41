"""A ViewDefinition to SQL."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from a360.errors import UsageError
from a360.fhir._fault import Fault, Faults, ViewError
from a360.fhir._relational._columns import Column
from a360.fhir._relational._plan import Plan
from a360.fhir._relational._select import Selects
from a360.fhir._sql import EMITTERS, Emitter
from a360.fhir._struct import StructNode
from a360.fhir._typed._expr import Single, Var, walk
from a360.fhir._typed._scope import Compilation
from a360.fhir._view import View, read_view

type Dialect = Literal["duckdb", "spark", "trino"]

_CARRIED = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a compiled view: its name, FHIR type and SQL type, and whether it holds a list."""

    name: str
    fhir_type: str
    sql_type: str
    collection: bool


@dataclass(frozen=True, slots=True)
class CompiledView:
    """A view as SQL.

    Attributes:
        sql: One SELECT over the source: the carried columns first, then the view's, in its order.
        schema: The view's columns.
        struct: The minimal struct that the source's column `resource` must have.
        sources: The relations the SQL reads.
        resource_type: The type of the resources that the source must hold, and no others.
        may_stop: Columns that end the query when one resource has several values: `first()` or
            `collection: true` would spare a batch that.
        dialect: The SQL dialect.
    """

    sql: str
    schema: tuple[ViewColumn, ...]
    struct: StructNode
    sources: tuple[str, ...]
    resource_type: str
    may_stop: tuple[str, ...]
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class CompiledViews:
    """Views over resources of one type that read the same source: its resources are parsed once for all.

    Attributes:
        views: The views, in the order in which they were given; the `struct` of each is the one below.
        struct: The struct that the source's column `resource` must have: what all of them read together.
        resource_type: The type of the resources that the source must hold, and no others.
        dialect: The SQL dialect.
    """

    views: tuple[CompiledView, ...]
    struct: StructNode
    resource_type: str
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Analysed:
    """A view checked and planned, before any SQL."""

    view: View
    root: Var
    struct: StructNode
    plan: Plan
    columns: list[Column]


def compile_view(
    view: Mapping[str, Any] | str,
    dialect: Dialect = "duckdb",
    *,
    source: str = "resources",
    carry: Sequence[str] = (),
) -> CompiledView:
    """Compile a ViewDefinition.

    Args:
        view: The ViewDefinition, as JSON text or as the object it stands for.
        dialect: The SQL to write.
        source: The relation to read, as it may stand in FROM. It is trusted: it never comes from a view.
        carry: Columns of the source that are passed on before the view's own.

    Raises:
        ViewError: The view has faults; the error lists all of them.
    """
    emitter = _emitter(dialect)
    faults = Faults()
    found = analysed(view, faults)
    if found is None or faults.found:
        raise ViewError(faults.found, view=found.view.name if found else "")
    return _compiled(found, emitter, dialect, source, carry)


def compile_views(
    views: Sequence[Mapping[str, Any] | str],
    dialect: Dialect = "duckdb",
    *,
    source: str = "resources",
    carry: Sequence[str] = (),
) -> CompiledViews:
    """Compile ViewDefinitions of one resource type against one struct, so that they can share a scan.

    Args:
        views: The ViewDefinitions, at least one.
        dialect: The SQL to write.
        source: The relation that all of them read, as it may stand in FROM.
        carry: Columns of the source that each passes on before its own.

    Raises:
        ViewError: Some have faults; the error lists all of them. Pointers are into the list of views.
        UsageError: They are of several resource types.
    """
    emitter = _emitter(dialect)
    if not views:
        raise UsageError("usage", "there are no views to compile", next_step="give at least one")
    noted = [Faults() for _ in views]
    found = _analysed(views, noted)
    faults = [
        Fault(f"/{number}{fault.pointer}", fault.found, fault.allowed)
        for number, each in enumerate(noted)
        for fault in each.found
    ]
    if faults:
        raise ViewError(faults, subject=f"the list of {len(views)} views")
    known = [each for each in found if each is not None]
    types = sorted({each.view.resource for each in known})
    if len(types) > 1:
        raise UsageError(
            "usage",
            "views of several resource types cannot share a scan",
            found=", ".join(types),
            next_step="compile the views of each resource type together",
        )
    compiled = tuple(_compiled(each, emitter, dialect, source, carry) for each in known)
    return CompiledViews(compiled, compiled[0].struct, types[0], dialect)


def check_view(view: Mapping[str, Any] | str) -> list[Fault]:
    """All faults of a view; none if it compiles."""
    faults = Faults()
    analysed(view, faults)
    return faults.found


def view_columns(view: Mapping[str, Any] | str) -> list[ViewColumn]:
    """The columns of a view, with their types in DuckDB."""
    return list(compile_view(view).schema)


def analysed(view: Mapping[str, Any] | str, faults: Faults) -> Analysed | None:
    """The plan of a view; faults are noted, and None stands for a view that has no plan."""
    if not isinstance(view, str):
        [found] = _analysed([view], [faults])
        return found
    found, noted = _remembered(view)
    faults.found.extend(noted)
    return found


@lru_cache(maxsize=256)
def _remembered(view: str) -> tuple[Analysed | None, tuple[Fault, ...]]:
    """The plan and the faults of a view by its text, which one command checks, compiles and traces."""
    faults = Faults()
    [found] = _analysed([view], [faults])
    return found, tuple(faults.found)


def _analysed(views: Sequence[Mapping[str, Any] | str], noted: Sequence[Faults]) -> list[Analysed | None]:
    """The plans of views over one struct for each resource type.

    What recurses is carried as JSON text. Where that turns out after it was read in another way, all of it is
    read again.
    """
    read = [read_view(view, faults) for view, faults in zip(views, noted, strict=True)]
    texts: set[str] = set()
    stale = True
    while stale:
        structs = {
            view.resource: StructNode(view.resource, path=view.resource) for view in read if view is not None
        }
        compilations = [
            Compilation(Faults(faults.found), view.constants if view is not None else {}, texts)
            for view, faults in zip(read, noted, strict=True)
        ]
        found = [
            _planned(view, structs[view.resource], compilation) if view is not None else None
            for view, compilation in zip(read, compilations, strict=True)
        ]
        stale = any(compilation.stale for compilation in compilations)
    for faults, compilation in zip(noted, compilations, strict=True):
        faults.found = compilation.faults.found
    for struct in structs.values():
        if not struct.children:
            struct.child("id", "string", many=False)
    return found


def _planned(view: View, struct: StructNode, compilation: Compilation) -> Analysed:
    root = Var(RESOURCE, view.resource, struct)
    plan, columns = Selects(view, root, compilation).plan()
    return Analysed(view, root, struct, plan, columns)


def _emitter(dialect: Dialect) -> Emitter:
    emitter = EMITTERS.get(dialect)
    if emitter is None:
        raise UsageError(
            "usage", f"there is no SQL dialect {dialect!r}", next_step=f"one of {', '.join(EMITTERS)}"
        )
    return emitter


def _compiled(
    found: Analysed, emitter: Emitter, dialect: Dialect, source: str, carry: Sequence[str]
) -> CompiledView:
    _check_carried(carry, found.columns)
    schema = tuple(
        ViewColumn(c.name, c.type, emitter.column_type(c.leaf, many=c.collection), c.collection)
        for c in found.columns
    )
    return CompiledView(
        sql=emitter.select(found.plan, source, carry),
        schema=schema,
        struct=found.struct,
        sources=(source,),
        resource_type=found.view.resource,
        may_stop=_may_stop(found.columns),
        dialect=dialect,
    )


def _may_stop(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(c.name for c in columns if any(isinstance(part, Single) for part in walk(c.expr)))


def _check_carried(carry: Sequence[str], columns: Sequence[Column]) -> None:
    taken = {column.name.lower() for column in columns}
    for name in carry:
        if not _CARRIED.fullmatch(name) or name.lower() in taken:
            problem = "a column of the view has its name" if name.lower() in taken else "no plain column name"
            raise UsageError(
                "usage", f"the column {name!r} cannot be carried through the view", found=problem
            )
        taken.add(name.lower())
