"""How far a measurement is from what earlier ones lead to expect."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from a360.contract import Anomaly, DistributionChange, NullShareChange, VolumeChange


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier measurement counted: rows, of these nulls, and rows by declared value or bin."""

    checked: int = 0
    failed: int = 0
    counts: tuple[int, ...] = ()


def deviation(measure: Anomaly, now: Past, history: Sequence[Past]) -> float | None:
    """How far a measurement is from the newest `history` ones, newest first; None where there are too few.

    Medians and one vote a measurement, so that one bad day among many good ones moves little.
    """
    match measure:
        case VolumeChange(history=needed):
            return _volume(now, history[:needed]) if len(history) >= needed else None
        case NullShareChange(history=needed):
            usable = [past for past in history if past.checked][:needed]
            return _null_share(now, usable) if now.checked and len(usable) == needed else None
        case DistributionChange(history=needed):
            usable = [past for past in history if sum(past.counts) >= measure.minimum_rows][:needed]
            if sum(now.counts) < measure.minimum_rows or len(usable) < needed:
                return None
            far = _psi if measure.method == "psi" else _total_variation
            return far(now.counts, [past.counts for past in usable])


def _volume(now: Past, history: Sequence[Past]) -> float:
    rows = [past.checked for past in history]
    growth = median(newer - older for newer, older in pairwise(rows))
    expected = max(rows[0] + growth, 0)
    return 100.0 * abs(now.checked - expected) / max(expected, 1)


def _null_share(now: Past, history: Sequence[Past]) -> float:
    usual = median(past.failed / past.checked for past in history)
    return 100.0 * abs(now.failed / now.checked - usual)


def _total_variation(now: Sequence[int], history: Sequence[Sequence[int]]) -> float:
    """The percent of rows that lie elsewhere than they used to."""
    usual = _mean([_shares(counts) for counts in history])
    return 50.0 * sum(abs(share - used) for share, used in zip(_shares(now), usual, strict=True))


def _psi(now: Sequence[int], history: Sequence[Sequence[int]]) -> float:
    """The population stability index; half a row is added to each bin, or an empty one would be infinite."""
    usual = _mean([_shares(counts, 0.5) for counts in history])
    pairs = zip(_shares(now, 0.5), usual, strict=True)
    return sum((share - used) * math.log(share / used) for share, used in pairs)


def _shares(counts: Sequence[int], added: float = 0.0) -> list[float]:
    total = sum(counts) + added * len(counts)
    return [(count + added) / total for count in counts]


def _mean(shares: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(shares) for column in zip(*shares, strict=True)]
