"""Athena as an engine of refinement: it computes models, and what it wrote is checked and committed here."""

import uuid
from pathlib import Path

from a360.aws._athena import Athena
from a360.aws._athena_rows import reading_sql, unload_sql
from a360.aws._athena_sql import deployed_sql
from a360.catalog import CatalogSession
from a360.contract import DeployedNames, quote_name
from a360.engine._port import Spell
from a360.engine.duckdb import DuckDBSession


class AthenaSession(DuckDBSession):
    """A session whose models are computed by Athena, into files that the session's DuckDB then reads.

    The files of an UNLOAD bear no field ids and no times with a zone, so that no table takes them as they
    are: what they hold is checked and staged as a contract has it, like any rows, and then they are removed.
    """

    def __init__(
        self,
        catalog: CatalogSession,
        athena: Athena,
        names: DeployedNames,
        *,
        spill: Path,
        memory_limit: str | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(
            catalog.engines,
            spill=spill,
            memory_limit=memory_limit,
            threads=threads,
            require_past=catalog.require_past,
            storage=catalog.storage,
        )
        self._athena = athena
        self._names = names
        self._written: list[str] = []

    def define(self, name: str, spell: Spell) -> str:
        """The relation that a model gives, computed by Athena before this returns."""
        # A model is spelt for Trino too, in which nothing else of a session is.
        sql = deployed_sql(spell("trino"), self._names)  # type: ignore[arg-type]
        output = self._athena.output()
        probe = self._athena.run(f"SELECT * FROM ({sql}) AS asked LIMIT 0", of_model=name)
        columns = self._athena.columns(probe.id)
        place = f"{output}/unloaded/{uuid.uuid4().hex}"
        self._written.append(place)
        done = self._athena.run(unload_sql(sql, columns, place), of_model=name)
        files = self._athena.content(done.manifest).decode().split() if done.manifest else []
        self.execute(f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS {reading_sql(columns, files)}")
        return quote_name(name)

    def forget(self) -> None:
        """Drop what the session worked in, and the files that Athena wrote for it."""
        super().forget()
        self._remove_written()

    def close(self) -> None:
        """End the session; nothing that Athena wrote for it stays."""
        try:
            self._remove_written()
        finally:
            super().close()

    def _remove_written(self) -> None:
        while self._written:
            self._athena.remove(self._written[-1])
            self._written.pop()
