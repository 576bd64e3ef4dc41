"""The input units of a silver step: the bronze rows it has to look at, as the temporary table `unit`.

A unit is a resource as it was received, a resource contained in one, or a record. `unit` has what is needed
to order versions and to find the payload, under the names that resources have; payloads themselves stay
sealed until they are parsed.
"""

from collections.abc import Iterable, Sequence

from a360.contract import SilverStep
from a360.engine import quote_name, quote_table, quote_text
from a360.refine._context import FHIR, Ground, RefineContext, ground_of
from a360.refine._waiting import WAITING

UNIT_COLUMNS = (
    "source",
    "resource_type",
    "resource_id",
    "version_id",
    "last_updated",
    "known_at",
    "arrival",
    "deleted",
    "content_hash",
    "file",
    "offset",
    "line",
    "block_id",
    "position",
)
"""The columns of `unit` behind `row_id`, in order; resources have no `line`."""


def select_units(context: RefineContext, step: SilverStep, wanted: str) -> int:
    """Make `unit` from the bronze rows that are wanted and return how many there are."""
    ground = ground_of(step)
    types = _texts([step.records.record] if step.records else step.resource_types)
    other = {"resource_type": ground.type, "resource_id": ground.id, "line": ground.line}
    columns = ", ".join(f"{other.get(name, quote_name(name))} AS {quote_name(name)}" for name in UNIT_COLUMNS)
    context.session.execute(
        f"CREATE OR REPLACE TEMP TABLE unit AS SELECT row_number() OVER () AS row_id, {columns} "
        f"FROM {quote_table(ground.envelope)} AS bronze WHERE {ground.type} IN ({types}) AND ({wanted})"
    )
    _find_reused(context, step, types)
    return int(context.session.sql("SELECT count(*) AS n FROM unit")["n"][0].as_py())


def _find_reused(context: RefineContext, step: SilverStep, types: str) -> None:
    """Make `reused`, where keys are remembered for a while: the units that prove to be other events.

    They came so long after the first of their key. Which they are follows from all that came under it, in
    whatever order it came. What is refused for another reason counts as well: its key was given, and whether
    its values can be read says nothing of that.
    """
    window = step.records.dedup_window if step.records else None
    if window is None:
        return
    ground = ground_of(step)
    context.session.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE reused AS
        WITH event AS (
            SELECT e.source, e.{ground.id} AS resource_id, e.known_at, e.arrival, e.event_time,
                min(e.event_time) OVER (PARTITION BY e.source, e.{ground.id}) AS first_time
            FROM {quote_table(ground.envelope)} AS e
            SEMI JOIN unit AS u ON u.source = e.source AND u.resource_id = e.{ground.id}
            WHERE e.{ground.type} IN ({types})
        )
        SELECT u.row_id FROM unit AS u JOIN event AS e USING (source, resource_id, known_at, arrival)
        WHERE e.event_time > e.first_time + INTERVAL {int(window)} SECOND
        """
    )


def wanted_sql(commits: Sequence[str] | None, ground: Ground, *, waiting: bool) -> str:
    """A condition on rows `bronze`: those of these commits, None meaning all, and those in `waiting`."""
    if commits is None:
        return "TRUE"
    wanted = f"commit_id IN ({_texts(commits)})" if commits else "FALSE"
    if not waiting:
        return wanted
    # Two conditions, since one with OR inside could not be hashed.
    keys = [f"bronze.{ground.id}"]
    if ground is FHIR:
        keys.append("bronze.resource_type || '/' || bronze.resource_id")
    again = [
        f"EXISTS (SELECT 1 FROM {WAITING} AS w WHERE w.source = bronze.source AND w.id = {key})"
        for key in keys
    ]
    return " OR ".join([wanted, *again])


def whole_sql(wanted: str, ground: Ground = FHIR) -> str:
    """A condition on rows `bronze`: every version of the things for which another one holds."""
    if wanted == "TRUE":
        return wanted
    thing = f"(source, {ground.type}, {ground.id})"
    return f"{thing} IN (SELECT {thing} FROM {quote_table(ground.envelope)} AS bronze WHERE {wanted})"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(quote_text(value) for value in values)
