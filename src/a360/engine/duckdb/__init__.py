"""DuckDB as the engine of the embedded lake."""

from pathlib import Path

from a360.catalog import CatalogSession
from a360.engine.duckdb._bare import BareSession
from a360.engine.duckdb._errors import withheld
from a360.engine.duckdb._session import DuckDBSession

__all__ = ["BareSession", "DuckDBEngine", "DuckDBSession", "withheld"]


class DuckDBEngine:
    """Opens DuckDB sessions that spill, encrypted, under one folder."""

    name = "duckdb"

    def __init__(self, spill: Path, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        self._spill = spill
        self._memory_limit = memory_limit
        self._threads = threads

    def session(self, catalog: CatalogSession) -> DuckDBSession:
        """Open a session over the tables of a catalog."""
        return DuckDBSession(
            catalog.engines,
            spill=self._spill,
            memory_limit=self._memory_limit,
            threads=self._threads,
            require_past=catalog.require_past,
            storage=catalog.storage,
        )
