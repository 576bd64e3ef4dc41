"""Answers in other tools: Polars takes Arrow as it comes, DuckDB queries it in place.

python examples/read_with_duckdb_and_polars.py lake
"""
# ruff: noqa: T201, INP001 - a script that prints

import sys

import duckdb

import a360

with a360.open(sys.argv[1]) as lake:
    visits = lake.table("gold.visit_facts")  # a pyarrow.Table

print(duckdb.sql("SELECT count(*) AS visits, count(DISTINCT patient_key) AS patients FROM visits").fetchall())

try:
    import polars as pl
except ImportError:
    print("Polars is not installed: pip install polars")
else:
    frame = pl.from_arrow(visits)
    print(frame.group_by("start_month").len().sort("start_month").tail(3))
