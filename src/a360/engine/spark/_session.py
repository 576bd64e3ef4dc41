"""A session of Spark over the tables of a lake."""

import gc
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import Self

import pyarrow as pa
from pyiceberg.table import Table
from pyspark.sql import DataFrame, SparkSession
from sqlglot import exp

from a360.catalog import Endpoint
from a360.contract import quote_name
from a360.engine._conform import Column, cast_columns, conformed, match, misfits, misfits_sql
from a360.engine._port import MAIN, BatchFunction, Dialect, Exchange, Spell
from a360.engine._staged import DEFAULT_FILE_BYTES, StagedFile
from a360.engine.spark._arrow import from_spark, to_spark
from a360.engine.spark._catalogs import attach, detach
from a360.engine.spark._errors import in_our_words
from a360.engine.spark._mapped import map_batches
from a360.engine.spark._merging import statement, target_of
from a360.engine.spark._names import Names
from a360.engine.spark._reading import staged_rows
from a360.engine.spark._staging import stage
from a360.engine.spark._statements import Statements
from a360.engine.spark._streaming import streamed
from a360.engine.spark._translate import parsed, translated
from a360.engine.spark._types import house_type
from a360.errors import A360Error, DataError, InternalError

LAKE = "lake"
BATCH_ROWS = 65_536

_SETTINGS = {
    # Rules of quality have names in double quotes on every engine.
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.variable.substitute": "false",
    # What a checkpoint knows of its rows names columns that it lacks; where some are united, Spark stumbles.
    "spark.sql.constraintPropagation.enabled": "false",
    # Most keys that are looked up may be null, and one task would join all rows that have none.
    "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes": "64m",
}


