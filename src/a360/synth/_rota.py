"""When providers can be booked: sessions of whole hours, planned by the clinics' rota system as Parquet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import batched

from a360.synth._clock import Moment, Zone, iso
from a360.synth._dice import Dice
from a360.synth._people import WINDOW
from a360.synth._plan import Visit
from a360.synth._tables import OtherFiles
from a360.synth._world import Clinic, Practitioner, World

_QUARTER = 15
_AHEAD = 80
_UNPLANNED = 0.03
_IDLE = 0.012
_CANCELLED = 0.01
_FIRST, _LAST = 8, 20
_LONG, _BREAK = 5, 30
_GROUP = 20_000
_COLUMNS = (
    "shift_no", "provider_npi", "clinic", "work_date", "starts_at", "ends_at", "break_minutes", "status",
    "room", "changed_at",
)  # fmt: skip


@dataclass(slots=True)
class Rota:
    """Notes the first and last quarter of an hour each provider is booked on a day; two bytes a day."""

    world: World
    _days: dict[str, bytearray] = field(default_factory=dict)

    def book(self, visits: list[Visit]) -> None:
        """Note the bookings of a patient."""
        for visit in visits:
            npi = visit.practitioner.npi
            days = self._days.get(npi)
            if days is None:
                days = self._days[npi] = bytearray(2 * (WINDOW + _AHEAD))
            place = 2 * (visit.start.day - self._first_day)
            if not 0 <= place < len(days):
                continue
            start, end = visit.start.minute // _QUARTER, -(-(visit.start.minute + visit.minutes) // _QUARTER)
            days[place] = start if not days[place] else min(days[place], start)
            days[place + 1] = max(days[place + 1], min(end, 255))

    def write(self, files: OtherFiles) -> None:
        """Write every session that was planned, some thousands at a time."""
        import pyarrow as pa  # noqa: PLC0415 - only Parquet needs it, and it loads slowly
        import pyarrow.parquet as pq  # noqa: PLC0415

        moment = pa.timestamp("us", "UTC")
        kinds = {"work_date": pa.date32(), "break_minutes": pa.int32()}
        kinds |= dict.fromkeys(("starts_at", "ends_at", "changed_at"), moment)
        schema = pa.schema([(name, kinds.get(name, pa.string())) for name in _COLUMNS])
        numbers = {pa.date32(): pa.int32(), moment: pa.int64()}
        path, told = files.parquet("provider_schedules.parquet", "provider_schedule")
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for rows in batched(self._all(), _GROUP):
                columns = [
                    pa.array(values, numbers.get(kind, kind)).cast(kind)
                    for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
                ]
                writer.write_table(pa.table(columns, schema=schema))
                told["count"] += len(rows)

    def _all(self) -> Iterator[tuple[object, ...]]:
        for clinic in self.world.clinics:
            for who in clinic.staff:
                yield from self._sessions(clinic, who)

    @property
    def _first_day(self) -> int:
        return self.world.until - WINDOW

    def _sessions(self, clinic: Clinic, who: Practitioner) -> list[tuple[object, ...]]:
        """One a day: around the bookings, sometimes without any, and now and then forgotten."""
        days = self._days.get(who.npi, bytearray(2 * (WINDOW + _AHEAD)))
        dice = Dice(self.world.seed, "rota", who.npi)
        found: list[tuple[object, ...]] = []
        for number in range(WINDOW + _AHEAD):
            first, last = days[2 * number], days[2 * number + 1]
            point = dice.throw()
            if (last and point < _UNPLANNED) or (not last and point >= _IDLE):
                continue
            start, end = (max(_FIRST, first // 4 - 1), min(_LAST, -(-last // 4))) if last else (9, 13)
            day = self._first_day + number
            status = "cancelled" if not last and dice.chance(_CANCELLED * 10) else "planned"
            rest = _BREAK if end - start > _LONG else 0
            times = (_micros(clinic.zone, day, hour) for hour in (start, end))
            room = clinic.rooms[dice.between(0, 3)].id
            told = _micros(clinic.zone, day - 14, 12)
            name = f"{who.npi}-{iso(day)}"
            found.append((name, who.npi, clinic.row.id, day - _EPOCH, *times, rest, status, room, told))
        return found


_EPOCH = 719_163  # the ordinal of 1970-01-01


def _micros(zone: Zone, day: int, hour: int) -> int:
    """A local hour as microseconds since 1970 in UTC."""
    moment = zone.universal(Moment(day, hour * 60))
    return ((moment.day - _EPOCH) * 1440 + moment.minute) * 60_000_000
