"""A table of very many data files: what its commits, its upkeep and the plans of its scans cost."""

import time
from collections.abc import Callable
from pathlib import Path

from pyiceberg.expressions import EqualTo

from a360.engine import EngineSession
from a360.table import Tables, look_at_files
from scale.figures import Figures, bench, spark_session, stamp
from scale.tables import BY_DAY, DAYS, NAME, SCHEMA, SMALL, linked

WHERE = "WHERE day = DATE '2021-05-15'"
ONE_DAY = EqualTo("day", "2021-05-15")
COMMITS = 100


def plan(engine: str, rows: int, folder: Path) -> Figures:
    """So many data files of a thousand days, committed day after day, then looked at in every way."""
    figures = Figures()
    with bench("duckdb", folder) as (tables, session):
        _fill(figures, tables, rows)
        for step, query in _queries().items():
            with figures.step(f"plan, {step}", "duckdb", rows):
                session.sql(f"EXPLAIN {query}")
        _counted(figures, session, "duckdb", rows)
        with figures.step("info", "a360", rows):
            tables.info(NAME)
        for step, scan in {"one day": {"row_filter": ONE_DAY}, "all": {}}.items():
            with figures.step(f"plan, {step}", "pyiceberg", rows) as notes:
                notes.append(f"{len(list(tables.load(NAME).scan(**scan).plan_files())):,} files")
        upkeep: dict[str, Callable[[], object]] = {
            "collect, dry": lambda: tables.collect(NAME),
            "look at all files": lambda: look_at_files(tables.load(NAME)),
        }
        for step, action in upkeep.items():
            with figures.step(step, "a360", rows):
                action()
        if engine == "spark":
            with spark_session(tables.catalog) as spark:
                _by_spark(figures, spark, rows)
    return figures


def _by_spark(figures: Figures, session: EngineSession, files: int) -> None:
    for step, query in _queries().items():
        with figures.step(f"plan, {step}", "spark", files) as notes:
            notes.append(f"{_planned_by_spark(session, query):,} tasks")
    _counted(figures, session, "spark", files)


def _queries() -> dict[str, str]:
    query = f"SELECT sum(value) AS total FROM {NAME}"
    return {"one day": f"{query} {WHERE}", "all": query}


def _fill(figures: Figures, tables: Tables, files: int) -> None:
    """Commit files day after day, in a hundred commits; the first, the usual and the longest are told."""
    table = tables.create_table(NAME, SCHEMA, partition_spec=BY_DAY)
    days = linked(table, DAYS, files // DAYS)
    taken = []
    with figures.step(f"{COMMITS} commits, files made", "a360", files) as notes:
        for _ in range(COMMITS):
            batch = [file for _ in range(2 * DAYS // COMMITS) for file in next(days)]
            started = time.process_time()
            tables.commit_append(NAME, batch, stamp())
            taken.append(time.process_time() - started)
        median = sorted(taken)[COMMITS // 2]
        notes.append(f"a commit {median:.2f} s of the processor, the longest {max(taken):.2f}")
        table = tables.load(NAME)
        manifests = table.current_snapshot().manifests(table.io)  # type: ignore[union-attr]
        size = sum(each.manifest_length for each in manifests)
        notes.append(f"{len(manifests)} manifests of {size / 2**20:.1f} MiB")
    with figures.step("one more commit", "a360", files):
        tables.commit_append(NAME, [], stamp())


def _counted(figures: Figures, session: EngineSession, engine: str, files: int) -> None:
    with figures.step("query of one day", engine, files):
        found = session.sql(f"SELECT count(*) AS n, sum(value) AS total FROM {NAME} {WHERE}")
    if found["n"][0].as_py() != files // DAYS * SMALL:
        raise AssertionError(f"{engine} read {found['n'][0]} rows of one day")


def _planned_by_spark(session: EngineSession, query: str) -> int:
    """Have Spark plan a scan down to its tasks, and count these."""
    frame = session._session.sql(query)  # type: ignore[attr-defined]  # noqa: SLF001 - no query runs
    leaves = frame._jdf.queryExecution().sparkPlan().collectLeaves()  # noqa: SLF001 - Python does not say
    return int(sum(leaves.apply(at).inputRDDs().head().getNumPartitions() for at in range(leaves.size())))
