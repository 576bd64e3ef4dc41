"""The official conformance cases of SQL on FHIR on DuckDB and on Spark; the SQL of all dialects parses."""

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot

from a360.fhir import ViewError, compile_view, evaluate
from a360.fhir._stopped import ViewStoppedError

FOLDER = Path(__file__).resolve().parents[2] / "../shared/data/sql-on-fhir"

# Cases that are not supported yet, by name, with the reason. A case that passes must not stand here.
# Two notes on what the cases leave open: `join()` of nothing is '' here, as the file expects (upstream
# dropped that later); and a collection column is an empty list, not NULL, where there is nothing to collect.
NOT_YET: dict[str, str] = {}


def _cases():
    """Each case with its name and the resources it runs on."""
    for file in sorted(FOLDER.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        for case in content["tests"]:
            yield f"{file.stem}: {case['title']}", content["resources"], case


CASES = list(_cases())
VALID = [(name, case["view"]) for name, _, case in CASES if not case.get("expectError")]
DATA_REQUIRED = "data" in os.environ.get("A360_REQUIRE", "").split(",")

ENGINES = ["duckdb", pytest.param("spark", marks=pytest.mark.spark)]

needs_cases = pytest.mark.skipif(
    not CASES and not DATA_REQUIRED, reason="the official cases are not beside the project (../shared/data)"
)


def _counted(rows):
    """Rows without their order, which the specification leaves open."""
    return Counter(json.dumps(row, sort_keys=True, default=float) for row in rows)


def _passes(resources, case, engine):
    """Whether a case comes out as it should."""
    if case.get("expectError"):
        with pytest.raises((ViewError, ViewStoppedError)):
            evaluate(case["view"], resources, engine)
        return
    rows = evaluate(case["view"], resources, engine)
    assert _counted(rows) == _counted(case["expect"])
    if "expectColumns" in case:
        assert list(rows[0]) == case["expectColumns"]


@pytest.fixture
def engine(request):
    """The engine of a test, which is skipped where that engine is not installed."""
    if request.param == "spark":
        request.getfixturevalue("spark_installed")
    return request.param


@needs_cases
def test_all_cases_are_there():
    """The file holds 134 cases, and every case that is listed as not supported is one of them."""
    assert len(CASES) == 134
    assert NOT_YET.keys() <= {name for name, _, _ in CASES}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(("name", "resources", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_official_case(name, resources, case, engine):
    """Every official case gives the rows, or the error, that it expects, on every engine."""
    if name in NOT_YET:
        with pytest.raises((AssertionError, ViewError)):
            _passes(resources, case, engine)
    else:
        _passes(resources, case, engine)


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "trino"])
@pytest.mark.parametrize(("name", "view"), VALID, ids=[name for name, _ in VALID])
def test_sql_of_official_case_parses(name, view, dialect):
    """The SQL of a valid case is one statement in its dialect, with the columns of the schema in order."""
    if name in NOT_YET:
        pytest.skip(NOT_YET[name])
    compiled = compile_view(view, dialect, carry=["row_id"])
    [statement] = sqlglot.parse(compiled.sql, dialect=dialect)
    assert statement.named_selects == ["row_id", *(column.name for column in compiled.schema)]