class SparkLakeSession:
    """A session of its own of a Spark that runs; `EngineSession` says what its methods promise.

    Args:
        using: Gives Spark's own session until this one is closed.
        endpoint: The lake's catalog.
        properties: Further properties of Iceberg's catalogs.
    """

    dialect: Dialect = "spark"
    distributed = True
    branches = True

    def __init__(
        self,
        using: AbstractContextManager[SparkSession],
        endpoint: Endpoint,
        properties: Mapping[str, str],
    ) -> None:
        with ExitStack() as opening:
            self._session = session = opening.enter_context(using)
            self._properties = properties
            for key, value in _SETTINGS.items():
                session.conf.set(key, value)
            attach(session, LAKE, endpoint, properties)
            self._names = Names(session, self._translated)
            self._statements = Statements(self._names, self._rows, self._columns)
            with in_our_words("open the lake's catalog"):
                session.sql(f"USE {LAKE}")
            self._using = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session and free what it keeps; Spark itself goes on."""
        try:
            with self._using, in_our_words("end the session"):
                self._names.clear()
                self._session.sql("USE spark_catalog")
                detach(self._session, LAKE)
        except A360Error:
            # A Spark that has ended keeps nothing, and why it did was told where it was missed.
            return

    def register(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow data visible under a bare name; a reader is read at once."""
        table = data.read_all() if isinstance(data, pa.RecordBatchReader) else data
        with in_our_words(f"register {name}"):
            self._names.drop(name)
            self._names.far.show(name, to_spark(self._session, table))

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        with in_our_words(f"unregister {name}"):
            self._names.drop(name)

    def execute(self, sql: str) -> None:
        """Run a statement on temporary tables and views."""
        with in_our_words("run a statement"):
            self._statements.run(parsed(sql), sql)

    def sql(self, sql: str, *, batch_rows: int = BATCH_ROWS) -> pa.Table:  # noqa: ARG002 - Spark has its own size
        """Run a query into an Arrow table."""
        tree = parsed(sql)
        with in_our_words("run a query"):
            if not isinstance(tree, exp.Query):
                returned = self._statements.run(tree, sql)
            elif self._names.is_near(tree):
                returned = self._names.run(tree, sql)
            else:
                returned = from_spark(self._rows(tree))
        if returned is None:
            raise InternalError("internal", "A statement without rows was run as a query")
        return returned

    def stream(self, sql: str, *, batch_rows: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """Run a query as a stream: a partition of the result is held at a time."""
        tree = parsed(sql)
        with in_our_words("run a query"):
            if self._names.is_near(tree):
                table = self._names.run(tree, sql)
                return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(batch_rows))
            return streamed(self._rows(tree), batch_rows)

    def native(self, spell: Spell) -> pa.Table:
        """Run a query into an Arrow table, in Spark's dialect or where it is near in DuckDB's."""
        house = self._near(spell)
        with in_our_words("run a query"):
            if house is not None:
                return self._names.run(parsed(house), house)
            sql = spell(self.dialect)
            self._names.show_named(sql)
            return from_spark(self._session.sql(sql))

    def define(self, name: str, spell: Spell) -> str:
        """The relation that a query gives, in Spark's dialect or where it is near in DuckDB's: a view."""
        house = self._near(spell)
        with in_our_words(f"define {name}"):
            if house is None:
                self._names.define(name, spell(self.dialect))
            else:
                made_by = f"CREATE TEMP VIEW {quote_name(name)} AS {house}"
                self._names.view(name, parsed(house), made_by, lambda: spell(self.dialect))
        return quote_name(name)

    def _near(self, spell: Spell) -> str | None:
        """A query as DuckDB has it, if it reads tables that are held here and nothing else."""
        house = spell("duckdb")
        return house if self._names.may_be_near(house) and self._names.is_near(parsed(house)) else None

    def mapped(self, name: str, sql: str, function: BatchFunction, schema: pa.Schema) -> None:
        """Make what a function makes of a query's rows visible under a bare name, computed by workers."""
        with in_our_words(f"make {name}"):
            # A scan of a few files with large blocks would else be as few tasks.
            rows = self._rows(parsed(sql)).hint("rebalance")
            self._names.keep(name, map_batches(rows, function, schema))

    def forget(self) -> None:
        """Drop the temporary tables and views of the session."""
        with in_our_words("forget what it worked in"):
            self._names.clear()

    def stage(
        self, sql: str, table: Table, *, target_bytes: int = DEFAULT_FILE_BYTES, name: str = ""
    ) -> list[StagedFile]:
        """Write a query's result as data files of a table; nothing is committed."""
        name = name or ".".join(table.name())
        columns = match(self._offered(sql, name), table, name)
        with in_our_words(f"understand the query for {name}"):
            rows = self._rows(parsed(conformed(sql, columns)))
            run = stage(rows, table, target_bytes, LAKE, self._order)
        try:
            with in_our_words(f"stage rows of {name}"):
                return run()
        except InternalError as error:
            raise self._misfits(sql, columns, name) or error from None

    def conform(self, sql: str, table: Table, *, name: str = "") -> str:
        """House SQL that gives a query's rows in a table's columns and types."""
        name = name or ".".join(table.name())
        return conformed(sql, match(self._offered(sql, name), table, name))

    def staged(self, files: Sequence[StagedFile], table: Table, columns: Sequence[str] = ()) -> str:
        """A relation over files of a table that are not committed yet; where columns are named, of these."""
        name = f"staged_{secrets.token_hex(6)}"
        with in_our_words("read what is staged"):
            self._names.far.show(name, staged_rows(self._session, files, table, columns))
        return name

    def exchange(self, endpoint: Endpoint, exchange: Exchange, branch: str = MAIN) -> None:
        """Take rows out of a table and put others in, as one commit at `endpoint`."""
        given = {"outgoing": exchange.outgoing, "incoming": exchange.incoming}
        relations = {
            kind: f"({self._translated(parsed(f'SELECT * FROM {relation}'))})"
            for kind, relation in given.items()
            if relation is not None
        }
        with in_our_words(f"write to {exchange.table}"), self._attached(endpoint) as catalog:
            columns = self._session.table(target_of(exchange.table, MAIN, catalog)).schema
            types = {each.name: each.dataType.simpleString() for each in columns}
            made = statement(exchange, target_of(exchange.table, branch, catalog), relations, types)
            if made is not None:
                self._session.sql(made)

    def delete(self, endpoint: Endpoint, table: str, where: str, branch: str = MAIN) -> None:
        """Delete the rows for which a condition holds, as one commit at `endpoint`."""
        condition = parsed(f"SELECT 1 WHERE ({where})").find(exp.Where)
        if condition is None:
            raise InternalError("internal", "A delete has no condition")
        with in_our_words(f"delete from {table}"), self._attached(endpoint) as catalog:
            target = target_of(table, branch, catalog)
            self._session.sql(f"DELETE FROM {target} WHERE {self._translated(condition.this)}")

    def refresh(self) -> None:
        """See commits that were made since: Spark asks the catalog anew for each query.

        What Java keeps for results that nobody has any more goes when Python collects what named them.
        """
        gc.collect()

    @contextmanager
    def _attached(self, endpoint: Endpoint) -> Iterator[str]:
        """A catalog by another endpoint."""
        name = f"commit_{secrets.token_hex(4)}"
        attach(self._session, name, endpoint, self._properties)
        try:
            yield name
        finally:
            detach(self._session, name)

    def _rows(self, query: exp.Expr) -> DataFrame:
        return self._session.sql(self._translated(query))

    def _translated(self, query: exp.Expr) -> str:
        self._names.show(query)
        return translated(query, LAKE, self._columns)

    def _columns(self, table: exp.Table) -> list[str]:
        """The columns of a table or view."""
        return list(self._rows(exp.select("*").from_(table.copy())).columns)

    def _order(self, order: str) -> str:
        """An ORDER BY list of house SQL in Spark's words."""
        return self._translated(parsed(f"SELECT 1 ORDER BY {order}")).partition(" ORDER BY ")[2]

    def _offered(self, sql: str, name: str) -> dict[str, str]:
        """The columns of a query with their types, in DuckDB's names of these."""
        with in_our_words(f"understand the query for {name}"):
            return {each.name: house_type(each.dataType) for each in self._rows(parsed(sql)).schema}

    def _misfits(self, sql: str, columns: Sequence[Column], name: str) -> DataError | None:
        """What of a query's rows does not fit a table, if that is why they could not be staged."""
        if not cast_columns(columns):
            return None
        try:
            [counts] = self.sql(misfits_sql(sql, columns)).to_pylist()
        except A360Error:
            return None
        return misfits(columns, list(counts.values()), name)
