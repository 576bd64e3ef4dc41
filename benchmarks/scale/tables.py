"""Bare tables: a merge, many small files, many partitions."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DateType, DoubleType, LongType, NestedField, StringType

from a360.engine import EngineSession, StagedFile
from a360.engine._staged import data_folder, describe
from scale.figures import Figures, bench, stamp

NAME = "bench.observation"
INCOMING = "bench.incoming"
SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "patient_key", StringType()),
    NestedField(3, "code", StringType()),
    NestedField(4, "day", DateType()),
    NestedField(5, "value", DoubleType()),
    identifier_field_ids=[1],
)
BY_DAY = PartitionSpec(PartitionField(4, 1000, DayTransform(), "day_day"))
DAYS = 1_000
FIRST_DAY = 18_262  # 2020-01-01
TARGET = 5  # times the rows that are merged
SMALL = 100  # rows of a small file


def rows_sql(count: int, first: int = 0) -> str:
    """Rows like those of an observation table, their days in no order."""
    return (
        f"SELECT i AS id, md5((i % 100000)::VARCHAR) AS patient_key, 'code-' || (i % 500) AS code, "
        f"DATE '2020-01-01' + ((i * 7919) % {DAYS})::INTEGER AS day, (i % 997)::DOUBLE / 7 AS value "
        f"FROM range({first}, {first + count}) AS t(i)"
    )


def merge(engine: str, rows: int, folder: Path) -> Figures:
    """The lake's merge, and the engine's own as one would write it by hand, into equal tables."""
    figures, target = Figures(), TARGET * rows
    with bench(engine, folder) as (tables, session):
        tables.create_table(INCOMING, SCHEMA)
        tables.append(INCOMING, rows_sql(rows, target - rows // 2), stamp())
        updated = ", ".join(f"{each} = s.{each}" for each in ("patient_key", "code", "day", "value"))
        matched = f"MERGE INTO {NAME} AS t USING {INCOMING} AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET"
        by_hand: dict[str, Callable[[], object]] = {
            "duckdb": lambda: session.execute(f"{matched} {updated} WHEN NOT MATCHED THEN INSERT"),
            "spark": lambda: session.native(lambda _: f"{matched} * WHEN NOT MATCHED THEN INSERT *"),
        }
        ways: dict[str, Callable[[], object]] = {
            f"{engine}'s own MERGE": by_hand[engine],
            f"a360 on {engine}": lambda: tables.merge(
                NAME, f"SELECT * FROM {INCOMING}", ["id"], stamp(), session=session
            ),
        }
        for contender, way in ways.items():
            tables.create_table(NAME, SCHEMA)
            tables.append(NAME, rows_sql(target), stamp())
            session.refresh()
            with figures.step(f"merge into {target:,}", contender, rows):
                way()
            info = tables.info(NAME)
            if info.rows != target + rows - rows // 2:
                raise AssertionError(f"{contender} left {info.rows:,} rows")
            tables.drop(NAME, purge=True)
    return figures


def linked(table: Table, originals: int, links: int) -> Iterator[list[StagedFile]]:
    """Small files that await their commit: of each original, of a day of its own, so many hard links."""
    schema = pa.schema(schema_to_pyarrow(table.schema()))
    parted = bool(table.spec().fields)
    folder = Path(data_folder(table).removeprefix("file://"))
    folder.mkdir(parents=True, exist_ok=True)
    for original in range(originals):
        day = FIRST_DAY + original % DAYS
        path = folder / f"{original}-0.parquet"
        ids = range(original * SMALL, (original + 1) * SMALL)
        columns = [
            list(ids),
            [f"{each:032x}" for each in ids],
            ["code"] * SMALL,
            [day] * SMALL,
            [0.5] * SMALL,
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
        staged = describe(table, path.as_uri(), Record(day) if parted else None)
        yield [staged]
        more = []
        for link in range(1, links):
            other = path.with_name(f"{original}-{link}.parquet")
            other.hardlink_to(path)
            more.append(_renamed(staged, other.as_uri()))
        yield more


def _renamed(staged: StagedFile, path: str) -> StagedFile:
    parts = list(staged.data_file._data)  # noqa: SLF001 - a record gives its values one by one else
    entry = DataFile(*parts)
    entry[1] = path
    entry.spec_id = staged.data_file.spec_id
    return StagedFile(path, staged.rows, staged.bytes, entry)


def small_files(engine: str, rows: int, folder: Path) -> Figures:
    """A sum over so many small files, the rewrite, and the same sum after it."""
    figures = Figures()
    with bench(engine, folder) as (tables, session):
        table = tables.create_table(NAME, SCHEMA)
        files = [each for batch in linked(table, rows // SMALL, SMALL) for each in batch]
        tables.commit_append(NAME, files, stamp())
        _read(figures, f"read {SMALL} rows a file", engine, rows, session)
        with figures.step("rewrite", "a360", rows) as notes:
            tables.rewrite(NAME)
            notes.append(f"{tables.info(NAME).files} files")
        session.refresh()
        _read(figures, "read after it", engine, rows, session)
    return figures


def _read(figures: Figures, step: str, engine: str, rows: int, session: EngineSession) -> None:
    with figures.step(step, engine, rows):
        found = session.sql(f"SELECT count(*) AS n, sum(value) AS total FROM {NAME}")
    if found["n"][0].as_py() != rows // SMALL * SMALL * SMALL:
        raise AssertionError(f"{engine} read {found['n'][0]} rows")


def partitions(engine: str, rows: int, folder: Path) -> Figures:
    """Rows in no order appended to a thousand partitions by one step, beside a table without any."""
    figures = Figures()
    with bench(engine, folder) as (tables, session):
        tables.create_table(INCOMING, SCHEMA)
        tables.append(INCOMING, rows_sql(rows), stamp())
        session.refresh()
        for name, spec in (("bench.whole", None), ("bench.parted", BY_DAY)):
            tables.create_table(name, SCHEMA, **({} if spec is None else {"partition_spec": spec}))
            what = f"{DAYS:,} partitions" if spec else "no partitions"
            with figures.step(what, engine, rows) as notes:
                tables.append(name, f"SELECT * FROM {INCOMING}", stamp(), session=session)
                notes.append(f"{tables.info(name).files:,} files")
    return figures
