"""The input units of a silver step: the bronze rows it has to look at, as the temporary table `unit`.

A unit is a resource as it was received, or a resource contained in one. `unit` has what is needed to order
versions and to find the payload; payloads themselves stay sealed until they are parsed.
"""

from collections.abc import Iterable, Sequence

from a360.contract import SilverStep
from a360.engine import quote_table, quote_text
from a360.refine._context import BRONZE_RESOURCE, RefineContext
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
    types = _texts(step.resource_types)
    context.session.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE unit AS
        SELECT row_number() OVER () AS row_id, source, resource_type, resource_id, version_id, last_updated,
            known_at, arrival, deleted, content_hash, file, "offset", block_id, "position"
        FROM {quote_table(BRONZE_RESOURCE)} AS bronze
        WHERE resource_type IN ({types}) AND ({wanted})
        """
    )
    return int(context.session.sql("SELECT count(*) AS n FROM unit")["n"][0].as_py())


def wanted_sql(commits: Sequence[str] | None, *, waiting: bool) -> str:
    """A condition on rows `bronze`: those of these commits, None meaning all, and those in `waiting`."""
    if commits is None:
        return "TRUE"
    wanted = f"commit_id IN ({_texts(commits)})" if commits else "FALSE"
    if not waiting:
        return wanted
    # Two conditions, since one with OR inside could not be hashed.
    again = [
        f"EXISTS (SELECT 1 FROM {WAITING} AS w WHERE w.source = bronze.source AND w.id = {key})"
        for key in ("bronze.resource_id", "bronze.resource_type || '/' || bronze.resource_id")
    ]
    return " OR ".join([wanted, *again])


def whole_sql(wanted: str) -> str:
    """A condition on rows `bronze`: every version of the resources for which another condition holds."""
    if wanted == "TRUE":
        return wanted
    resource = "(source, resource_type, resource_id)"
    return f"{resource} IN (SELECT {resource} FROM {quote_table(BRONZE_RESOURCE)} AS bronze WHERE {wanted})"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(quote_text(value) for value in values)
