"""What leaves, looked at value by value: what looks like an identifier, and what too few people have.

Findings name columns, rules and counts, and never a value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

import pyarrow as pa

from a360.contract import ReleasedColumnPlan, ReleasePlan, quote_name
from a360.trust.release._looks import checks_of, rare_when

LEAVING: Final = 'temp."a360 leaving"'
"""The rows that may leave, once they are judged."""
_TOUCHED: Final = quote_name("a360 touched")


class Session(Protocol):
    """What runs SQL over the rows."""

    def execute(self, sql: str) -> None:
        """Run statements whose result does not matter."""
        ...

    def sql(self, sql: str) -> pa.Table:
        """Run a query into an Arrow table."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a release cannot leave: the column, the rule that its values break, and how many do."""

    column: str
    rule: str
    count: int

    def __str__(self) -> str:
        """As a message tells it."""
        return f"{self.column}: {self.count} {self.rule}" if self.column else f"{self.count} {self.rule}"


@dataclass(frozen=True, slots=True)
class Measures:
    """What can be measured of rows.

    Attributes:
        rows: How many there are.
        patients: Whose they are; None where no column says.
        k: The patients (without them, the rows) of the smallest class; None where nothing makes classes.
        l: The fewest values that a sensitive column has in a class; None where nothing is sensitive.
        classes: How many classes there are.
    """

    rows: int
    patients: int | None
    k: int | None
    l: int | None  # noqa: E741 - as l-diversity is written
    classes: int


