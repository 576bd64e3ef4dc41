"""Extracts into bronze: rows a second, against DuckDB's own reading of the same CSV file into Parquet.

    python benchmarks/extracts.py [--rows 1_000_000] [--threads 1]

The lake's side reads, checks, names, digests, compresses, seals and commits each row; DuckDB's side reads
text and writes compressed Parquet, and knows of no lines, no quarantine and no repeats. Both run on as many
threads as are asked for, the lake's with one more that reads and commits. Rows are counted by second, and by
second of processor time, which is what holds on a shared machine. The lake reads the Parquet file as well.

`payload to columns` is the mapping alone: lines of JSON as they lie in bronze to the texts that a contract's
casts read, ten columns with numbers, dates, times and a reference.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from a360.catalog import CatalogSession
from a360.contract import (
    FieldPlan,
    ReceptionPlan,
    RecordPlan,
    RecordReferencePlan,
    default_contracts,
    load_contracts,
    make_plan,
)
from a360.engine.duckdb import DuckDBEngine
from a360.ingest import Inflow, ingest_records
from a360.protect import LocalKeyStore, LocalSealer, LocalTokenizer
from a360.records import compile_mapping
from a360.table import Tables

TABLES = ("bronze.record", "bronze.record_block", "quarantine.record", "ops.ingested_file", "ops.commit")
COLUMNS = """
    'P' || lpad(i::VARCHAR, 9, '0') AS "Payment No", 'M' || (i * 7919 % 100_000) AS "Patient MRN",
    'Item, the ' || (i % 97) || 'th' AS "Item", (i % 50_000) / 100 AS "Amount", 'GBP' AS "Currency",
    CASE i % 4 WHEN 0 THEN 'card' WHEN 1 THEN 'cash' WHEN 2 THEN 'transfer' ELSE '' END AS "Method",
    'clinic-' || (i % 13) AS "Clinic", (DATE '2024-01-01' + (i % 700)::INTEGER)::VARCHAR AS "Due",
    strftime(TIMESTAMP '2024-01-01' + to_seconds(i), '%Y-%m-%dT%H:%M:%SZ') AS "Paid At", i % 5 AS "Points"
"""


def reception() -> ReceptionPlan:
    """Payments: a key, and a field that orders versions."""
    paid = FieldPlan("", "timestamptz", ("Paid At",))
    key = FieldPlan("payment_id", "string", ("Payment No",))
    record = RecordPlan("payment", "payment_id", (), kinds=("csv", "parquet"))
    return ReceptionPlan(record=record, files=("payments*",), key=(key,), updated=paid)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The seconds, and the seconds of processor time, that something takes."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def ingested(folder: Path, file: Path, kind: str, threads: int) -> tuple[float, float]:
    """How long an ingest of a file into a fresh lake takes."""
    keys = LocalKeyStore.create(folder / "keys")
    plan = make_plan(load_contracts(default_contracts()))
    engine = DuckDBEngine(folder / "tmp", memory_limit="1GB", threads=threads)
    with CatalogSession.open(folder) as catalog, Tables(catalog, engine) as tables:
        for name in TABLES:
            tables.create(plan.table(name))
        # What opening a lake takes is not what an ingest takes.
        tables.session.sql("SELECT count(*) FROM bronze.record")
        inflow = Inflow(tables, LocalTokenizer(keys), LocalSealer(keys), threads=threads)
        return timed(lambda: ingest_records(inflow, [file], kind, [reception()]))


def mapped(connection: duckdb.DuckDBPyConnection, read: str) -> tuple[float, float]:
    """How long it takes to read the columns of payments out of their payloads."""
    types = {"Amount": "decimal(9,2)", "Due": "date", "Paid At": "timestamptz", "Points": "int"}
    formats = {"Due": ("yyyy-MM-dd",), "Paid At": ("yyyy-MM-dd'T'HH:mm:ssX",)}
    patient = RecordReferencePlan("Patient", "urn:clinic:mrn")
    fields = tuple(
        FieldPlan(
            name,
            types.get(name, "string"),
            (name,),
            formats=formats.get(name, ()),
            reference=patient if name == "Patient MRN" else None,
        )
        for name, *_ in connection.execute(f"DESCRIBE {read}").fetchall()
    )
    connection.execute(f"CREATE TABLE lines AS SELECT to_json(t)::VARCHAR AS payload FROM ({read}) AS t")
    mapping = compile_mapping(RecordPlan("payment", "payment_id", fields), source="lines").sql
    return timed(lambda: connection.execute(f"CREATE TEMP TABLE mapped AS {mapping}"))


def main() -> None:
    """Write a file, read it both ways, and print how the two compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv, parquet = folder / "payments.csv", folder / "payments.parquet"
        connection = duckdb.connect(config={"threads": str(options.threads)})
        connection.execute(f"COPY (SELECT {COLUMNS} FROM range({options.rows}) AS t(i)) TO '{csv}'")
        read = f"SELECT * FROM read_csv('{csv}', all_varchar = true, header = true)"
        peer = timed(
            lambda: connection.execute(
                f"COPY ({read}) TO '{parquet}' (COMPRESSION zstd, ROW_GROUP_SIZE 50000)"
            )
        )
        print(f"{options.rows:,} rows, {csv.stat().st_size / 1e6:,.0f} MB, {options.threads} thread(s)")
        told = {
            "DuckDB, CSV to Parquet": peer,
            "CSV to bronze": ingested(folder / "csv-lake", csv, "csv", options.threads),
            "Parquet to bronze": ingested(folder / "parquet-lake", parquet, "parquet", options.threads),
            "payload to columns": mapped(connection, read),
        }
        print(f"{'':24}{'rows/s':>12}{'rows/s of processor':>22}{'to DuckDB':>12}")
        for what, (wall, processor) in told.items():
            speed, of_processor = options.rows / wall, options.rows / processor
            print(f"{what:24}{speed:12,.0f}{of_processor:22,.0f}{peer[1] / processor:12.2f}")


if __name__ == "__main__":
    main()
