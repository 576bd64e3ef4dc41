"""The input units of a silver step: the bronze rows it has to look at, as the temporary table `unit`.

A unit is a resource as it was received, a resource contained in one, or a record. `unit` has what is needed
to order versions and to find the payload, under the names that resources have; payloads themselves stay
sealed until they are parsed.
"""

from collections.abc import Iterable, Sequence

from a360.contract import SilverStep
from a360.engine import quote_table, quote_text
from a360.refine._context import FHIR, Ground, RefineContext, ground_of
from a360.refine._waiting import WAITING


def select_units(context: RefineContext, step: SilverStep, wanted: str) -> int:
    """Make `unit` from the bronze rows that are wanted and return how many there are."""
    ground = ground_of(step)
    types = _texts([step.records.record] if step.records else step.resource_types)
    context.session.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE unit AS
        SELECT row_number() OVER () AS row_id, source, {ground.type} AS resource_type,
            {ground.id} AS resource_id, version_id, last_updated, known_at, arrival, deleted, content_hash,
            file, "offset", {ground.line} AS line, block_id, "position"
        FROM {quote_table(ground.envelope)} AS bronze
        WHERE {ground.type} IN ({types}) AND ({wanted})
        """
    )
    _find_reused(context, step, types)
    return int(context.session.sql("SELECT count(*) AS n FROM unit")["n"][0].as_py())


def _find_reused(context: RefineContext, step: SilverStep, types: str) -> None:
    """Make `reused`: the units that came so long after the first of their key that they are other events.

    Which they are follows from all that came under the key, in whatever order it came. What is refused for
    another reason counts as well: its key was given, and whether its values can be read says nothing of that.
    """
    window = step.records.dedup_window if step.records else None
    context.session.execute("CREATE OR REPLACE TEMP TABLE reused (row_id BIGINT)")
    if window is None:
        return
    ground = ground_of(step)
    context.session.execute(
        f"""
        INSERT INTO reused
        WITH event AS (
            SELECT source, {ground.id} AS resource_id, known_at, arrival, event_time,
                min(event_time) OVER (PARTITION BY source, {ground.id}) AS first_time
            FROM {quote_table(ground.envelope)}
            WHERE {ground.type} IN ({types})
                AND (source, {ground.id}) IN (SELECT (source, resource_id) FROM unit)
        )
        SELECT u.row_id FROM unit AS u JOIN event AS e USING (source, resource_id, known_at, arrival)
        WHERE e.event_time > e.first_time + to_seconds({int(window)})
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
