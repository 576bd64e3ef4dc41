"""Refused rows that a step looks at again, and what becomes of the records of those it refuses no more.

The rows land first, then their records leave the quarantine. A process that dies between the two leaves
records of rows that have landed; the next replay finds these unchanged and clears their records.
"""

from collections.abc import Sequence

from a360.catalog import CommitStamp
from a360.contract import RowRule
from a360.engine import quote_table, quote_text
from a360.failpoints import failpoint
from a360.refine._context import RefineContext
from a360.table import new_commit_id

_PLACE = ("source", "file", '"offset"', "known_at")


def refused_sql(quarantine: str, dataset: str) -> str:
    """A condition on rows `bronze`: those that a dataset refused, or that contain what it refused."""
    return (
        f"EXISTS (SELECT 1 FROM {quote_table(quarantine)} AS q "
        f"WHERE q.dataset = {quote_text(dataset)} AND {_same('q', 'bronze', _PLACE)})"
    )


def clear_superseded(context: RefineContext, quarantine: str, dataset: str, rules: Sequence[RowRule]) -> int:
    """Delete the records of units that were looked at and are not refused by the same rule now; how many.

    `rules` are those that verdicts name by number.
    """
    if context.tables.current_snapshot_id(quarantine) is None:
        return 0
    place, session = ", ".join(_PLACE), context.session
    of_unit = ", ".join(f"u.{name}" for name in _PLACE)
    names = " ".join(f"WHEN '{number}' THEN {quote_text(rule.name)}" for number, rule in enumerate(rules))
    session.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE superseded AS
        SELECT DISTINCT {", ".join(f"q.{name}" for name in (*_PLACE, "rule"))}
        FROM {quote_table(quarantine)} AS q
        SEMI JOIN unit AS u ON {_same("q", "u", _PLACE)}
        ANTI JOIN (
            SELECT {of_unit}, CASE split_part(r.verdict, ',', 1) {names} END AS rule
            FROM rejected AS r JOIN unit AS u ON u.row_id = r.row_id
        ) AS still ON {_same("q", "still", (*_PLACE, "rule"))}
        WHERE q.dataset = {quote_text(dataset)}
        """
    )
    among = f"coalesce(({place}, rule) IN (SELECT ({place}, rule) FROM superseded), FALSE)"
    gone = f"dataset = {quote_text(dataset)} AND {among}"
    count = f"SELECT count(*) AS n FROM {quote_table(quarantine)} WHERE {gone}"
    found = int(session.sql(count)["n"][0].as_py())
    if found:
        failpoint("refine.silver.before-clear")
        context.tables.delete(quarantine, gone, CommitStamp(new_commit_id()), session=session)
    return found


def _same(one: str, other: str, columns: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in columns)
