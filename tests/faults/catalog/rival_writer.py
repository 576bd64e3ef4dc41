"""A writer among many that commits again and again, at once with the others.

Run by `test_catalog_rivals.py`, which hands in LAKE, PROFILE, CLIENT, NAME, COMMITS and GATE.
"""

import importlib

import duckdb
import pyarrow as pa
import stamina
from pyiceberg.exceptions import CommitFailedException

from a360.catalog import CatalogSession, CommitStamp

TABLE = "silver.visit"
WAITS = {"wait_initial": 0.05, "wait_max": 0.6, "wait_jitter": 0.3}


class PyIceberg:
    """Appends with PyIceberg."""

    def __init__(self, session, name):
        self._session, self._name = session, name

    def insert(self, endpoint, number):
        rows = pa.table({"a": pa.array([number], pa.int64()), "writer": [self._name]})
        self._session.client(endpoint).load_table(TABLE).append(rows)

    def lost_the_race(self, error):
        return isinstance(error, CommitFailedException)


class DuckDB:
    """Inserts with DuckDB."""

    def __init__(self, session, name):
        self._name = name
        self._duck = duckdb.connect(config={"threads": 1})
        self._duck.execute("SET enable_progress_bar = false")
        for each in ("avro", "httpfs", "iceberg"):
            folder = next(iter(importlib.import_module(f"duckdb_extension_{each}").__path__))
            file = f"{folder}/extensions/v{duckdb.__version__}/{each}.duckdb_extension"
            self._duck.execute(f"LOAD '{file}'")

    def insert(self, endpoint, number):
        at = f"ENDPOINT '{endpoint.uri}', TOKEN '{endpoint.token}'"
        self._duck.execute(f"ATTACH OR REPLACE 'warehouse' AS lake (TYPE iceberg, {at})")
        self._duck.execute(f"INSERT INTO lake.{TABLE} VALUES ({number}, '{self._name}')")

    def lost_the_race(self, error):
        return isinstance(error, duckdb.Error) and "CommitFailedException" in str(error)


CLIENTS = {"pyiceberg": PyIceberg, "duckdb": DuckDB}


def main(lake, profile, client, name, commits, gate):
    """Get ready, wait for the others, commit."""
    stamina.instrumentation.set_on_retry_hooks([])
    with CatalogSession.open(lake, profile=profile) as session:
        writer = CLIENTS[client](session, name)
        gate.wait(120)
        for number in range(commits):
            for attempt in stamina.retry_context(
                on=writer.lost_the_race, attempts=None, timeout=200, **WAITS
            ):
                with attempt, session.stamped(CommitStamp(f"{name}-{number}")) as endpoint:
                    writer.insert(endpoint, number)


if __name__ == "__main__":
    main(LAKE, PROFILE, CLIENT, NAME, COMMITS, GATE)  # noqa: F821 -- handed in
