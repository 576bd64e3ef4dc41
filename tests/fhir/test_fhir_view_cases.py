"""The official conformance cases of SQL on FHIR, on DuckDB; and the SQL of the other dialects parses."""

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import sqlglot

from a360.fhir import ViewError, compile_view, evaluate

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

needs_cases = pytest.mark.skipif(
    not CASES and not DATA_REQUIRED, reason="the official cases are not beside the project (../shared/data)"
)


def _counted(rows):
    """Rows without their order, which the specification leaves open."""
    return Counter(json.dumps(row, sort_keys=True, default=float) for row in rows)


def _passes(resources, case):
    """Whether a case comes out as it should."""
    if case.get("expectError"):
        with pytest.raises((ViewError, duckdb.InvalidInputException), match=r"fault|several values"):
            evaluate(case["view"], resources)
        return
    rows = evaluate(case["view"], resources)
    assert _counted(rows) == _counted(case["expect"])
    if "expectColumns" in case:
        assert list(rows[0]) == case["expectColumns"]


@needs_cases
def test_all_cases_are_there():
    """The file holds 134 cases, and every case that is listed as not supported is one of them."""
    assert len(CASES) == 134
    assert NOT_YET.keys() <= {name for name, _, _ in CASES}


@pytest.mark.parametrize(("name", "resources", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_official_case(name, resources, case):
    """Every official case gives the rows, or the error, that it expects."""
    if name in NOT_YET:
        with pytest.raises((AssertionError, ViewError)):
            _passes(resources, case)
    else:
        _passes(resources, case)


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "trino"])
@pytest.mark.parametrize(("name", "view"), VALID, ids=[name for name, _ in VALID])
def test_sql_of_official_case_parses(name, view, dialect):
    """The SQL of a valid case is one statement in its dialect, with the columns of the schema in order."""
    if name in NOT_YET:
        pytest.skip(NOT_YET[name])
    compiled = compile_view(view, dialect, carry=["row_id"])
    [statement] = sqlglot.parse(compiled.sql, dialect=dialect)
    assert statement.named_selects == ["row_id", *(column.name for column in compiled.schema)]
