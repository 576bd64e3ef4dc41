"""What changes about the columns of a table."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from a360.contract._findings import Finding
from a360.contract._marks import Marks, sensitivity_of
from a360.contract._plan import ColumnPlan, TablePlan
from a360.contract._types import parse_type, widens

if TYPE_CHECKING:
    from a360.contract._diff import ActualColumn, ActualTable

_SAME_SNAPSHOTS = "old snapshots are read as they were written"


def column_findings(
    table: TablePlan, actual: "ActualTable", marks: Marks, users: Callable[[str], Sequence[str]] | None
) -> Iterator[Finding]:
    """Columns added, changed, dropped, put in another order; the key; what a column's values mean."""
    by_id = {column.field_id: column for column in actual.columns}
    by_name = {column.name: column for column in actual.columns}
    for column in table.columns:
        old = by_id.get(column.field_id)
        if old is None:
            yield _new(column, by_name.get(column.name))
        else:
            yield from _changed(table, column, old, actual, users)
            yield from _sensitivity(column, marks.columns.get(column.field_id))
    names, planned = set(table.column_names), {column.field_id for column in table.columns}
    for old in actual.columns:
        if old.field_id not in planned and old.name not in names:
            yield _dropped(table, old, users)
    yield from _order(table, actual)
    yield from _key(table, actual, marks)


def _new(column: ColumnPlan, namesake: "ActualColumn | None") -> Finding:
    name = column.name
    if namesake is not None:
        was = namesake.field_id
        return Finding(
            "number",
            name,
            f"{name} has the field id {was} in the table and {column.field_id} in the contract",
            "readers of old files find columns by id and would miss the values of this one",
            instead=f"write {was}",
        )
    if column.required:
        return Finding(
            "add",
            name,
            f"{name} is new and required, and rows that are there have no value for it",
            instead="declare it required: false, run until every row has a value, then write required: true",
        )
    return Finding(
        "add",
        name,
        f"add {name} {column.type}",
        "queries that name their columns notice nothing; SELECT * gives one column more",
        f"rows that are there have null until their step computes them anew; old snapshots have no {name}",
    )


def _changed(
    table: TablePlan,
    new: ColumnPlan,
    old: "ActualColumn",
    actual: "ActualTable",
    users: Callable[[str], Sequence[str]] | None,
) -> Iterator[Finding]:
    if new.name != old.name:
        yield _renamed(new, old, users)
    if _spelled(new.type) != _spelled(old.type):
        yield _retyped(new, old, table, actual)
    if new.required and not old.required:
        yield _required(new, actual.nulls.get(new.field_id))
    elif old.required and not new.required:
        yield Finding(
            "relax",
            new.name,
            f"let {new.name} be null",
            f"queries that count on a value in {new.name} will meet nulls",
            _SAME_SNAPSHOTS,
            breaking=True,
        )
    if new.doc != old.doc:
        yield Finding("describe", new.name, f"describe {new.name} anew")


def _renamed(new: ColumnPlan, old: "ActualColumn", users: Callable[[str], Sequence[str]] | None) -> Finding:
    what = f"rename {old.name} to {new.name}"
    readers = f"queries that say {old.name} fail until they say {new.name}; no value changes"
    used = users(old.name) if users else ()
    instead = f"let them say {new.name}: {', '.join(used)}" if used else ""
    what = f"{what}, and {len(used)} still use(s) the old name" if used else what
    return Finding(
        "rename",
        new.name,
        what,
        readers,
        f"files stay as they are; a query of an old snapshot says {old.name}",
        breaking=True,
        instead=instead,
    )