@dataclass(frozen=True, slots=True)
class Figures(Measures):
    """What was measured of what leaves, and what it took.

    Attributes:
        suppressed_rows: The rows that were left out.
        suppressed_values: The values that were taken out.
        touched_rows: The rows that leave, and had a value taken out.
    """

    suppressed_rows: int
    suppressed_values: int
    touched_rows: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was measured of the rows that may leave, and what keeps them in."""

    figures: Figures
    findings: Sequence[Finding]


def judge(session: Session, relation: str, plan: ReleasePlan, today: date) -> Judgement:
    """Look at rows in the form in which they are to leave; those that may lie in `LEAVING` at the end.

    Args:
        session: Where the relation is.
        relation: The columns of the plan that leave; a patient is told from others by any value.
        plan: How they leave.
        today: The day by which ages are told.
    """
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {LEAVING} AS SELECT *, false AS {_TOUCHED} FROM {relation}"
    )
    looked = [*looks(session, LEAVING, plan, today)]
    return _Judge(session, plan).judge(looked)


def looks(session: Session, relation: str, plan: ReleasePlan, today: date) -> Iterator[Finding]:
    """Values that are not what their column says, or that look like an identifier."""
    for column in plan.leaving:
        found = [*checks_of(column, plan.profile, today)]
        if not found:
            continue
        counts = ", ".join(f"count(*) FILTER ({check.sql})" for check in found)
        for check, count in zip(found, _one(session, f"SELECT {counts} FROM {relation}"), strict=True):
            if count:
                yield Finding(column.name, check.rule, count)


def rare_values(session: Session, relation: str, plan: ReleasePlan) -> Iterator[Finding]:
    """Values that could tell of one person, and that fewer than k have."""
    for column in _open_columns(plan):
        name = quote_name(column.name)
        where = f"{relation} WHERE {name} IN ({_rare(relation, column, plan)})"
        [count] = _one(session, f"SELECT count(*) FROM {where}")
        if count:
            yield Finding(column.name, f"values are had by fewer than {plan.k}", count)


def measure(session: Session, relation: str, plan: ReleasePlan) -> Measures:
    """How many rows, patients and classes there are, and what the smallest of these amount to."""
    holders = f"count(DISTINCT {quote_name(plan.subject)})" if plan.subject else "NULL"
    rows, patients = _one(session, f"SELECT count(*), {holders} FROM {relation}")
    if not plan.quasi_identifiers:
        return Measures(rows, patients, None, None, 0)
    diversities = ", ".join(map(_diversity, plan.sensitive))
    smallest = f"least({diversities})" if plan.sensitive else "NULL"
    k, least, classes = _one(
        session,
        f"SELECT min(holders), min(diversity), count(*) FROM (SELECT {_holders(plan)} AS holders, "
        f"{smallest} AS diversity FROM {relation} GROUP BY {_class(plan)})",
    )
    return Measures(rows, patients, k, least, classes)


class _Judge:
    """Takes out what too few have, until nothing is too small any more."""

    def __init__(self, session: Session, plan: ReleasePlan) -> None:
        self._session = session
        self._plan = plan
        self._values = 0

    def judge(self, looked: Sequence[Finding]) -> Judgement:
        given = self._count(LEAVING)
        # What is taken out makes other values and classes smaller.
        while self._take_out_rare() or self._leave_out_small():
            pass
        told = measure(self._session, LEAVING, self._plan)
        figures = Figures(
            told.rows,
            told.patients,
            told.k,
            told.l,
            told.classes,
            given - told.rows,
            self._values,
            self._count(f"{LEAVING} WHERE {_TOUCHED}"),
        )
        return Judgement(figures, [*looked, *self._shortfalls(figures, given)])

    def _take_out_rare(self) -> bool:
        return sum(map(self._take_out, _open_columns(self._plan))) > 0

    def _take_out(self, column: ReleasedColumnPlan) -> int:
        """Take values out that fewer than k have, and no list: a name among codes is such."""
        name, rare = quote_name(column.name), _rare(LEAVING, column, self._plan)
        found = self._count(f"{LEAVING} WHERE {name} IN ({rare})")
        if found:
            self._session.execute(
                f"CREATE OR REPLACE TEMP TABLE {LEAVING} AS WITH rare AS ({rare}) SELECT * REPLACE ("
                f"CASE WHEN {name} IN (FROM rare) THEN NULL ELSE {name} END AS {name}, "
                f"{_TOUCHED} OR coalesce({name} IN (FROM rare), false) AS {_TOUCHED}) FROM {LEAVING}"
            )
            self._values += found
        return found

    def _leave_out_small(self) -> bool:
        """Leave the rows out whose class has too few patients, or too few values of what is sensitive."""
        plan = self._plan
        if not plan.quasi_identifiers:
            return False
        large = [f"{_holders(plan)} >= {plan.k:d}"]
        large += [f"{_diversity(name)} >= {plan.l:d}" for name in plan.sensitive]
        small = (
            f"SELECT {_class(plan)} FROM {LEAVING} GROUP BY {_class(plan)} HAVING NOT ({' AND '.join(large)})"
        )
        [found] = _one(self._session, f"SELECT count(*) FROM ({small})")
        if not found:
            return False
        same = " AND ".join(
            f"leaving.{each} IS NOT DISTINCT FROM class.{each}"
            for each in map(quote_name, plan.quasi_identifiers)
        )
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {LEAVING} AS SELECT leaving.* FROM {LEAVING} AS leaving "
            f"ANTI JOIN ({small}) AS class ON {same}"
        )
        return True

    def _shortfalls(self, figures: Figures, given: int) -> Iterator[Finding]:
        """What had to be left out, where it is more than the contract lets."""
        most = self._plan.suppress * given
        if not figures.rows:
            yield Finding("", "rows leave", 0)
        if Decimal(figures.suppressed_rows) > most:
            rule = f"rows of {given} are in classes of less than k = {self._plan.k} or l = {self._plan.l}"
            yield Finding("", rule, figures.suppressed_rows)
        if Decimal(figures.touched_rows) > most:
            rule = f"rows of {given} have a value that fewer than {self._plan.k} have"
            yield Finding("", rule, figures.touched_rows)

    def _count(self, relation: str) -> int:
        [count] = _one(self._session, f"SELECT count(*) FROM {relation}")
        return count


def _open_columns(plan: ReleasePlan) -> Iterator[ReleasedColumnPlan]:
    """The columns that may hold what is one person's alone, whatever they say of themselves."""
    if plan.profile != "limited":
        yield from (column for column in plan.leaving if rare_when(column) is not None)


def _rare(relation: str, column: ReleasedColumnPlan, plan: ReleasePlan) -> str:
    """The values of a column that fewer than k patients have, among those that could tell of one."""
    name = quote_name(column.name)
    where = f"{name} IS NOT NULL AND {rare_when(column)}"
    if plan.subject is None:
        return f"SELECT {name} FROM {relation} WHERE {where} GROUP BY {name} HAVING count(*) < {plan.k:d}"
    subject = quote_name(plan.subject)
    # Pairs first: a count of distinct values in each group would hold them all in memory.
    pairs = f"SELECT DISTINCT {name}, {subject} FROM {relation} WHERE {where}"
    return f"SELECT {name} FROM ({pairs}) GROUP BY {name} HAVING count({subject}) < {plan.k:d}"


def _holders(plan: ReleasePlan) -> str:
    return f"count(DISTINCT {quote_name(plan.subject)})" if plan.subject else "count(*)"


def _class(plan: ReleasePlan) -> str:
    return ", ".join(map(quote_name, plan.quasi_identifiers))


def _diversity(name: str) -> str:
    """How many values there are. None is no value: where one is, whoever has any has that one."""
    return f"count(DISTINCT {quote_name(name)})"


def _one(session: Session, sql: str) -> tuple[int, ...]:
    return tuple(column[0].as_py() for column in session.sql(sql).columns)
