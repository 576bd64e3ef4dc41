"""What leaves, looked at value by value: what looks like an identifier, and what too few people have.

Findings name columns, rules and counts, and never a value.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import duckdb
import pyarrow as pa

from a360._duckdb import connect_bare
from a360.contract import ReleasedColumnPlan, ReleasePlan, quote_name
from a360.trust.release._looks import checks_of

_TOUCHED: Final = quote_name("a360 touched")
_RARE: Final = frozenset({"value", "country"})


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
class Figures:
    """What was measured of what leaves.

    Attributes:
        rows: The rows that leave.
        patients: Whose they are; None where no column says.
        k: The patients (without them, the rows) of the smallest class; None where nothing makes classes.
        l: The fewest values that a sensitive column has in a class; None where nothing is sensitive.
        classes: How many classes there are.
        suppressed_rows: The rows that were left out.
        suppressed_values: The values that were taken out.
        touched_rows: The rows that leave, and had a value taken out.
    """

    rows: int
    patients: int | None
    k: int | None
    l: int | None  # noqa: E741 - as l-diversity is written
    classes: int
    suppressed_rows: int
    suppressed_values: int
    touched_rows: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The rows as they may leave, what was measured of them, and what keeps them in."""

    rows: pa.Table
    figures: Figures
    findings: Sequence[Finding]


def judge(rows: pa.Table, plan: ReleasePlan, today: date) -> Judgement:
    """Look at rows in the form in which they are to leave; their patients still have their tokens.

    Args:
        rows: The columns of the plan that leave.
        plan: How they leave.
        today: The day by which ages are told.
    """
    with closing(connect_bare()) as connection:
        connection.register("given", rows)
        connection.execute(f"CREATE TABLE leaving AS SELECT *, false AS {_TOUCHED} FROM given")
        connection.unregister("given")
        return _Judge(connection, plan).judge(rows.schema, today)


class _Judge:
    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: ReleasePlan) -> None:
        self._connection = connection
        self._plan = plan
        self._values = 0
        subject = plan.subject
        self._holders = f"count(DISTINCT {quote_name(subject)})" if subject else "count(*)"

    def judge(self, schema: pa.Schema, today: date) -> Judgement:
        given = self._count("leaving")
        findings = list(self._looks(today))
        # What is taken out makes other values and classes smaller: until nothing is too small any more.
        while self._take_out_rare() or self._leave_out_small():
            pass
        figures = self._figures(given)
        findings += self._shortfalls(figures, given)
        columns = ", ".join(map(quote_name, schema.names))
        rows = self._connection.execute(f"SELECT {columns} FROM leaving").to_arrow_table()
        return Judgement(rows.cast(schema), figures, findings)

    def _looks(self, today: date) -> Iterator[Finding]:
        """Values that are not what their column says, or that look like an identifier."""
        for column in self._plan.leaving:
            found = [*checks_of(column, self._plan.profile, today)]
            if not found:
                continue
            counts = ", ".join(f"count(*) FILTER ({check.sql})" for check in found)
            row = self._connection.execute(f"SELECT {counts} FROM leaving").fetchone() or ()
            for check, count in zip(found, row, strict=True):
                if count:
                    yield Finding(column.name, check.rule, count)

    def _take_out_rare(self) -> bool:
        """Take texts out that fewer than k have and no list: a name among codes is such."""
        if self._plan.profile == "limited":
            return False
        return sum(self._take_out(column) for column in self._plan.leaving if _is_open(column)) > 0

    def _take_out(self, column: ReleasedColumnPlan) -> int:
        name = quote_name(column.name)
        rare = (
            f"SELECT {name} FROM leaving WHERE {name} IS NOT NULL GROUP BY {name} "
            f"HAVING {self._holders} < {self._plan.k:d}"
        )
        found = self._count(f"leaving WHERE {name} IN ({rare})")
        if found:
            self._connection.execute(
                f"CREATE OR REPLACE TABLE leaving AS WITH rare AS ({rare}) SELECT * REPLACE ("
                f"CASE WHEN {name} IN (FROM rare) THEN NULL ELSE {name} END AS {name}, "
                f"{_TOUCHED} OR coalesce({name} IN (FROM rare), false) AS {_TOUCHED}) FROM leaving"
            )
            self._values += found
        return found

    def _leave_out_small(self) -> bool:
        """Leave the rows out whose class has too few patients, or too few values of what is sensitive."""
        if not self._plan.quasi_identifiers:
            return False
        before = self._count("leaving")
        small = [f"{self._holders} >= {self._plan.k:d}"]
        small += [f"{_diversity(name)} >= {self._plan.l:d}" for name in self._plan.sensitive]
        same = " AND ".join(
            f"leaving.{each} IS NOT DISTINCT FROM class.{each}"
            for each in map(quote_name, self._plan.quasi_identifiers)
        )
        self._connection.execute(
            f"CREATE OR REPLACE TABLE leaving AS SELECT leaving.* FROM leaving SEMI JOIN "
            f"(SELECT {self._class} FROM leaving GROUP BY {self._class} HAVING {' AND '.join(small)}) "
            f"AS class ON {same}"
        )
        return self._count("leaving") < before

    @property
    def _class(self) -> str:
        return ", ".join(map(quote_name, self._plan.quasi_identifiers))

    def _figures(self, given: int) -> Figures:
        holders = self._holders if self._plan.subject else "NULL"
        rows, patients, touched = self._one(
            f"SELECT count(*), {holders}, count(*) FILTER ({_TOUCHED}) FROM leaving"
        )
        k = least = None
        classes = 0
        if self._plan.quasi_identifiers:
            diversities = ", ".join(map(_diversity, self._plan.sensitive))
            smallest = f"least({diversities})" if self._plan.sensitive else "NULL"
            k, least, classes = self._one(
                f"SELECT min(holders), min(diversity), count(*) FROM (SELECT {self._holders} AS holders, "
                f"{smallest} AS diversity FROM leaving GROUP BY {self._class})"
            )
        return Figures(rows, patients, k, least, classes, given - rows, self._values, touched)

    def _shortfalls(self, figures: Figures, given: int) -> Iterator[Finding]:
        """What had to be left out, where it is more than the contract lets."""
        most = self._plan.suppress * given
        if not figures.rows:
            yield Finding("", "rows leave", 0)
        if Decimal(figures.suppressed_rows) > most:
            rule = f"rows of {given} are in classes of less than k = {self._plan.k} or l = {self._plan.l}"
            yield Finding("", rule, figures.suppressed_rows)
        if Decimal(figures.touched_rows) > most:
            rule = f"rows of {given} have a text that fewer than {self._plan.k} have"
            yield Finding("", rule, figures.touched_rows)

    def _count(self, relation: str) -> int:
        return int(self._one(f"SELECT count(*) FROM {relation}")[0])

    def _one(self, sql: str) -> tuple[int, ...]:
        return self._connection.execute(sql).fetchone() or ()


def _is_open(column: ReleasedColumnPlan) -> bool:
    """Whether a column's texts are of no list that its contract holds them to."""
    return column.type == "string" and column.element in _RARE and column.listed is None


def _diversity(name: str) -> str:
    """How many values there are; that there is none is one."""
    column = quote_name(name)
    return f"(count(DISTINCT {column}) + max(CASE WHEN {column} IS NULL THEN 1 ELSE 0 END))"