def _retyped(new: ColumnPlan, old: "ActualColumn", table: TablePlan, actual: "ActualTable") -> Finding:
    format_version = max(table.format_version, actual.format_version)
    partitioned = any(part.column in {old.name, new.name} for part in (*table.partition, *actual.partition))
    if widens(old.type, new.type, format_version, partitioned=partitioned):
        return Finding(
            "widen",
            new.name,
            f"widen {new.name} from {old.type} to {new.type}",
            f"values stay the same; programs that hold {new.name} as {old.type} may meet greater ones",
            f"files stay as they are and are read as {new.type}; old snapshots still say {old.type}",
        )
    hint = ""
    if _spelled(old.type) == "date" and new.type.startswith("timestamp"):
        hint = " (Iceberg widens a date to a timestamp without zone only, and only in format 3)"
    return Finding(
        "type",
        new.name,
        f"{new.name} would change from {old.type} to {new.type}, which values that are there do not fit"
        + hint,
        f"readers would fail, or read other values than were written, in every file with {new.name}",
        breaking=True,
        instead=f"add a column of type {new.type} beside it under a new name, fill it in the view or model, "
        f"let readers move, then drop {old.name} in the next major version",
    )


def _required(new: ColumnPlan, nulls: int | None) -> Finding:
    if nulls == 0:
        return Finding(
            "require",
            new.name,
            f"require {new.name}, which holds no null now",
            "queries notice nothing; rows without a value are no longer accepted",
            f"old snapshots keep the nulls they may have in {new.name}",
        )
    found = "may hold nulls" if nulls is None else f"holds {nulls} null(s)"
    return Finding(
        "require",
        new.name,
        f"{new.name} {found} and would become required",
        instead="keep it required: false until its view or model gives every row a value, then require it",
    )


def _dropped(table: TablePlan, old: "ActualColumn", users: Callable[[str], Sequence[str]] | None) -> Finding:
    used = users(old.name) if users else ()
    instead = ""
    if used:
        instead = f"first take it out of what uses it: {', '.join(used)}"
    elif table.namespace == "bronze":
        instead = "bronze holds what was received and cannot be made again; keep it, deprecated: true"
    return Finding(
        "drop",
        old.name,
        f"{old.name} would be dropped with its values" if instead else f"drop {old.name}",
        f"queries that say {old.name} fail; the id {old.field_id} is never given again",
        f"old snapshots show {old.name} until they expire, and files keep it until they are rewritten",
        breaking=True,
        instead=instead,
    )


def _spelled(type_: str) -> str:
    parsed = parse_type(type_)
    return str(parsed) if parsed else type_


def _order(table: TablePlan, actual: "ActualTable") -> Iterator[Finding]:
    planned, there = [c.field_id for c in table.columns], [c.field_id for c in actual.columns]
    kept = [number for number in planned if number in set(there)]
    if kept != [number for number in there if number in set(planned)]:
        yield Finding(
            "reorder",
            "",
            "put the columns in another order",
            "queries that name their columns notice nothing; SELECT * and exports give another order",
            "old snapshots keep their order",
        )


def _key(table: TablePlan, actual: "ActualTable", marks: Marks) -> Iterator[Finding]:
    if marks.key is None or marks.key == tuple(table.column(name).field_id for name in table.key):
        return
    names = {column.field_id: column.name for column in actual.columns}
    old = ", ".join(names.get(number, "?") for number in marks.key)
    yield Finding(
        "key",
        "",
        f"the key would change from ({old}) to ({', '.join(table.key)})",
        "rows that are there were merged by the old key: some would be lost, others stand twice",
        breaking=True,
        instead="declare a new dataset with the new key, let readers move, then retire this one",
    )


def _sensitivity(column: ColumnPlan, before: str | None) -> Iterator[Finding]:
    now = sensitivity_of(column)
    if before is None or before == now:
        return
    (old, _, _), (new, _, _) = before.partition("/"), now.partition("/")
    name = column.name
    if "identifier" in (old, new):
        lies = "in clear" if old != "identifier" else f"as tokens ({before})"
        yield Finding(
            "sensitivity",
            name,
            f"{name} would change from {before} to {now}, and its values lie {lies} in files and snapshots",
            "old and new rows would not join, and what lies in clear would stay so",
            breaking=True,
            instead=f"add a column of sensitivity {now} under a new name, drop {name} in the next major "
            "version, then expire the old snapshots",
        )
        return
    yield Finding(
        "sensitivity",
        name,
        f"{name} is {new} from now on, and was {old}",
        f"who may read {name} follows what lake.yaml grants for {new}; no value changes",
        "old snapshots are under the new policy too",
    )
