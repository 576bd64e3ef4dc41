"""What is told of each measured step, and the engines that take it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from a360.catalog import CatalogSession, CommitStamp
from a360.engine import EngineSession
from a360.engine.duckdb import DuckDBEngine
from a360.settings import load_settings
from a360.table import Tables, new_commit_id
from watch import Watch

ENGINES = ("duckdb", "spark")
MEMORY = "4GB"


@dataclass(frozen=True, slots=True)
class Figure:
    """One step of one contender. Figures with the same `step` and `rows` are held against each other."""

    step: str
    contender: str
    rows: int
    seconds: float
    spent: float
    peak_mib: float
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Figures(list[Figure]):
    """What was measured in one process."""

    @contextmanager
    def step(self, step: str, contender: str, rows: int) -> Iterator[list[str]]:
        """Measure a block; what it puts into the list becomes the note."""
        notes: list[str] = []
        with Watch() as watch:
            yield notes
        self.append(
            Figure(step, contender, rows, watch.seconds, watch.spent, watch.peak_mib, ", ".join(notes))
        )


@contextmanager
def bench(engine: str, folder: Path) -> Iterator[tuple[Tables, EngineSession]]:
    """Bare tables in a catalog of their own, and the session that is measured; DuckDB's prepares."""
    with ExitStack() as stack:
        catalog = stack.enter_context(CatalogSession.open(folder))
        tables = stack.enter_context(Tables(catalog, DuckDBEngine(folder / "tmp", memory_limit=MEMORY)))
        yield tables, stack.enter_context(spark_session(catalog)) if engine == "spark" else tables.session


@contextmanager
def spark_session(catalog: CatalogSession) -> Iterator[EngineSession]:
    """A session of a Spark that is warm: its start is no part of what is measured."""
    from a360.engine.spark import SparkEngine  # noqa: PLC0415 - an extra
    from a360.jvm import close_spark  # noqa: PLC0415 - likewise

    try:
        with SparkEngine(load_settings(memory_limit=MEMORY)).session(catalog) as session:
            session.sql("SELECT 1 AS n")
            yield session
    finally:
        close_spark()


def stamp() -> CommitStamp:
    return CommitStamp(new_commit_id())
