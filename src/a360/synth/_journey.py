"""A patient's way through the clinic: consultations, courses of treatment, follow-ups, failed visits."""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from a360.synth._clock import Moment, calendar
from a360.synth._dice import Dice, Weighted
from a360.synth._people import Person
from a360.synth._plan import Dose, Given, Outcome, Visit, VisitKind
from a360.synth._sending import Target
from a360.synth._vocab import Treatment
from a360.synth._world import Clinic, World

NO_SHOW = 0.067
CANCELLED = 0.1
ADVERSE = 0.015
RETURNS = 0.86
REBOOKS = 0.74
BOOKED_AHEAD = 75
_PATIENCE = 4
_BUSY = 1.1
_SUNDAY = 6
_FOLLOW_UP = {"toxin": 0.45, "filler": 0.45, "laser": 0.25, "peel": 0.2, "lift": 0.8}
_MINUTES = {"consultation": 45, "follow-up": 15, "unplanned": 30}
_SLOTS = range(9 * 60, 18 * 60 + 1, 15)
_HOLIDAYS = frozenset({(1, 1), (7, 4), (12, 25)})
_COURSES = Weighted([(1, 62), (2, 29), (3, 9)])


@dataclass(slots=True)
class _Course:
    """A treatment as a patient takes it, from session to session."""

    treatment: Treatment
    severity: int
    sessions: int
    done: int = 0
    last: Given | None = None


@dataclass(order=True, slots=True)
class _Due:
    """The next thing to happen in a course; the number keeps the order of equals."""

    day: int
    number: int
    kind: VisitKind
    course: int


