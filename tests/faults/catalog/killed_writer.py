"""A writer that tells of each commit that was acknowledged, and is killed in its second one.

Run by `test_catalog_killed_often.py`, which hands in LAKE, PROFILE, STEP, NUMBER and TOLD.
"""

import os
from pathlib import Path

import pyarrow as pa

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables

SCHEMA = pa.schema([pa.field("commit", pa.string())])


def main(lake, profile, step, number, told):
    """Commit twice, the second time up to the step."""
    with (
        CatalogSession.open(lake, profile=profile) as session,
        Tables(session, DuckDBEngine(lake / "tmp", memory_limit="200MB", threads=1)) as tables,
    ):
        for part in ("first", "second"):
            os.environ["A360_FAILPOINTS"] = f"{step}=kill" if part == "second" else ""
            commit = f"{number}-{part}"
            tables.append("silver.visit", pa.table({"commit": [commit]}, SCHEMA), CommitStamp(commit))
            told.send(commit)


if __name__ == "__main__":
    main(Path(LAKE), PROFILE, STEP, NUMBER, TOLD)  # noqa: F821 -- handed in
