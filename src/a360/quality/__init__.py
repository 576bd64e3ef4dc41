"""Quality rules as SQL: pure code that writes the queries and reads their answers; an engine runs them.

Row rules judge each row in the pass that prepares it (`verdict_sql`); `measure_sql` measures all rules of a
dataset in one scan. Both end as `RuleResult` values, which `score` sums up, `to_row` keeps, and
`judge_stored` holds to thresholds that have changed since.
"""

from a360.quality._anomalies import Past
from a360.quality._blocked import RuleBlockedError, require_unblocked
from a360.quality._checks import failure_sql
from a360.quality._html import render_html
from a360.quality._judge import Counted
from a360.quality._measures import counted, judged, measure_results, measure_sql
from a360.quality._results import CHANGES, DIMENSIONS, RuleResult, Scope, ScorePoint, score, scores
from a360.quality._stored import (
    STORED,
    History,
    Stored,
    compares,
    history_sql,
    judge_stored,
    of_row,
    read_history,
    to_row,
)
from a360.quality._sums import Counts, adds_up, brought_up, counts_sql, read_counts
from a360.quality._verdicts import SEPARATOR, Verdicts, verdict_sql
from a360.quality._words import asked, found

__all__ = [
    "CHANGES",
    "DIMENSIONS",
    "SEPARATOR",
    "STORED",
    "Counted",
    "Counts",
    "History",
    "Past",
    "RuleBlockedError",
    "RuleResult",
    "Scope",
    "ScorePoint",
    "Stored",
    "Verdicts",
    "adds_up",
    "asked",
    "brought_up",
    "compares",
    "counted",
    "counts_sql",
    "failure_sql",
    "found",
    "history_sql",
    "judge_stored",
    "judged",
    "measure_results",
    "measure_sql",
    "of_row",
    "read_counts",
    "read_history",
    "render_html",
    "require_unblocked",
    "score",
    "scores",
    "to_row",
    "verdict_sql",
]
