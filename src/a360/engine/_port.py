"""What every engine offers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import pyarrow as pa
from pyiceberg.table import Table

from a360.catalog import CatalogSession, Endpoint
from a360.engine._staged import DEFAULT_FILE_BYTES, StagedFile

type Rows = pa.Table | pa.RecordBatchReader | str
"""Rows to write: Arrow data, or SQL evaluated in a session whose temporary tables are visible to it."""

MAIN: Final = "main"
"""The branch that readers see."""

type Dialect = Literal["duckdb", "spark"]
"""An engine's own SQL."""

type Spell = Callable[[Dialect], str]
"""A query that is made anew for each dialect."""

type BatchFunction = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""What batches are made into, all of one part of a query's rows at a call.

It can be pickled, since the rows may be with other processes: it holds no key, session or connection, but
opens there what it needs.
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Rows of a table that go and rows that come in their place, as one commit.

    Attributes:
        table: The table, `namespace.name`.
        columns: Its columns.
        matched: The columns by whose values rows go.
        outgoing: A relation with the values of `matched` whose rows go; None where no rows go for theirs.
        incoming: A relation with the rows that come, in the table's columns and types; None for none.
        null_safe: Whether a null among the values means the rows that have none.
        whole: Whether all rows go, whatever their values.
    """

    table: str
    columns: Sequence[str]
    matched: Sequence[str] = ()
    outgoing: str | None = None
    incoming: str | None = None
    null_safe: bool = False
    whole: bool = False


class EngineSession(Protocol):
    """One conversation with an engine; used by one thread at a time.

    In SQL the lake's tables are named `namespace.name`, temporary tables and registered data by a bare name.
    """

    @property
    def dialect(self) -> Dialect:
        """The engine's own SQL; it is given DuckDB's, which it translates, but for `native` and `define`."""
        ...

    @property
    def distributed(self) -> bool:
        """Whether rows are with other processes, so that values are best worked on by `mapped`."""
        ...

    @property
    def branches(self) -> bool:
        """Whether the engine writes to other branches of tables than `main`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """End the session and remove what it spilled to disk."""
        ...

    def register(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow data visible under a bare name; a reader can be read once only."""
        ...

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        ...

    def execute(self, sql: str) -> None:
        """Run statements whose result does not matter, as `CREATE TEMP TABLE … AS …`."""
        ...

    def sql(self, sql: str, *, batch_rows: int = ...) -> pa.Table:
        """Run a query into an Arrow table."""
        ...

    def stream(self, sql: str, *, batch_rows: int = ...) -> pa.RecordBatchReader:
        """Run a query as a stream; read it out before the session is used again."""
        ...

    def native(self, spell: Spell) -> pa.Table:
        """Run a query into an Arrow table, in the dialect of what runs it."""
        ...

    def define(self, name: str, spell: Spell) -> str:
        """The relation, as it may stand in FROM, that a query gives, in the dialect of what runs it.

        It is a temporary view of that name where other SQL could not hold the query as it is.
        """
        ...

    def mapped(self, name: str, sql: str, function: BatchFunction, schema: pa.Schema) -> None:
        """Make what a function makes of a query's rows visible under a bare name, computed once.

        Rows come in any order, in batches small enough for values of a megabyte; those that the function
        yields have the schema.
        """
        ...

    def forget(self) -> None:
        """Drop the temporary tables and views of the session."""
        ...

    def stage(
        self, sql: str, table: Table, *, target_bytes: int = DEFAULT_FILE_BYTES, name: str = ""
    ) -> list[StagedFile]:
        """Write a query's result as data files of a table, cast to its schema; nothing is committed.

        Columns are matched by name. Where rows do not fit, DataError is raised and no file is left.
        """
        ...

    def conform(self, sql: str, table: Table, *, name: str = "") -> str:
        """SQL that gives a query's rows in a table's columns and types, as `stage` would write them.

        Raises DataError where columns do not fit; values are cast when the SQL runs.
        """
        ...

    def staged(self, files: Sequence[StagedFile], table: Table, columns: Sequence[str] = ()) -> str:
        """A relation over files of a table that are not committed yet; where columns are named, of these."""
        ...

    def exchange(self, endpoint: Endpoint, exchange: Exchange, branch: str = MAIN) -> None:
        """Take rows out of a table and put others in, as one commit at `endpoint`."""
        ...

    def delete(self, endpoint: Endpoint, table: str, where: str, branch: str = MAIN) -> None:
        """Delete the rows for which a condition holds, as one commit at `endpoint`."""
        ...

    def refresh(self) -> None:
        """See commits that were made since the session last looked."""
        ...


class Engine(Protocol):
    """A query engine."""

    @property
    def name(self) -> str:
        """The engine's name in settings and commands."""
        ...

    def session(self, catalog: CatalogSession) -> EngineSession:
        """Open a session over the tables of a catalog."""
        ...
