"""Local times of a zone as instants, in DuckDB SQL, by the time zone database that Python has.

A local time that comes twice, as when clocks go back, is its first occurrence; one that does not exist, as
when clocks go forward, counts on from the offset before (`fold=0` of PEP 495). DuckDB's own conversion takes
the later one, and knows the database of another year.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# Before the one the first offset holds, from the other on that of its first day.
FIRST_YEAR, LAST_YEAR = 1900, 2100
_DAY = timedelta(days=1)

type _Offset = Callable[[datetime], int]


def instant_sql(local: str, zone: str) -> str:
    """A TIMESTAMP in UTC for a local TIMESTAMP of a zone."""
    offsets, changes = _offsets(zone)
    return f"({local} - to_seconds({_chosen(local, offsets, changes)}))"


def _chosen(local: str, offsets: tuple[int, ...], changes: tuple[datetime, ...]) -> str:
    """The offset that holds at a local time, found by halving: few comparisons a value."""
    if not changes:
        return str(offsets[0])
    middle = len(changes) // 2
    earlier = _chosen(local, offsets[: middle + 1], changes[:middle])
    later = _chosen(local, offsets[middle + 1 :], changes[middle + 1 :])
    return f"CASE WHEN {local} < TIMESTAMP '{changes[middle]}' THEN {earlier} ELSE {later} END"


@lru_cache(maxsize=64)
def _offsets(name: str) -> tuple[tuple[int, ...], tuple[datetime, ...]]:
    """The offsets of a zone in seconds, in order, and the local times from which each next one holds."""
    zone = ZoneInfo(name)

    def offset(at: datetime) -> int:
        found = at.astimezone(zone).utcoffset()
        return int(found.total_seconds()) if found else 0

    day = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    offsets, changes = [offset(day)], []
    while day.year < LAST_YEAR:
        following = day + _DAY
        if offset(following) != offsets[-1]:
            change = _between(day, following, offset)
            changes.append(
                (change + timedelta(seconds=max(offsets[-1], offset(change)))).replace(tzinfo=None)
            )
            offsets.append(offset(change))
            day = change
        else:
            day = following
    return tuple(offsets), tuple(changes)


def _between(before: datetime, after: datetime, offset: _Offset) -> datetime:
    """The first second whose offset is another than the one at `before`."""
    known = offset(before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if offset(middle) == known:
            before = middle
        else:
            after = middle
    return after
