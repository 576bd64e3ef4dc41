"""Small temporary tables, held in this process: what reads these alone is run here, by DuckDB.

A statement costs Spark a quarter of a second of processor time however few rows it sees, and DuckDB a
thousandth of that. House SQL is DuckDB's own, so that no second form of any statement comes of it.
"""

import pyarrow as pa

from a360.contract import quote_name
from a360.engine.duckdb import BareSession

# What a result may take on an executor's disk, compressed, to be brought here.
NEAR_BYTES = 512 * 1024

_ARRIVED = "#arrived"


class NearTables:
    """Tables in DuckDB's memory, by name, and views over these alone."""

    def __init__(self) -> None:
        self._bare: BareSession | None = None
        self._tables: set[str] = set()

    @property
    def _session(self) -> BareSession:
        if self._bare is None:
            self._bare = BareSession()
        return self._bare

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._tables

    def put(self, name: str, rows: pa.Table) -> None:
        """Hold rows under a name, in the place of what it meant before."""
        self.drop(name)
        self._take(rows, f"CREATE TEMP TABLE {quote_name(name)} AS")
        self._tables.add(name.lower())

    def add(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table."""
        self._take(rows, f"INSERT INTO {quote_name(name)}")

    def _take(self, rows: pa.Table, into: str) -> None:
        self._session.register(_ARRIVED, rows)
        self._session.execute(f"{into} SELECT * FROM {quote_name(_ARRIVED)}")
        self._session.unregister(_ARRIVED)

    def make(self, name: str, sql: str) -> None:
        """Make a table by a statement that names it."""
        self._session.execute(sql)
        self._tables.add(name.lower())

    def run(self, sql: str) -> pa.Table:
        """Run a query over what is here."""
        return self._session.sql(sql)

    def execute(self, sql: str) -> None:
        """Run a statement without a result."""
        self._session.execute(sql)

    def table(self, name: str) -> pa.Table:
        """The rows of a table."""
        return self.run(f"SELECT * FROM {quote_name(name)}")

    def drop(self, name: str) -> None:
        """Forget a table or view, if it is here."""
        if self._bare is not None:
            kind = "TABLE" if name in self else "VIEW"
            self._bare.execute(f"DROP {kind} IF EXISTS temp.{quote_name(name)}")
            self._tables.discard(name.lower())

    def clear(self) -> None:
        """Forget everything."""
        if self._bare is not None:
            self._bare.close()
        self._bare = None
        self._tables.clear()
