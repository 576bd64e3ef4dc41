"""What bare names mean: tables held here, tables that the workers hold, and views over any of them.

A query that reads tables held here and nothing else is run here. All other queries are Spark's, which is
shown what they read of the former.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType
from sqlglot import exp

from a360.contract import quote_name
from a360.engine.spark import _near
from a360.engine.spark._arrow import from_spark, spark_schema, to_spark
from a360.engine.spark._columns import common_table
from a360.engine.spark._near import NearTables
from a360.engine.spark._temporary import TemporaryTables, quoted

_WORD = re.compile(r"[\w#]+")


@dataclass(slots=True)
class _View:
    """A view: its query in house SQL, where it has one, in Spark's, and what bare names it reads.

    `made_by` is the statement of house SQL that makes it here; `shown` whether Spark has it.
    """

    query: exp.Expr | None
    native: Callable[[], str]
    reads: frozenset[str]
    made_by: str = ""
    shown: bool = False


class Names:
    """The temporary tables and views of a session."""

    def __init__(self, session: SparkSession, translate: Callable[[exp.Expr], str]) -> None:
        self._session = session
        self._translate = translate
        self.near = NearTables()
        self.far = TemporaryTables(session)
        self._views: dict[str, _View] = {}
        # The tables held here that Spark has been shown.
        self._shown: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.near or name in self.far

    @property
    def holds(self) -> bool:
        """Whether small tables are held here."""
        return _near.NEAR_BYTES > 0

    def schema(self, name: str) -> StructType:
        """The columns of a table, as Spark has them."""
        if name in self.near:
            return spark_schema(self.near.run(f"SELECT * FROM {quote_name(name)} LIMIT 0").schema)
        return self.far.schema(name)

    def may_be_near(self, sql: str) -> bool:
        """Whether a query names a table held here and none of the workers', which costs little to see."""
        words = {word.lower() for word in _WORD.findall(sql)}
        return any(map(self._name_is_near, words)) and not any(word in self.far for word in words)

    def is_near(self, tree: exp.Expr) -> bool:
        """Whether a query or statement reads tables held here and nothing else."""
        names = list(_read(tree))
        return bool(names) and all(map(self._name_is_near, names))

    def _name_is_near(self, name: str | None) -> bool:
        view = self._views.get(name) if name else None
        if view is not None:
            return view.query is not None and self.is_near(view.query)
        return name is not None and name in self.near

    def run(self, tree: exp.Expr, sql: str) -> pa.Table:
        """Run here a query that is near, as it was written."""
        self._bring_views(tree)
        return self.near.run(sql)

    def _bring_views(self, tree: exp.Expr) -> None:
        for name in _read(tree):
            view = self._views.get(name or "")
            if name and view is not None and view.query is not None:
                self._bring_views(view.query)
                self.near.drop(name)
                self.near.execute(view.made_by)

    def show(self, tree: exp.Expr) -> None:
        """Have Spark know what a query reads by bare names."""
        self._show(filter(None, _read(tree)))

    def show_named(self, native: str) -> None:
        """Have Spark know what a query in its own dialect may read by bare names."""
        self._show(self._named(native))

    def _named(self, native: str) -> list[str]:
        # A name too many does no harm.
        words = {word.lower() for word in _WORD.findall(native)}
        return [name for name in words if name in self._views or name in self.near]

    def _show(self, names: Iterable[str]) -> None:
        for name in names:
            view = self._views.get(name)
            if view is None:
                if name in self.near and name not in self._shown:
                    self.far.show(name, to_spark(self._session, self.near.table(name)))
                    self._shown.add(name)
                continue
            self._show(view.reads)
            if not view.shown:
                self._session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {quoted(name)} AS {view.native()}")
                self.far.note(name)
                view.shown = True

    def view(self, name: str, query: exp.Expr, made_by: str, native: Callable[[], str] | None = None) -> None:
        """Have a name stand for a query in house SQL, which is translated unless `native` spells it."""
        names = list(_read(query))
        self.drop(name)
        spelt = native or partial(self._translate, query)
        self._views[name.lower()] = _View(query, spelt, frozenset(filter(None, names)), made_by)
        if not all(map(self._name_is_near, names)):
            # What is wrong with it is told where it is defined.
            self._show([name.lower()])

    def define(self, name: str, native: str) -> None:
        """Have a name stand for a query in Spark's own dialect."""
        reads = frozenset(self._named(native)) - {name.lower()}
        self.drop(name)
        self._views[name.lower()] = _View(None, lambda: native, reads)
        self._show([name.lower()])

    def make(self, name: str, tree: exp.Expr, sql: str) -> None:
        """Make here a table, by a statement that names it and reads what is near."""
        self._bring_views(tree)
        if name.lower() in self._views:
            self.drop(name)
        self.near.make(name, sql)
        self._shown.discard(name.lower())
        self.far.drop(name)

    def keep(self, name: str, rows: DataFrame) -> None:
        """Compute rows, and hold them under a name: here if they are few, else with the workers."""
        part = self.far.compute(rows)
        few = self._few(part)
        self.drop(name)
        if few is None:
            self.far.hold(name, part)
        else:
            self.near.put(name, few)

    def _few(self, part: DataFrame) -> pa.Table | None:
        """The rows of a part that is small; it is given back."""
        if self.far.bytes_of(part) >= _near.NEAR_BYTES:
            return None
        few = from_spark(part)
        self.far.release(part)
        return few

    def add(self, name: str, rows: DataFrame) -> DataFrame | pa.Table:
        """Compute rows and add them to a table; what was added."""
        part = self.far.compute(rows)
        if name in self.near:
            few = self._few(part)
            if few is not None:
                self._changed(name)
                self.near.add(name, few)
                return few
            self.move(name)
        self.far.add(name, part)
        return part

    def move(self, name: str) -> None:
        """Have the workers hold a table that is held here."""
        if name in self.near:
            rows = to_spark(self._session, self.near.table(name))
            self.drop(name)
            self.far.keep(name, rows)

    def change(self, name: str, tree: exp.Expr, sql: str) -> pa.Table | None:
        """Run here a statement that changes a table; the rows that it returns, if it does."""
        self._bring_views(tree)
        self._changed(name)
        if tree.args.get("returning"):
            return self.near.run(sql)
        self.near.execute(sql)
        return None

    def _changed(self, name: str) -> None:
        """Have Spark forget what it was shown of a table."""
        if name.lower() in self._shown:
            self._shown.discard(name.lower())
            self.far.drop(name)

    def drop(self, name: str) -> None:
        """Forget a table or view, if it is there."""
        self._views.pop(name.lower(), None)
        self._shown.discard(name.lower())
        self.near.drop(name)
        self.far.drop(name)

    def clear(self) -> None:
        """Forget all of them."""
        self._views.clear()
        self._shown.clear()
        self.near.clear()
        self.far.clear()


def _read(tree: exp.Expr) -> Iterator[str | None]:
    """The bare names that a query reads, in small letters; None for a table of the lake, or a function."""
    for table in tree.find_all(exp.Table):
        if table.db.lower() not in {"", "temp"} or not isinstance(table.this, exp.Identifier):
            yield None
        elif common_table(table) is None:
            yield table.name.lower()
