"""A lake of its own for each test, under both catalog profiles."""

import pytest

from a360.catalog import CatalogSession
from a360.engine.duckdb import DuckDBEngine


@pytest.fixture(params=[None, "glue"], ids=["embedded", "glue"])
def catalog(request, tmp_path):
    with CatalogSession.open(tmp_path / "lake", profile=request.param) as session:
        yield session


@pytest.fixture
def engine(tmp_path):
    return DuckDBEngine(tmp_path / "lake" / "tmp", memory_limit="512MB", threads=2)


@pytest.fixture
def session(catalog, engine):
    with engine.session(catalog) as opened:
        yield opened


@pytest.fixture
def new_table(catalog):
    def make(name, schema, **options):
        client = catalog.client()
        namespace = name.split(".")[0]
        client.create_namespace_if_not_exists(namespace)
        location = f"{catalog.endpoint.warehouse}/{name.replace('.', '/')}"
        return client.create_table(
            name, schema, location=location, properties={"format-version": "2"}, **options
        )

    return make
