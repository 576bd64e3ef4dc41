"""A DuckDB session over the tables of a lake."""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
from pyiceberg.table import Table

from a360.catalog import Endpoint, S3Storage
from a360.contract import quote_name, quote_table, quote_text
from a360.engine._conform import conformed, match
from a360.engine._port import MAIN, BatchFunction, Dialect, Exchange, Spell
from a360.engine._staged import DEFAULT_FILE_BYTES, StagedFile
from a360.engine.duckdb._connect import Storage, attach, connect, detach
from a360.engine.duckdb._errors import in_our_words
from a360.engine.duckdb._exchange import statements
from a360.engine.duckdb._spill import SpillFolder
from a360.engine.duckdb._staging import offered, stage
from a360.errors import UsageError

LAKE = "lake"

# DuckDB reads no past state of a table without these words.
_OF_THE_PAST = re.compile(r"\bAT\s*\(", re.IGNORECASE)

# Arrow addresses strings in 32 bits, so that a batch of large values must be small; `stream` takes its own.
BATCH_ROWS = 65_536
_LARGE_VALUES = 64


class DuckDBSession:
    """An in-memory DuckDB with the lake's catalog attached; `EngineSession` says what its methods promise."""

    dialect: Dialect = "duckdb"
    distributed = False
    branches = False

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        spill: Path,
        memory_limit: str | None = None,
        threads: int | None = None,
        require_past: Callable[[], None] = lambda: None,
        storage: S3Storage | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._require_past = require_past
        self._spill = SpillFolder(spill)
        try:
            self._connection = connect(
                temp_folder=str(self._spill.path), memory_limit=memory_limit, threads=threads
            )
            self._storage = None if storage is None else Storage(self._connection, storage)
            attach(self._connection, endpoint, LAKE)
        except BaseException:
            self._spill.remove()
            raise
        self._aimed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session and remove what it spilled to disk."""
        self._connection.close()
        self._spill.remove()

    def interrupt(self) -> None:
        """End the statement that another thread runs in the session; it fails there."""
        self._connection.interrupt()

    def register(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow data visible under a bare name; a reader can be read once only."""
        with in_our_words(f"register {name}"):
            self._connection.register(name, data)

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        with in_our_words(f"unregister {name}"):
            self._connection.unregister(name)

    def execute(self, sql: str) -> None:
        """Run statements whose result does not matter."""
        self._aim()
        with in_our_words("run a statement"):
            self._connection.execute(sql)
        self._look_back(sql)

    def sql(self, sql: str, *, batch_rows: int = BATCH_ROWS) -> pa.Table:
        """Run a query into an Arrow table."""
        self._aim()
        with in_our_words("run a query"):
            # As a relation, a result is turned into Arrow by all threads; `execute` would leave it to one.
            rows = self._connection.sql(sql).to_arrow_table(batch_rows)
        self._look_back(sql)
        return rows

    def stream(self, sql: str, *, batch_rows: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """Run a query as a stream; read it out before the session is used again."""
        self._aim()
        with in_our_words("run a query"):
            rows = self._connection.execute(sql).to_arrow_reader(batch_rows)
        self._look_back(sql)
        return rows

    def native(self, spell: Spell) -> pa.Table:
        """Run a query in DuckDB's dialect, which all SQL is here."""
        return self.sql(spell(self.dialect))

    def define(self, name: str, spell: Spell) -> str:  # noqa: ARG002 - all SQL is DuckDB's own
        """The query itself."""
        return f"({spell(self.dialect)}\n)"  # a new line, should the query end in a comment

    def mapped(self, name: str, sql: str, function: BatchFunction, schema: pa.Schema) -> None:
        """Make what a function makes of a query's rows visible under a bare name."""
        made = list(function(self.stream(sql, batch_rows=_LARGE_VALUES)))
        self.register(name, pa.Table.from_batches(made, schema))

    def forget(self) -> None:
        """Drop the temporary tables and views of the session."""
        for kind in ("view", "table"):
            found = self.sql(
                f"SELECT {kind}_name AS name FROM duckdb_{kind}s() WHERE temporary AND NOT internal"
            )
            for name in found["name"].to_pylist():
                self.execute(f"DROP {kind} IF EXISTS temp.{quote_name(name)}")

    def stage(
        self, sql: str, table: Table, *, target_bytes: int = DEFAULT_FILE_BYTES, name: str = ""
    ) -> list[StagedFile]:
        """Write a query's result as data files of a table; nothing is committed."""
        self._aim()
        staged = stage(self._connection, sql, table, target_bytes, name or ".".join(table.name()))
        self._look_back(sql)
        return staged

    def conform(self, sql: str, table: Table, *, name: str = "") -> str:
        """SQL that gives a query's rows in a table's columns and types."""
        self._aim()
        name = name or ".".join(table.name())
        return conformed(sql, match(offered(self._connection, sql, name), table, name))

    def staged(
        self,
        files: Sequence[StagedFile],
        table: Table,  # noqa: ARG002 - its io is of no use
        columns: Sequence[str] = (),  # noqa: ARG002 - DuckDB reads what a query wants
    ) -> str:
        """A relation over files of a table that are not committed yet."""
        paths = ", ".join(quote_text(each.path) for each in files)
        return f"read_parquet([{paths}], hive_partitioning = false)"

    def exchange(self, endpoint: Endpoint, exchange: Exchange, branch: str = MAIN) -> None:
        """Take rows out of a table and put others in, as one commit at `endpoint`."""
        self._transact(endpoint, statements(exchange), exchange.table, branch)

    def delete(self, endpoint: Endpoint, table: str, where: str, branch: str = MAIN) -> None:
        """Delete the rows for which a condition holds, as one commit at `endpoint`."""
        self._transact(endpoint, [f"DELETE FROM {quote_table(table)} WHERE ({where})"], table, branch)

    def _transact(self, endpoint: Endpoint, statements: Iterable[str], table: str, branch: str) -> None:
        """Run statements as one transaction that is committed at `endpoint`."""
        if branch != MAIN:
            raise UsageError("usage", "DuckDB writes to no branch but main", where=table, found=branch)
        alias = f"commit_{secrets.token_hex(4)}"
        attach(self._connection, endpoint, alias)
        try:
            self._aim(alias)
            with in_our_words("run a merge"):
                self._connection.begin()
                try:
                    for statement in statements:
                        self._connection.execute(statement)
                    self._connection.commit()
                except BaseException:
                    self._abandon()
                    raise
        finally:
            self._aimed = False
            with in_our_words("leave the merge"):
                self._connection.execute("SET search_path = 'memory.main'")
            detach(self._connection, alias)

    def _look_back(self, sql: str) -> None:
        """Have a statement that may have read a table's past end here if something of that is damaged."""
        if _OF_THE_PAST.search(sql):
            self._require_past()

    def refresh(self) -> None:
        """See commits that were made since the session last looked.

        DuckDB asks the catalog anew in every transaction, and every statement here is one, so that only a
        transaction left open could hide anything.
        """
        self._abandon()

    def _abandon(self) -> None:
        """End a transaction that is still open; one that ended by itself is no fault."""
        try:
            self._connection.rollback()
        except duckdb.TransactionException:
            return

    def _aim(self, alias: str = LAKE) -> None:
        """Make `namespace.name` mean the tables of an attached catalog.

        DuckDB takes a catalog's name only together with a namespace of it, and an empty lake has none yet.
        """
        if self._storage is not None:
            self._storage.renew()
        if alias == LAKE and self._aimed:
            return
        with in_our_words("read the catalog's namespaces"):
            found = self._connection.execute(
                "SELECT schema_name FROM duckdb_schemas() WHERE database_name = ? "
                "ORDER BY schema_name <> 'ops', schema_name LIMIT 1",
                [alias],
            ).fetchone()
            if found:
                path = f"{quote_name(alias)}.{quote_name(str(found[0]))}"
                self._connection.execute(f"SET search_path = {quote_text(path)}")
                self._aimed = alias == LAKE
