"""DuckDB by itself, for work on values in hand."""

from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.dataset as ds

from a360._duckdb import connect_bare
from a360.engine.duckdb._errors import in_our_words
from a360.engine.duckdb._session import BATCH_ROWS


class BareSession:
    """A DuckDB that sees only what is registered: no catalog, no files, no network, nothing on disk.

    Its methods do what those of an `EngineSession` do, and like there errors hold no values.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._connection = connect_bare(threads=threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and forget everything."""
        self._connection.close()

    def register(self, name: str, data: pa.Table | ds.Dataset) -> None:
        """Make Arrow data visible under a bare name; a dataset is read anew by each query."""
        with in_our_words(f"register {name}"):
            self._connection.register(name, data)

    def unregister(self, name: str) -> None:
        """Forget registered data."""
        with in_our_words(f"unregister {name}"):
            self._connection.unregister(name)

    def execute(self, sql: str) -> None:
        """Run statements whose result does not matter."""
        with in_our_words("run a statement"):
            self._connection.execute(sql)

    def sql(self, sql: str, *, batch_rows: int = BATCH_ROWS) -> pa.Table:
        """Run a query into an Arrow table."""
        with in_our_words("run a query"):
            return self._connection.sql(sql).to_arrow_table(batch_rows)
