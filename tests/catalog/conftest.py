"""A session on a lake of the test's own, and DuckDB attached to it."""

import importlib
from pathlib import Path

import duckdb
import pytest

from a360.catalog import CatalogSession


@pytest.fixture(params=["full", "glue"])
def profile(request):
    """The catalog's profile."""
    return request.param


@pytest.fixture
def session(tmp_path, profile):
    """The embedded catalog with its gateway."""
    with CatalogSession.open(tmp_path / "lake", profile=profile) as opened:
        opened.client().create_namespace("silver")
        yield opened


@pytest.fixture(scope="module")
def duck():
    """DuckDB with its extensions; made once, because loading them takes a while."""
    connection = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        package = importlib.import_module(f"duckdb_extension_{name}")
        folder = Path(next(iter(package.__path__)))
        connection.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    yield connection
    connection.close()


@pytest.fixture
def attach(duck, profile):
    """Attach an endpoint as `lake`."""
    opened = []

    def connect(endpoint):
        connection = duck.cursor()
        opened.append(connection)
        staged = str(profile != "glue").lower()
        connection.execute(
            f"ATTACH OR REPLACE 'warehouse' AS lake (TYPE iceberg, ENDPOINT '{endpoint.uri}', "
            f"TOKEN '{endpoint.token}', STAGE_CREATE_TABLES {staged})"
        )
        return connection

    yield connect
    for connection in opened:
        connection.close()
    duck.execute("DETACH DATABASE IF EXISTS lake")


@pytest.fixture
def place(session):
    """Where a table lies, as SQL and as a path; the glue profile wants to be told."""
    return lambda name: f"{session.endpoint.warehouse}/silver/{name}"
