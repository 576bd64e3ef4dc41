"""Merge of many rows into more: this lake, DuckDB's own MERGE, and PyIceberg's upsert, in one run.

    python benchmarks/merge.py [--target 10_000_000] [--rows 100_000] [--upsert-rows 2_000] [--profile glue]

Each contender merges the same rows, half of them new, into fresh copies of the same table behind the same
catalog; the best of `--repeat` runs counts. PyIceberg's upsert takes minutes at full size: it merges fewer
rows into a smaller table, and that time per row merged, times the rows, stands beside what was measured.
Ratios are to DuckDB's own MERGE; below 1 is slower.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyiceberg.schema import Schema
from pyiceberg.types import DateType, DoubleType, LongType, NestedField, StringType

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables, new_commit_id

SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "patient_key", StringType()),
    NestedField(3, "code", StringType()),
    NestedField(4, "day", DateType()),
    NestedField(5, "value", DoubleType()),
    identifier_field_ids=[1],
)
NAME = "bench.observation"


def rows(count: int, step: int = 1) -> str:
    """Rows like those of an observation table: a token, a code, a day, a value."""
    return (
        f"SELECT i * {step} AS id, md5((i % 100_000)::VARCHAR) AS patient_key, 'code-' || (i % 500) AS code, "
        "DATE '2020-01-01' + (i % 2_000)::INTEGER AS day, (i % 997)::DOUBLE / 7 AS value "
        f"FROM range({count}) AS t(i)"
    )


def incoming(target: int, count: int) -> str:
    """Rows whose keys lie evenly over the table and as far again past its end: half replace, half are new."""
    return rows(count, max(2 * target // count, 1))


def stamp() -> CommitStamp:
    return CommitStamp(new_commit_id())


def ours(tables: Tables, target: int, count: int) -> Callable[[], object]:
    return lambda: tables.merge(NAME, incoming(target, count), ["id"], stamp())


def by_hand(tables: Tables, target: int, count: int) -> Callable[[], object]:
    """DuckDB's MERGE as one would write it by hand, straight to the catalog."""
    updates = ", ".join(f"{each} = s.{each}" for each in ("patient_key", "code", "day", "value"))
    sql = (
        f"MERGE INTO {NAME} AS t USING ({incoming(target, count)}) AS s ON t.id = s.id "
        f"WHEN MATCHED THEN UPDATE SET {updates} WHEN NOT MATCHED THEN INSERT"
    )
    return lambda: tables.session.execute(sql)


def upsert(tables: Tables, target: int, count: int) -> Callable[[], object]:
    data = tables.session.sql(incoming(target, count)).cast(SCHEMA.as_arrow())
    return lambda: tables.load(NAME).upsert(data)


def timed(contender: Callable[..., Callable[[], object]], tables: Tables, *size: int) -> float:
    """The time of a contender over a fresh table, which is checked to hold what it must."""
    tables.create_table(NAME, SCHEMA)
    tables.append(NAME, rows(size[0]), stamp())
    action = contender(tables, *size)
    start = time.perf_counter()
    action()
    taken = time.perf_counter() - start
    matched = tables.session.sql(f"SELECT count(*) AS n FROM ({incoming(*size)}) WHERE id < {size[0]}")
    assert tables.info(NAME).rows == size[0] + size[1] - matched.column("n")[0].as_py()
    tables.drop(NAME, purge=True)
    return taken


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--target", type=int, default=10_000_000, help="rows of the table")
    options.add_argument("--rows", type=int, default=100_000, help="rows to merge")
    options.add_argument(
        "--upsert-rows", type=int, default=2_000, help="rows PyIceberg merges; 0 leaves it out"
    )
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--profile", choices=["glue"], help="catalog profile")
    options.add_argument("--memory-limit", default="1GB")
    given = options.parse_args()
    size = (given.target, given.rows)
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDBEngine(Path(folder) / "tmp", memory_limit=given.memory_limit)
        catalog = CatalogSession.open(Path(folder), profile=given.profile)
        with catalog, Tables(catalog, engine) as tables:
            timed(ours, tables, 1_000, 10)
            # By turns, so that what else the machine does falls on both.
            turns = [(timed(by_hand, tables, *size), timed(ours, tables, *size)) for _ in range(given.repeat)]
            base, mine = (min(times) for times in zip(*turns, strict=True))
            print(f"merge of {given.rows:,} rows into {given.target:,}   seconds     ratio")
            print(f"{'DuckDB MERGE by hand':<40} {base:>8.2f} {1:>9.3f}")
            print(f"{'a360':<40} {mine:>8.2f} {base / mine:>9.3f}")
            if given.upsert_rows:
                part = (max(given.target * given.upsert_rows // given.rows, 1), given.upsert_rows)
                taken = timed(upsert, tables, *part)
                scaled = taken * given.rows / given.upsert_rows
                print(f"{'PyIceberg upsert, extrapolated':<40} {scaled:>8.2f} {base / scaled:>9.3f}")
                print(f"  measured: {part[1]:,} rows into {part[0]:,} in {taken:.2f} s")


if __name__ == "__main__":
    main()
