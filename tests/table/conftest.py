"""A lake of its own for each test, under both catalog profiles."""

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.catalog import CatalogSession, CommitStamp
from a360.engine.duckdb import DuckDBEngine
from a360.table import Tables, new_commit_id

PROFILES = pytest.mark.parametrize("profile", [None, "glue"], ids=["embedded", "glue"])


@pytest.fixture(params=[None, "glue"], ids=["embedded", "glue"])
def catalog(request, tmp_path):
    with CatalogSession.open(tmp_path / "lake", profile=request.param) as session:
        yield session


@pytest.fixture
def tables(catalog, tmp_path):
    with Tables(catalog, DuckDBEngine(tmp_path / "lake" / "tmp", memory_limit="512MB", threads=2)) as opened:
        yield opened


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
