"""A lake for the tests of a module, under both catalog profiles; each test finds it empty."""

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables, new_commit_id


@pytest.fixture(scope="module", params=[None, "glue"], ids=["embedded", "glue"])
def profile(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def shared(profile, folder):
    """Opening a lake costs half a second, so that one serves a whole module."""
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
    with CatalogSession.open(folder, profile=profile) as catalog, Tables(catalog, engine) as tables:
        yield tables


@pytest.fixture
def tables(shared):
    yield shared
    shared.recorded.clear()
    for name in shared.list():
        shared.drop(name, purge=True)


@pytest.fixture
def catalog(tables):
    return tables.catalog


@pytest.fixture
def own(tmp_path, profile):
    """A lake that a test may ruin."""
    with CatalogSession.open(tmp_path, profile=profile) as catalog:
        engine = DuckDBEngine(tmp_path / "tmp", memory_limit="512MB", threads=2)
        with Tables(catalog, engine) as tables:
            yield tables


@pytest.fixture
def keyed():
    """The schema most tests use: a key, a value, and what a row may lack."""
    return Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "v", StringType()),
        NestedField(3, "clinic", StringType()),
    )


@pytest.fixture
def stamp():
    def make(**parts):
        return CommitStamp(new_commit_id(), **parts)

    return make
