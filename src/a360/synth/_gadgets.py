"""Events: what patients do in the app, and what skin sensors measure at home."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from a360.synth._business import Metric, business
from a360.synth._clock import UTC, Moment, Zone
from a360.synth._dice import Dice
from a360.synth._flaws import EVENT, Flaws, nobody
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._tables import OtherFiles
from a360.synth._world import Clinic, World

_USES_APP = 0.3
_WEARS = 0.1
_LATE = 0.02
_AGAIN = 0.01
_DAYS_BEFORE, _DAYS_AFTER = 7, 28
_HEALS = 0.8
_WORN_FOR = frozenset({"laser", "peel", "filler"})
_ANOTHER_MONTH = 41


@dataclass(frozen=True, slots=True)
class _Stream:
    """What the events of a stream have where."""

    record: str
    key: str
    time: str
    bad: str


_APP = _Stream("app_event", "event_id", "occurred_at", "occurred_at")
_SENSOR = _Stream("sensor_reading", "reading_id", "measured_at", "value")


@dataclass(slots=True)
class Gadgets:
    """Writes the events of one patient."""

    files: OtherFiles
    world: World
    clinic: Clinic
    person: Person
    index: int

    def write(self, visits: list[Visit]) -> None:
        """Write app events from the first visit on, and readings around treatments of the skin."""
        kept = [visit for visit in visits if visit.kept]
        if kept:
            self._app(min(visit.start.day for visit in kept))
        self._sensor([given for visit in kept for given in visit.given])

    def _app(self, first: int) -> None:
        dice = Dice(self.world.seed, self.index, "app")
        if not dice.chance(_USES_APP):
            return
        platform, tables = dice.weighted(business().platforms), business()
        for _ in range(dice.between(1, 9)):
            when = Moment(
                dice.between(first, max(first, self.world.until - 1)), dice.between(7 * 60, 22 * 60)
            )
            session = dice.token(16)
            kinds = ["session_start", *["screen_view"] * dice.between(1, 4)]
            kinds += ["message_sent"] if dice.chance(0.2) else []
            for place, kind in enumerate(kinds):
                moment = when.later(place)
                payload: dict[str, Any] = (
                    {"screen": dice.pick(tables.screens)} if kind == "screen_view" else {}
                )
                if kind == "message_sent":
                    payload["characters"] = dice.between(5, 400)
                event = {
                    "event_id": dice.uuid(),
                    "event_type": kind,
                    "occurred_at": self.clinic.zone.instant(moment, dice.between(0, 59_999)),
                    "received_at": None,
                    "user": {"mrn": self.person.mrn, "clinic": self.clinic.row.id},
                    "session": {"id": session, "platform": platform, "app_version": f"4.{moment.day % 7}.0"},
                    "payload": payload,
                }
                self._send(_APP, event, "received_at", moment, dice)

    def _sensor(self, given: list[Given]) -> None:
        dice = Dice(self.world.seed, self.index, "sensor")
        worn = [each for each in given if each.treatment.family in _WORN_FOR]
        if not worn or not dice.chance(_WEARS):
            return
        treated = worn[-1]
        serial, site = f"SKN-{dice.digits(7)}", treated.doses[0].site
        shifts = {metric.code: dice.bell(0.0, metric.spread) for metric in business().metrics}
        for offset in range(-_DAYS_BEFORE, _DAYS_AFTER + 1):
            day = treated.when.day + offset
            if day >= self.world.until or offset == 0 or dice.chance(0.1):
                continue
            moment = Moment(day, dice.between(20 * 60, 22 * 60))
            for metric in business().metrics:
                value = _value(metric, treated, offset, shifts[metric.code], dice)
                event = {
                    "reading_id": dice.uuid(),
                    "measured_at": self.clinic.zone.instant(moment, 0),
                    "uploaded_at": None,
                    "device": {"serial": serial, "firmware": "2.4.1"},
                    "mrn": self.person.mrn,
                    "site": site,
                    "metric": metric.code,
                    "value": value,
                    "unit": metric.unit,
                    "battery": dice.between(20, 100),
                }
                self._send(_SENSOR, event, "uploaded_at", moment, dice)

    def _send(self, stream: _Stream, event: dict[str, Any], sent: str, when: Moment, dice: Dice) -> None:
        """Write an event; some are sent days later, and some twice, as devices do that lost the answer."""
        late, again = dice.chance(_LATE), dice.chance(_AGAIN)
        minutes = dice.between(2 * 1440, 6 * 1440) if late else dice.between(0, 3)
        event[sent] = _universal(self.clinic.zone, when.later(minutes + 1))
        name = f"{stream.record}s_late.ndjson" if late else f"{stream.record}s.ndjson"
        for line in _lines(self.files.flaws, stream, event):
            self.files.line(name, stream.record, line)
        if late:
            self.files.count(stream.record, "late")
        if again:
            self.files.count(stream.record, "sent_again")
            repeat = {**event, sent: _universal(self.clinic.zone, when.later(minutes + 2))}
            self.files.line(f"{stream.record}s_late.ndjson", stream.record, msgspec.json.encode(repeat))


def _value(metric: Metric, treated: Given, offset: int, shift: float, dice: Dice) -> float:
    """The usual value, shaken by a laser or peel and healing from it; fillers of the skin bring water."""
    shock = 0.0
    if offset > 0 and treated.treatment.family != "filler":
        shock = metric.shock
        for _ in range(offset - 1):
            shock *= _HEALS
    elif offset > 0 and metric.code == "hydration":
        shock = 0.3 * offset
    return round(max(0.1, metric.usual + shift + shock + dice.bell(0.0, metric.spread / 2)), 2)


def _universal(zone: Zone, when: Moment) -> str:
    return UTC.instant(zone.universal(when), 0)


def _lines(flaws: Flaws, stream: _Stream, event: Mapping[str, Any]) -> list[bytes]:
    """The lines that are written for an event: mostly its own."""
    line = msgspec.json.encode(event)
    kind = flaws.due(stream.record, EVENT, event=True)
    if kind is None:
        return [line]
    flaws.count(stream.record, kind)
    dice = flaws.dice(stream.record)
    if kind == "torn":
        return [line[: len(line) // 2]]
    if kind == "repeat":
        return [line, line]
    if kind == "key_reused":
        return [line, msgspec.json.encode({**event, stream.time: _month_earlier(str(event[stream.time]))})]
    changed = dict(event)
    if kind == "missing_key":
        del changed[stream.key]
    elif kind == "bad_cell":
        changed[stream.bad] = "n/a"
    elif "user" in changed:
        changed["user"] = {**changed["user"], "mrn": nobody(dice)}
    else:
        changed["mrn"] = nobody(dice)
    return [msgspec.json.encode(changed)]


def _month_earlier(text: str) -> str:
    """A time some weeks before, with the same clock and offset."""
    return f"{date.fromisoformat(text[:10]) - timedelta(days=_ANOTHER_MONTH)}{text[10:]}"
