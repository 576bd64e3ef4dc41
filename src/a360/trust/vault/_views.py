"""What the contracts take out of a person's record and keep as tokens: the columns that the vault can open.

They are read by the very views that silver is made by, so that what a token stands for is never said twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from a360.contract import ColumnPlan, LakePlan, SilverStep, TablePlan
from a360.fhir import CompiledView, compile_view
from a360.protect import PERSON_TYPES, domains

ROW: Final = "row_id"
_KEYS: Final = frozenset({domains.PATIENT, "resource"})
_RESOURCE_KEY: Final = "getResourceKey()"


@dataclass(frozen=True, slots=True)
class IdentityView:
    """The columns of a dataset whose tokens stand for parts of a person's record."""

    dataset: str
    columns: tuple[str, ...]
    compiled: CompiledView


def identity_views(plan: LakePlan) -> tuple[IdentityView, ...]:
    """The columns that stand for what identifies people, dataset by dataset."""
    return tuple(_views(plan))


def _views(plan: LakePlan) -> Iterator[IdentityView]:
    for step in plan.steps:
        for view in step.views if isinstance(step, SilverStep) else ():
            if view.resource_type not in PERSON_TYPES:
                continue
            definition = view.definition
            kept = _kept(definition["select"], _opened(plan.table(step.dataset), definition["select"]))
            if kept:
                compiled = compile_view({**definition, "select": kept}, "duckdb", carry=(ROW,))
                names = tuple(column.name for column in compiled.schema)
                yield IdentityView(step.dataset, names, compiled)


def _opened(table: TablePlan, selects: Sequence[Mapping[str, Any]]) -> set[str]:
    """The columns that hold tokens of what stands in the record itself, and of its own id."""
    ids = {column["name"] for column in _columns(selects) if column.get("path") == _RESOURCE_KEY}
    return {column.name for column in table.columns if _is_opened(table, column, ids)}


def _is_opened(table: TablePlan, column: ColumnPlan, ids: set[str]) -> bool:
    if column.sensitivity != "identifier" or column.seal or column.derived or column.references:
        return False
    # Of the keys of people one tells who the row is about; others are references to people.
    return column.token not in _KEYS or (table.key == (column.name,) and column.name in ids)


def _columns(selects: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for select in selects:
        yield from select.get("column", ())
        yield from _columns([*select.get("select", ()), *select.get("unionAll", ())])


def _kept(selects: Sequence[Mapping[str, Any]], wanted: set[str]) -> list[dict[str, Any]]:
    """Selects with the wanted columns alone, and none that has none."""
    found = []
    for select in selects:
        inner = {name: _kept(select[name], wanted) for name in ("select", "unionAll") if name in select}
        inner["column"] = [column for column in select.get("column", ()) if column["name"] in wanted]
        inner = {name: each for name, each in inner.items() if each}
        if inner:
            outer = {
                name: each for name, each in select.items() if name not in {"column", "select", "unionAll"}
            }
            found.append({**outer, **inner})
    return found
