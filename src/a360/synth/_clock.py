"""Local time of the clinics, without the machine's own time zone tables, which differ between machines."""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

DAY = 24 * 60


class Moment(NamedTuple):
    """A minute of local time: the ordinal of the day, and the minute of that day."""

    day: int
    minute: int

    def later(self, minutes: int) -> "Moment":
        """The moment so many minutes later (or earlier, if negative)."""
        days, minute = divmod(self.minute + minutes, DAY)
        return Moment(self.day + days, minute)


class Zone(NamedTuple):
    """A time zone of the United States: minutes from UTC in winter, and whether it keeps summer time."""

    standard: int
    summer: bool

    def local(self, moment: Moment) -> str:
        """The moment as a FHIR dateTime with its offset."""
        hour, minute = divmod(moment.minute, 60)
        return f"{iso(moment.day)}T{hour:02}:{minute:02}:00{_offset_text(self._offset(moment.day))}"

    def instant(self, moment: Moment, milliseconds: int) -> str:
        """The moment as a FHIR instant with its offset, so many milliseconds into the minute."""
        hour, minute = divmod(moment.minute, 60)
        second, rest = divmod(milliseconds, 1000)
        offset = _offset_text(self._offset(moment.day))
        return f"{iso(moment.day)}T{hour:02}:{minute:02}:{second:02}.{rest:03}{offset}"

    def universal(self, moment: Moment) -> Moment:
        """The same moment in UTC."""
        return moment.later(-self._offset(moment.day))

    def _offset(self, day: int) -> int:
        if not self.summer:
            return self.standard
        first, last = _summer(date.fromordinal(day).year)
        return self.standard + 60 if first <= day < last else self.standard


UTC = Zone(0, summer=False)


@lru_cache(maxsize=65536)
def iso(day: int) -> str:
    """The day as YYYY-MM-DD."""
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=65536)
def calendar(day: int) -> tuple[int, int, int]:
    """Month, day of the month and weekday (Monday is 0)."""
    moment = date.fromordinal(day)
    return moment.month, moment.day, moment.weekday()


@lru_cache(maxsize=256)
def _summer(year: int) -> tuple[int, int]:
    """From the second Sunday of March to the first Sunday of November."""
    return _sunday(date(year, 3, 8)), _sunday(date(year, 11, 1))


def _sunday(earliest: date) -> int:
    return earliest.toordinal() + (6 - earliest.weekday()) % 7


@lru_cache(maxsize=64)
def _offset_text(minutes: int) -> str:
    if minutes == 0:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
