"""Local times of a zone as instants, in DuckDB SQL, by the time zone database that Python has.

A local time that comes twice, as when clocks go back, is its first occurrence; one that does not exist, as
when clocks go forward, counts on from the offset before (`fold=0` of PEP 495). DuckDB's own conversion takes
the later one, and knows the database of another year.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from a360.contract import quote_name

type Layer = tuple[str, str]
"""The name of a column and its expression, which may use columns of the layers before."""

# Before the one the first offset holds, from the other on that of its first day.
FIRST_YEAR, LAST_YEAR = 1900, 2100
_YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
_DAY = timedelta(days=1)
_STARTS, _CHANGES, _OFFSETS = "zone.starts", "zone.changes", "zone.offsets"

type _Offset = Callable[[datetime], int]


def zone_layer(zone: str) -> list[Layer]:
    """Constant columns, once a query: what `instant_layers` looks offsets up in."""
    found = _offsets(zone)
    places = (sum(change.year < year for change in found.changes) for year in _YEARS)
    return [
        (_STARTS, f"CAST('[{', '.join(map(str, places))}]' AS INTEGER[])"),
        (_CHANGES, f"CAST('[{', '.join(map(str, found.changes))}]' AS TIMESTAMP[])"),
        (_OFFSETS, f"CAST('[{', '.join(map(str, found.offsets))}]' AS INTEGER[])"),
    ]


def instant_layers(name: str, local: str, zone: str) -> list[Layer]:
    """Columns that lead from a local TIMESTAMP of a zone to a TIMESTAMP in UTC, the last of them."""
    start, place = f"{name}.start", f"{name}.place"
    year = f"greatest(1, least({len(_YEARS)}, year({local}) - {FIRST_YEAR - 1}))"
    # Changes of the years before are counted; of its own year a time is held against each.
    passed = [
        f"coalesce(CAST({local} >= {quote_name(_CHANGES)}[{quote_name(start)} + {number}] AS INTEGER), 0)"
        for number in range(1, _offsets(zone).most_a_year + 1)
    ]
    offset = f"{quote_name(_OFFSETS)}[{quote_name(place)}]"
    return [
        (start, f"{quote_name(_STARTS)}[{year}]"),
        (place, " + ".join(["1", quote_name(start), *passed])),
        (name, f"{local} - to_seconds({offset})"),
    ]


@dataclass(frozen=True, slots=True)
class _Offsets:
    """The offsets of a zone in seconds, in order, and the local times from which each next one holds."""

    offsets: tuple[int, ...]
    changes: tuple[datetime, ...]

    @property
    def most_a_year(self) -> int:
        """How many changes there are in one year at most."""
        return max(Counter(change.year for change in self.changes).values(), default=0)


@lru_cache(maxsize=64)
def _offsets(name: str) -> _Offsets:
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
    return _Offsets(tuple(offsets), tuple(changes))


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
