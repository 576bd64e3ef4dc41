"""What a step must look at again though it is not new: rows whose references may lead elsewhere by now.

What a reference names can arrive after it, can go, or can cease to be the only one of its name. Silver must
hold the same rows whatever came first.
"""

from collections.abc import Iterator, Mapping, Sequence

from a360.engine import quote_name, quote_table, quote_text
from a360.refine._context import BRONZE_RESOURCE, IDENTIFIERS, LINKS, MOVES, RefineContext
from a360.refine._lookups import searched_sql
from a360.refine._merged import changed_survivors, survivors
from a360.refine._moved import changed_moves
from a360.refine._shape import SilverShape
from a360.refine._standing import Standing

WAITING = "waiting"


def find_waiting(
    context: RefineContext,
    shape: SilverShape,
    stood: Standing,
    upstream: Mapping[str, str],
    commits: Sequence[str],
) -> bool:
    """Make `waiting`, the resources whose references may resolve otherwise now; whether there are any.

    `id` is that of the bronze row: for what is contained, `Type/id` of what contains it.
    """
    parts = [
        *_since_identifiers(context, shape, stood.upstream, upstream),
        *_since_links(context, shape, stood.upstream.get(LINKS), upstream.get(LINKS)),
        *_since_moves(context, shape, stood.upstream.get(MOVES), upstream.get(MOVES)),
        # A record names nothing by the full URL that a Bundle gave it.
        *(() if shape.of_records else _since_aliases(context, shape, commits)),
    ]
    if not parts:
        return False
    key = f"w.{quote_name(shape.id_column)}"
    rows = " UNION ALL ".join(
        f"SELECT w.source, {key} AS id FROM {quote_table(shape.table.dataset)} AS w {part}" for part in parts
    )
    unit = "id" if shape.of_records else "split_part(id, '#', 1) AS id"
    context.session.execute(
        f"CREATE OR REPLACE TEMP TABLE {WAITING} AS SELECT DISTINCT source, {unit} FROM ({rows}) AS found"
    )
    return _any(context, f"FROM {WAITING}")


def _since_identifiers(
    context: RefineContext, shape: SilverShape, stood: Mapping[str, str], upstream: Mapping[str, str]
) -> Iterator[str]:
    """Rows that wait for an identifier, and those that found a resource which is no longer the only one."""
    before, now = stood.get(IDENTIFIERS), upstream.get(IDENTIFIERS)
    if before == now:
        return
    yield "WHERE w.unresolved_references > 0"
    if before is None:
        return
    was, merged = survivors(context, stood.get(LINKS)), survivors(context, upstream.get(LINKS))
    lost = f"lost_{int(before)}_{int(now or 0)}_{was}_{merged}"
    # Steps of a run mostly stand on the same snapshots, and share what was found.
    if lost not in context.merged:
        context.session.execute(
            f"CREATE OR REPLACE TEMP TABLE {lost} AS SELECT DISTINCT source, resource_type, resource_id FROM "
            f"({searched_sql(merged=was, snapshot_id=before)} EXCEPT {searched_sql(merged=merged)}) AS was"
        )
        context.merged[lost] = lost
    yield from _leading_to(context, shape, lost)


def _since_links(
    context: RefineContext, shape: SilverShape, before: str | None, now: str | None
) -> Iterator[str]:
    """Rows of patients that another record stands for than before, and those that it may make findable."""
    remerged = changed_survivors(context, before, now)
    if remerged is None:
        return
    yield "WHERE w.unresolved_references > 0"
    if shape.is_replaceable:
        yield f"SEMI JOIN {remerged} AS t ON t.patient_key = w.{quote_name(shape.id_column)}"
    for column in filter(shape.names_patients, shape.references):
        yield f"SEMI JOIN {remerged} AS t ON t.held = w.{quote_name(column)}"


def _since_moves(
    context: RefineContext, shape: SilverShape, before: str | None, now: str | None
) -> Iterator[str]:
    """Visits that were moved, or moved back, and what hangs on them."""
    moved = changed_moves(context, before, now)
    if moved is None:
        return
    if shape.is_visit:
        key = quote_name(shape.id_column)
        yield f"SEMI JOIN {moved} AS t ON t.source = w.source AND t.encounter_id = w.{key}"
    for column in shape.visit_columns:
        yield f"SEMI JOIN {moved} AS t ON t.source = w.source AND t.held = w.{quote_name(column)}"


def _since_aliases(context: RefineContext, shape: SilverShape, commits: Sequence[str]) -> Iterator[str]:
    """Rows that name what is not in the lake, now that Bundles have told other names of what is in it."""
    if not commits:
        return
    new = f"commit_id IN ({', '.join(map(quote_text, commits))})"
    bronze = quote_table(BRONZE_RESOURCE)
    if not _any(context, f"FROM {bronze} WHERE full_url IS NOT NULL AND {new}"):
        return
    context.session.execute(
        f"CREATE OR REPLACE TEMP TABLE lost_alias AS SELECT DISTINCT source, resource_type, resource_id "
        f"FROM {bronze} WHERE NOT ({new}) AND full_url IN (SELECT full_url FROM {bronze} WHERE {new})"
    )
    yield from _leading_to(context, shape, "lost_alias")
    for column, kinds in _columns(shape):
        yield (
            f"ANTI JOIN {bronze} AS b ON b.source = w.source AND b.resource_id = {column} "
            f"AND b.resource_type IN ({kinds}) WHERE {column} IS NOT NULL"
        )


def _leading_to(context: RefineContext, shape: SilverShape, table: str) -> Iterator[str]:
    if _any(context, f"FROM {table}"):
        for column, kinds in _columns(shape):
            yield (
                f"SEMI JOIN {table} AS t ON t.source = w.source AND t.resource_id = {column} "
                f"AND t.resource_type IN ({kinds})"
            )


def _columns(shape: SilverShape) -> Iterator[tuple[str, str]]:
    """Each reference column, with the types it may name."""
    for name, targets in shape.references.items():
        yield f"w.{quote_name(name)}", ", ".join(quote_text(target.resource_type) for target in targets)


def _any(context: RefineContext, rows: str) -> bool:
    return bool(context.session.sql(f"SELECT 1 AS found {rows} LIMIT 1").num_rows)
