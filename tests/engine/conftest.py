"""A lake for the tests of a module, under both catalog profiles; each test finds it empty."""

import uuid

import pytest
from pyiceberg.exceptions import NoSuchTableError

from a360.catalog import CatalogSession
from a360.engine.duckdb import DuckDBEngine


@pytest.fixture(scope="module", params=[None, "glue"], ids=["embedded", "glue"])
def profile(request):
    return request.param


@pytest.fixture(scope="module")
def catalog(profile, tmp_path_factory):
    """Opening a lake costs half a second, so that one serves a whole module."""
    with CatalogSession.open(tmp_path_factory.mktemp("lake"), profile=profile) as session:
        yield session


@pytest.fixture(scope="module")
def shared(catalog, tmp_path_factory):
    engine = DuckDBEngine(tmp_path_factory.mktemp("spill"), memory_limit="512MB", threads=2)
    with engine.session(catalog) as opened:
        yield opened


@pytest.fixture
def session(shared):
    yield shared
    for name in shared.sql("SELECT table_name FROM duckdb_tables() WHERE temporary").column(0).to_pylist():
        shared.execute(f"DROP TABLE {name}")


@pytest.fixture
def new_table(catalog):
    made = []

    def make(name, schema, **options):
        client = catalog.client()
        client.create_namespace_if_not_exists(name.split(".")[0])
        made.append(name)
        location = f"{catalog.endpoint.warehouse}/{name.replace('.', '/')}-{uuid.uuid4()}"
        return client.create_table(
            name, schema, location=location, properties={"format-version": "2"}, **options
        )

    yield make
    for name in made:
        try:
            catalog.client().drop_table(name)
        except NoSuchTableError:
            continue