class Journey:
    """Plays one patient's time in the window, visit by visit."""

    def __init__(self, world: World, clinic: Clinic, person: Person, index: int) -> None:
        self.visits: list[Visit] = []
        self._world = world
        self._clinic = clinic
        self._person = person
        self._dice = Dice(world.seed, index, "journey")
        self._courses = self._choose()
        self._due: list[_Due] = []
        self._number = 0
        self._last_day = person.first_day - 30
        self._push(person.first_day, "consultation", 0)

    def play(self) -> list[Visit]:
        """All visits until the window's end, and those booked beyond it."""
        while self._due:
            due = heappop(self._due)
            visit = self._visit(due)
            if visit is None:
                continue
            self.visits.append(visit)
            if visit.kept:
                self._keep(visit, due)
            elif visit.outcome != "booked" and self._dice.chance(REBOOKS):
                self._push(visit.start.day + self._dice.between(4, 24), due.kind, due.course)
        return self.visits

    def _choose(self) -> list[_Course]:
        """The treatments this patient comes for."""
        person, dice = self._person, self._dice
        age = person.age(person.first_day)
        wished: list[Treatment] = []
        weights = [
            (t, t.weight[0 if person.female else 1] * _appeal(t, age)) for t in _catalogue(self._world)
        ]
        choice = Weighted(weights)
        for _ in range(dice.weighted(_COURSES)):
            treatment = dice.weighted(choice)
            if treatment not in wished:
                wished.append(treatment)
        return [_Course(t, _severity(dice, age), dice.between(*t.sessions)) for t in wished]

    def _push(self, day: int, kind: VisitKind, course: int) -> None:
        self._number += 1
        heappush(self._due, _Due(day, self._number, kind, course))

    def _visit(self, due: _Due) -> Visit | None:
        """The appointment for what is due; None if it lies too far ahead to have been made."""
        dice, world = self._dice, self._world
        course = self._courses[due.course]
        day = self._open_day(max(due.day, self._last_day + 1), due.kind, course.treatment.family)
        start = Moment(day, dice.pick(_SLOTS))
        lead = 1 if due.kind == "unplanned" else self._lead(start.day)
        booked = Moment(start.day - lead, dice.between(8 * 60, 20 * 60))
        if booked.day > world.until or start.day > world.until + BOOKED_AHEAD:
            return None
        outcome: Outcome = "booked" if start.day > world.until else self._outcome(due.kind)
        family = course.treatment.family
        minutes = course.treatment.minutes if due.kind == "treatment" else _MINUTES[due.kind]
        visit = Visit(
            number=len(self.visits) + 1,
            kind=due.kind,
            start=start,
            minutes=minutes,
            booked=booked,
            outcome=outcome,
            appointment=Target("Appointment", dice.uuid()),
            encounter=Target("Encounter", dice.uuid()),
            practitioner=dice.pick(self._clinic.able(family)),
            room=self._clinic.rooms[_room(due.kind, family, dice)],
            planned=[course.treatment],
        )
        if outcome == "cancelled":
            visit.cancellation = dice.weighted(world.vocabulary.cancellations)
        visit.arrived = start.later(dice.between(-4, 16))
        return visit

    def _lead(self, day: int) -> int:
        """How many days ahead it was booked: hardly ever before the visit in which that was agreed."""
        longest = max(1, min(60, day - self._last_day))
        return self._dice.between(1, min(longest, 21 if self._dice.chance(0.5) else 60))

    def _outcome(self, kind: VisitKind) -> Outcome:
        point = self._dice.throw()
        if kind == "unplanned" or point >= NO_SHOW + CANCELLED:
            return "fulfilled"
        return "noshow" if point < NO_SHOW else "cancelled"

    def _keep(self, visit: Visit, due: _Due) -> None:
        self._last_day = visit.start.day
        if visit.kind == "consultation":
            self._consulted(visit)
        elif visit.kind == "treatment":
            self._give(visit, due.course)
            self._take_along(visit)
        else:
            last = self._courses[due.course].last
            visit.reviewed = [last] if last is not None else []

    def _consulted(self, visit: Visit) -> None:
        """Most go on to a treatment, many of them the same day."""
        dice = self._dice
        visit.planned = [course.treatment for course in self._courses]
        for place, course in enumerate(self._courses):
            injectable = course.treatment.family in {"toxin", "filler"}
            if injectable and place == 0 and dice.chance(0.4):
                visit.practitioner = dice.pick(self._clinic.able(course.treatment.family))
                visit.minutes += course.treatment.minutes
                self._give(visit, place)
            elif dice.chance(0.88):
                self._push(visit.start.day + dice.between(5, 28) + 30 * place, "treatment", place)

    def _take_along(self, visit: Visit) -> None:
        """What another course has due within ten days is done at the same visit, if the practitioner may."""
        for due in sorted(self._due):
            treatment = self._courses[due.course].treatment
            soon = due.kind == "treatment" and due.day <= visit.start.day + 10
            if soon and visit.practitioner in self._clinic.able(treatment.family):
                self._due.remove(due)
                visit.planned = [*visit.planned, treatment]
                visit.minutes += treatment.minutes // 2
                self._give(visit, due.course)
        heapify(self._due)

    def _give(self, visit: Visit, place: int) -> None:
        """Give a session of a course, and decide what follows from it."""
        dice, course = self._dice, self._courses[place]
        treatment = course.treatment
        course.done += 1
        if course.last is not None:
            visit.reviewed.append(course.last)
        given = course.last = self._session(visit, course)
        visit.given.append(given)
        day = visit.start.day
        if given.harm is not None and (given.harm.serious or dice.chance(0.5)):
            self._push(day + max(1, given.harm_noticed), "unplanned", place)
        elif dice.chance(_FOLLOW_UP[treatment.family]):
            self._push(day + dice.between(13, 20), "follow-up", place)
        content = RETURNS if given.response > 0.4 else RETURNS - 0.3  # noqa: PLR2004 - half improved
        if (treatment.lasting or course.done < course.sessions) and dice.chance(content):
            self._push(day + dice.between(*treatment.interval), "treatment", place)

    def _session(self, visit: Visit, course: _Course) -> Given:
        dice, treatment, clinic = self._dice, course.treatment, self._clinic
        products = self._world.vocabulary.products
        product = products[dice.pick(treatment.products)] if treatment.products else None
        day = visit.start.day
        factor = product.factor if product else 1.0
        given = Given(
            target=Target("Procedure", dice.uuid()),
            treatment=treatment,
            session=course.done,
            product=product,
            lot=self._world.lot(clinic, product.code, day, dice.between(0, 1)) if product else None,
            device=clinic.devices[treatment.device] if treatment.device else None,
            doses=[
                Dose(site, round(dice.stepped(*amounts) * factor, 2))
                for site, amounts in treatment.sites.items()
            ],
            severity=course.severity,
            response=_response(dice, course, visit.practitioner.skill),
            when=visit.arrived.later(dice.between(5, 12)),
            minutes=max(10, treatment.minutes - 12),
            practitioner=visit.practitioner,
        )
        self._harm(given)
        if not treatment.lasting:
            course.severity = given.improved
        elif dice.chance(0.15):  # what wears off comes back, though not always all of it
            course.severity = max(1, course.severity - 1)
        return given

    def _harm(self, given: Given) -> None:
        dice = self._dice
        if not dice.chance(ADVERSE):
            return
        harm = dice.weighted(self._world.vocabulary.harms[given.treatment.family])
        noticed = dice.between(*harm.days)
        if given.when.day + noticed <= self._world.until:
            given.harm, given.harm_noticed = harm, noticed
            given.response = max(0.0, round(given.response - 0.3, 3))

    def _open_day(self, day: int, kind: VisitKind, family: str) -> int:
        """An open day near the wished one; what is out of season waits, some of it for months."""
        dice, tables = self._dice, self._world.vocabulary.catalogue
        if kind == "unplanned":
            return _next_open(day)
        if kind == "treatment":
            season = tables.seasons[family]
            for _ in range(_PATIENCE):
                if dice.throw() * _BUSY < season[calendar(day)[0] - 1]:
                    break
                day += dice.between(14, 30)
        while True:
            tried = day + dice.between(0, 6)
            month, of_month, weekday = calendar(tried)
            if (month, of_month) not in _HOLIDAYS and dice.chance(tables.weekdays[weekday] * 0.8):
                return tried


def _catalogue(world: World) -> tuple[Treatment, ...]:
    return world.vocabulary.catalogue.treatments


def _appeal(treatment: Treatment, age: int) -> float:
    """How much an age is drawn to a treatment: most at its usual age, nothing beyond its limits."""
    low, usual, high = treatment.ages
    if age <= usual:
        return max(0.04, (age - low + 1) / (usual - low + 1))
    return max(0.04, (high - age + 1) / (high - usual + 1))


def _severity(dice: Dice, age: int) -> int:
    """The grade before any treatment, 1 to 4, higher with age."""
    return min(4, max(1, round(dice.bell(1.4 + age / 40, 0.7))))


def _response(dice: Dice, course: _Course, skill: float) -> float:
    """How well it worked, 0 to 1: by treatment and practitioner, and better with every session."""
    mean = course.treatment.effect + 0.05 * skill + 0.03 * min(course.done, 5) - 0.09
    return min(1.0, max(0.0, round(dice.bell(mean, 0.2), 3)))


def _room(kind: VisitKind, family: str, dice: Dice) -> int:
    if kind == "consultation":
        return 0
    return 3 if family == "laser" else dice.between(1, 2)


def _next_open(day: int) -> int:
    while calendar(day)[2] == _SUNDAY or calendar(day)[:2] in _HOLIDAYS:
        day += 1
    return day
