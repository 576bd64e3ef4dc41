"""Rules of a dataset as a whole, measured in the engine and compared with earlier measurements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from a360.contract import DanglingRows, DatasetRule, DuplicateRows, Latency, RowRule
from a360.quality import (
    Counted,
    History,
    RuleResult,
    Scope,
    adds_up,
    brought_up,
    compares,
    counted,
    counts_sql,
    history_sql,
    judged,
    measure_sql,
    read_counts,
    read_history,
)
from a360.refine._context import RefineContext

_MEASURED = "measured_rows"
AFTERWARDS = (DanglingRows, Latency)
"""What is measured once all datasets have landed, and stops none: the order of arrival must not matter."""


type Rules = Sequence[RowRule | DatasetRule]


def measured(
    context: RefineContext,
    dataset: str,
    rules: Rules,
    rows: str,
    *,
    alive: str = "TRUE",
    scope: Scope = "dataset",
) -> list[RuleResult]:
    """Measure rules on a relation, in one query."""
    if not rules:
        return []
    counts = _counted(context, dataset, rules, rows, alive=alive)
    return judged(dataset, rules, counts, history=_history(context, dataset, rules), scope=scope)


def _counted(
    context: RefineContext, dataset: str, rules: Rules, rows: str, *, alive: str = "TRUE"
) -> list[Counted]:
    now, session = datetime.now(UTC), context.session
    if rows.startswith("("):
        # A query is the session's to translate; what measures is spelt in each engine's own SQL.
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_MEASURED} AS SELECT * FROM {rows} AS own")
        rows = _MEASURED
    found = session.native(lambda dialect: measure_sql(dataset, rules, rows, dialect, alive=alive, now=now))
    return counted(rules, found.to_pylist()[0], now=now)


def _history(context: RefineContext, dataset: str, rules: Rules) -> History | None:
    if not compares(rules):
        return None
    return read_history(context.session.sql(history_sql(dataset, None)).to_pylist())


@dataclass(frozen=True, slots=True)
class Exchange:
    """Rows of a dataset that go and rows that come in their place, by relations.

    Both are all rows of some values of the columns `of`; `commit_id` names the commit whose rows the dataset
    holds before, None where that is not known, and `whole` the dataset as it will be.
    """

    of: Sequence[str]
    commit_id: str | None
    gone: str
    come: str
    whole: str


def measured_exchange(
    context: RefineContext, dataset: str, rules: Rules, exchange: Exchange
) -> list[RuleResult]:
    """Measure rules on a dataset as it will be, from what is kept of it as it was as far as that goes."""
    counts = _summed(context, dataset, rules, exchange)
    rest = [place for place in range(len(rules)) if place not in counts]
    if rest:
        others = _counted(context, dataset, [rules[place] for place in rest], exchange.whole)
        counts |= zip(rest, others, strict=True)
    history = _history(context, dataset, rules)
    return judged(dataset, rules, [counts[place] for place in range(len(rules))], history=history)


def _summed(context: RefineContext, dataset: str, rules: Rules, exchange: Exchange) -> dict[int, Counted]:
    """What was counted before, less what is counted of the rows that go, and with that of those that come.

    By the places of the rules that can be measured so.
    """
    if exchange.commit_id is None:
        return {}
    before = read_counts(context.session.sql(counts_sql(dataset, exchange.commit_id)).to_pylist())
    known = {
        place: before[rule.fingerprint]
        for place, rule in enumerate(rules)
        if adds_up(rule, exchange.of) and rule.fingerprint in before
    }
    if not known:
        return {}
    measured_now = [rules[place] for place in known]
    gone, come = (_counted(context, dataset, measured_now, rows) for rows in (exchange.gone, exchange.come))
    sums = map(brought_up, known.values(), gone, come)
    return {place: each for place, each in zip(known, sums, strict=True) if each is not None}


def split_key(
    rules: Sequence[DatasetRule], key: Sequence[str]
) -> tuple[list[DatasetRule], list[DatasetRule]]:
    """The rules that new rows alone can break, since a merge replaces rows by their key; and the others."""
    before = [rule for rule in rules if not isinstance(rule.measure, AFTERWARDS)]
    of_key = [
        rule
        for rule in before
        if isinstance(rule.measure, DuplicateRows) and set(rule.measure.columns) >= set(key)
    ]
    return of_key, [rule for rule in before if rule not in of_key]
