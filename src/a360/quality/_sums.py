"""What was counted of a dataset, brought up to date by counts of the rows that went and that came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import add, sub
from typing import Any

import sqlglot
from sqlglot import exp

from a360.contract import (
    DatasetRule,
    DistributionChange,
    DuplicateRows,
    Expression,
    FailingRows,
    InCodes,
    NullShareChange,
    RowCount,
    RowRule,
    VolumeChange,
)
from a360.quality._checks import literal
from a360.quality._judge import Counted
from a360.quality._stored import STORED, of_row

type Counts = Mapping[str, Counted]
"""What was counted, by what was counted."""

# A function that is not known to give the same for the same row is not in a sum: a clock, chance, a lookup.
_UNSTEADY = (
    *(exp.Anonymous, exp.Query, exp.Rand, exp.Randn, exp.Uuid),
    *(exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentUser),
)


def adds_up(rule: RowRule | DatasetRule, split_by: Sequence[str]) -> bool:
    """Whether the count of a rule is the sum of its counts over the parts of a dataset.

    The parts hold all rows of some values of `split_by`, so that rows which repeat these columns lie in one.
    """
    measure = rule.check if isinstance(rule, RowRule) else rule.measure
    match measure:
        case RowCount() | VolumeChange() | NullShareChange() | DistributionChange():
            return True
        case DuplicateRows(columns=columns):
            return set(columns) >= set(split_by)
        case FailingRows(check=check):
            return _is_steady(check)
        case _:
            return isinstance(rule, RowRule) and _is_steady(measure)


def _is_steady(check: object) -> bool:
    if isinstance(check, InCodes):
        return False  # what a vocabulary has changes without the rows
    if not isinstance(check, Expression):
        return True
    parsed = sqlglot.parse_one(check.sql, dialect="duckdb")
    return parsed.find(*_UNSTEADY) is None


def counts_sql(dataset: str, commit_id: str) -> str:
    """The rows that `read_counts` wants: what was counted of a dataset as a commit left it."""
    return (
        f"SELECT * FROM {STORED} WHERE dataset = {literal(dataset)} AND commit_id = {literal(commit_id)} "
        "AND scope = 'dataset' AND measure IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY measure ORDER BY known_at DESC) = 1"
    )


def read_counts(rows: Iterable[Mapping[str, Any]]) -> Counts:
    """What was counted; a deviation from history is none of it."""
    found: dict[str, Counted] = {}
    for row in rows:
        result = of_row(row)
        value = result.measured if result.kind == RowCount.kind else None
        found[result.fingerprint] = Counted(result.checked, result.failed, value, result.counts)
    return found


def brought_up(before: Counted, gone: Counted, come: Counted) -> Counted | None:
    """What is counted after some rows went and others came; None where the counts do not belong together."""
    parts = [_numbers(each) for each in (before, gone, come)]
    if len({tuple(number is None for number in part) for part in parts}) > 1:
        return None
    sums = [
        None if old is None or out is None or new is None else add(sub(old, out), new)
        for old, out, new in zip(*parts, strict=True)
    ]
    if any(number is not None and number < 0 for number in sums):
        return None
    checked, failed, value, *bins = sums
    return replace(
        come,
        checked=None if checked is None else int(checked),
        failed=None if failed is None else int(failed),
        value=value,
        counts=tuple(int(number or 0) for number in bins),
    )


def _numbers(counted: Counted) -> tuple[float | None, ...]:
    return (counted.checked, counted.failed, counted.value, *counted.counts)
