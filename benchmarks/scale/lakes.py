"""Lakes of generated resources: silver and gold on either engine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import a360
from a360.lake import Lake
from a360.settings import load_settings
from scale.figures import MEMORY, Figures
from scale.resources import EVENTS, Events

SILVER = ("silver.observation", "silver.procedure")
GOLD = ("gold.treatment_outcomes",)
PIECE = 1_000_000
CHANGED = 100  # one patient in so many
HEAVY = 1_000  # how many times the events of others the heavy patient has


@contextmanager
def lake_of(engine: str, folder: Path) -> Iterator[Lake]:
    """A new lake, with the engine's Java running where it needs one."""
    from a360.jvm import ICEBERG, close_spark, local_spark  # noqa: PLC0415 - an extra

    with a360.open(folder / "lake", memory_limit=MEMORY) as lake:
        lake.apply()
        try:
            if engine == "spark":
                local_spark([ICEBERG], load_settings(memory_limit=MEMORY))
            yield lake
        finally:
            close_spark()


def pieces(rows: int) -> Iterator[Events]:
    for first in range(0, rows, PIECE):
        yield Events(first, min(PIECE, rows - first))


def bring(lake: Lake, folder: Path, events: Sequence[Events]) -> int:
    """Ingest events piece by piece, so that the files of one alone lie on the disk."""
    landed = 0
    for each in events:
        each.write(folder / "piece")
        landed += sum(report.landed for report in lake.ingest(folder / "piece").steps)
        rmtree(folder / "piece")
    return landed


def run(figures: Figures, step: str, engine: str, rows: int, lake: Lake, datasets: Sequence[str]) -> None:
    """Refine datasets as one measured step, and hold them to have changed."""
    with figures.step(step, engine, rows) as notes:
        report = lake.run(*datasets, engine=engine)
        done = [each for each in report.steps if each.commit_id]
        notes += [f"{len(done)} datasets", f"{sum(each.output_rows for each in done):,} rows made"]
    if not done:
        raise AssertionError(f"{step}: nothing was committed")


def silver(engine: str, rows: int, folder: Path) -> Figures:
    """Bronze to silver, all at once."""
    figures = Figures()
    with lake_of(engine, folder) as lake:
        with figures.step("ingest", "duckdb", rows):
            bring(lake, folder, list(pieces(rows)))
        run(figures, "silver", engine, rows, lake, SILVER)
    return figures


def gold(engine: str, rows: int, folder: Path) -> Figures:
    """Gold of all rows, then what one patient in so many changed; silver is DuckDB's in both."""
    figures = Figures()
    with lake_of(engine, folder) as lake:
        bring(lake, folder, list(pieces(rows)))
        lake.run(*SILVER, "silver.adverse_event")
        run(figures, "gold, all", engine, rows, lake, GOLD)
        bring(lake, folder, [Events(0, rows, every=CHANGED, version=2)])
        lake.run(*SILVER)
        run(figures, "gold, 1 % of patients", engine, rows, lake, GOLD)
    return figures


def skew(engine: str, rows: int, folder: Path) -> Figures:
    """Gold of even events, then of as many of which one patient has a thousand times the usual.

    Silver knows no patient's rows from another's, so that DuckDB alone shows it.
    """
    figures = Figures()
    heavy = max(rows - HEAVY * EVENTS, 0)
    for name, events in (("even", Events(0, rows)), ("skewed", Events(0, rows, heavy=heavy))):
        with lake_of(engine, folder / name) as lake:
            bring(lake, folder, [events])
            if engine == "duckdb":
                run(figures, f"silver, {name}", engine, rows, lake, SILVER)
            lake.run(*SILVER, "silver.adverse_event")
            run(figures, f"gold, {name}", engine, rows, lake, GOLD)
        rmtree(folder / name)
    return figures
