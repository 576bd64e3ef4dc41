"""One lake, and a session of each engine over it: what holds of one has to hold of the other."""

import uuid

import pyarrow as pa
import pytest
from pyiceberg.exceptions import NoSuchTableError

from a360.catalog import CatalogSession
from a360.engine.duckdb import DuckDBEngine


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    with CatalogSession.open(tmp_path_factory.mktemp("lake")) as session:
        yield session


@pytest.fixture(scope="module")
def duckdb_session(catalog, tmp_path_factory):
    engine = DuckDBEngine(tmp_path_factory.mktemp("spill"), memory_limit="512MB", threads=2)
    with engine.session(catalog) as session:
        yield session


@pytest.fixture(scope="module")
def spark_session(catalog, spark_with_iceberg):
    from a360.engine.spark import SparkEngine  # noqa: PLC0415 - of the extra

    # Small tables as well are with the workers, as large ones are.
    with pytest.MonkeyPatch.context() as patched, SparkEngine().session(catalog) as session:
        patched.setattr("a360.engine.spark._near.NEAR_BYTES", 0)
        yield session


@pytest.fixture(
    params=["duckdb", *(pytest.param(name, marks=pytest.mark.spark) for name in ("spark", "spark-near"))]
)
def session(request, monkeypatch):
    """A session of each engine in turn, which a test finds empty; Spark's also as it holds small tables."""
    engine, _, near = request.param.partition("-")
    found = request.getfixturevalue(f"{engine}_session")
    if near:
        monkeypatch.setattr("a360.engine.spark._near.NEAR_BYTES", 2**20)
    yield found
    found.forget()


@pytest.fixture
def new_table(catalog):
    """Makes tables, which are gone after the test."""
    made = []

    def make(name, schema, rows=None, **options):
        client = catalog.client()
        client.create_namespace_if_not_exists(name.split(".")[0])
        made.append(name)
        location = f"{catalog.endpoint.warehouse}/{name.replace('.', '/')}-{uuid.uuid4()}"
        properties = {"format-version": "2", **options.pop("properties", {})}
        table = client.create_table(name, schema, location=location, properties=properties, **options)
        if rows is not None:
            table.append(pa.table(rows, schema=table.schema().as_arrow()))
        return table

    yield make
    for name in made:
        try:
            catalog.client().drop_table(name)
        except NoSuchTableError:
            continue
