"""Quality rules as SQL: pure code that writes the queries and reads their answers; an engine runs them.

Row rules judge each row in the pass that prepares it (`verdict_sql`), dataset rules measure the rows about
to be committed in one scan (`measure_sql`). Both end as `RuleResult` values, and `score` sums them up.
"""

from a360.quality._checks import failure_sql
from a360.quality._measures import measure_results, measure_sql
from a360.quality._results import RuleResult, score
from a360.quality._verdicts import SEPARATOR, Verdicts, verdict_sql

__all__ = [
    "SEPARATOR",
    "RuleResult",
    "Verdicts",
    "failure_sql",
    "measure_results",
    "measure_sql",
    "score",
    "verdict_sql",
]
