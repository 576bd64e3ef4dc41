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


def version_order(table: str = "", direction: str = "") -> str:
    """The columns that order versions: meta.lastUpdated, then numeric versionId, then the time of arrival.

    What is absent sorts first. None of the values is null, so that they can be compared as a row.
    """
    at = f"{table}." if table else ""
    columns = (
        f"coalesce({at}last_updated, TIMESTAMPTZ '0001-01-01 00:00:00+00')",
        # A cast alone would round 1.5 and take a sign.
        (
            f"CASE WHEN regexp_full_match({at}version_id, '[0-9]{{1,38}}') "
            f"THEN CAST({at}version_id AS HUGEINT) ELSE -1 END"
        ),
        f"{at}known_at",
    )
    return ", ".join(f"{column} {direction}".rstrip() for column in columns)


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
    return int(context.session.sql("SELECT count(*) AS n FROM unit")["n"][0].as_py())


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


def whole_sql(wanted: str) -> str:
    """A condition on FHIR's rows `bronze`: every version of the resources for which another one holds."""
    if wanted == "TRUE":
        return wanted
    resource = "(source, resource_type, resource_id)"
    return f"{resource} IN (SELECT {resource} FROM {quote_table(FHIR.envelope)} AS bronze WHERE {wanted})"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(quote_text(value) for value in values)
