"""Which visits were moved: to which number, and to which patient, as `silver.encounter_move` tells.

What hangs on a visit moves with it, though it names the patient that it was taken for. Of a visit the newest
move counts, whatever came first.
"""

import pyarrow as pa

from a360.contract import stated
from a360.engine import quote_table
from a360.refine._context import MOVES, RefineContext
from a360.refine._merged import changed, kept, replaced

_MOVES = """
    SELECT source || chr(31) || encounter_id AS one, source || chr(31) || other_id AS other, patient_key
    FROM (
        SELECT *, {said_at} AS said_at, {version} AS version FROM {moves}
        WHERE NOT deleted AND encounter_id IS NOT NULL AND other_id IS NOT NULL
    )
    QUALIFY row_number() OVER (
        PARTITION BY source, encounter_id ORDER BY said_at DESC, version DESC, encounter_move_id
    ) = 1
    ORDER BY said_at, version, encounter_id
"""
_FOUND = """
    WITH led AS (
        -- A move that leads nowhere else keeps the visit's number, or is the oldest of a circle.
        SELECT m.*, coalesce(e.last, m.one) AS last
        FROM moves_said AS m LEFT JOIN moves_end AS e ON e.one = m.one
    ), owned AS (
        SELECT last, max_by(patient_key, age) AS patient_key FROM led
        WHERE patient_key IS NOT NULL GROUP BY last
    ), named AS (SELECT one, last FROM led UNION SELECT last, last FROM led)
    SELECT split_part(n.one, chr(31), 1) AS source, split_part(n.one, chr(31), 2) AS encounter_id,
        split_part(n.last, chr(31), 2) AS other_id, o.patient_key
    FROM named AS n LEFT JOIN owned AS o ON o.last = n.last
    QUALIFY row_number() OVER (PARTITION BY n.one ORDER BY n.last <> n.one DESC) = 1
"""


def moves(context: RefineContext, snapshot_id: str | None) -> str | None:
    """A table of visits that were moved, by `source` and `encounter_id`; None if there are none.

    `other_id` is the number that a visit has in the end, `patient_key` whose it is.
    """
    if snapshot_id is None:
        return None
    if snapshot_id not in context.merged:
        said_at, version = stated()
        at = f"{quote_table(MOVES)} AT (VERSION => {int(snapshot_id)})"
        said = context.session.sql(_MOVES.format(moves=at, said_at=said_at, version=version))
        context.merged[snapshot_id] = _followed(context, f"moved_{int(snapshot_id)}", said)
    return context.merged[snapshot_id]


def _followed(context: RefineContext, name: str, said: pa.Table) -> str | None:
    if not said.num_rows:
        return None
    one, last = replaced(said["one"], said["other"])
    session = context.session
    session.register("moves_said", said.append_column("age", pa.array(range(said.num_rows))))
    session.register("moves_end", pa.table({"one": one, "last": last}))
    found = session.sql(_FOUND)
    session.unregister("moves_said")
    session.unregister("moves_end")
    return kept(context, name, found)


def changed_moves(context: RefineContext, before: str | None, now: str | None) -> str | None:
    """A table of the visits that are elsewhere than before; None if there are none.

    `encounter_id` is the visit itself, `held` the id that rows which name it have had until now.
    """
    tables = moves(context, before), moves(context, now)
    return changed(
        context,
        f"removed_{int(before or 0)}_{int(now or 0)}",
        tables,
        key=("source", "encounter_id"),
        told=("other_id", "patient_key"),
    )
