"""A rule of quality finds the same rows at fault on every engine."""

import datetime as dt
from functools import partial

import pyarrow as pa
import pytest
from lakes import CONTRACTS

from a360.contract import load_contracts, make_plan
from a360.quality import measure_sql, verdict_sql

PLAN = make_plan(load_contracts(CONTRACTS, packs=("omop",)), "local")
ROWS = [step for step in PLAN.steps if step.rules]
WHOLES = [step for step in PLAN.steps if step.rules or step.dataset_rules]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

pytestmark = pytest.mark.spark


def named(steps):
    return {"argvalues": steps, "ids": [step.dataset for step in steps]}


@pytest.fixture
def drawn(awkward, awkward_lake, duckdb_session, spark_session):
    """Registers numbered rows of a dataset with both engines, most of them such as its rules refuse."""

    def draw(dataset):
        schema = awkward_lake.tables.load(dataset).schema().as_arrow()
        # Rules also look for nulls where the table takes none.
        schema = pa.schema([field.with_nullable(True) for field in schema])
        rows = awkward.drawn(dataset, schema).slice(0, 1000)
        rows = rows.append_column("#row", pa.array(range(rows.num_rows), pa.int64()))
        for session in (duckdb_session, spark_session):
            session.register("drawn", rows)

    yield draw
    for session in (duckdb_session, spark_session):
        session.unregister("drawn")


@pytest.mark.parametrize("step", **named(ROWS))
def test_a_row_fails_the_same_rules(step, drawn, duckdb_session, spark_session):
    """Each awkward row fails the same rules of its dataset on DuckDB and on Spark."""
    drawn(step.dataset)

    def verdicts(session):
        found = session.native(
            lambda dialect: f'SELECT "#row", {verdict_sql(step.rules, dialect)} AS verdict FROM drawn'
        )
        return dict(zip(found["#row"].to_pylist(), found["verdict"].to_pylist(), strict=True))

    ours, theirs = verdicts(duckdb_session), verdicts(spark_session)
    assert any(ours.values()), "rules that find no fault in awkward rows prove nothing"
    assert {row: (ours[row], theirs[row]) for row in ours if ours[row] != theirs[row]} == {}


@pytest.mark.parametrize("step", **named(WHOLES))
def test_a_dataset_measures_the_same(step, drawn, duckdb_session, spark_session):
    """All rules of a dataset, measured over awkward rows in one query, give the same numbers on both."""
    drawn(step.dataset)

    def measured(session):
        rules = [*step.rules, *step.dataset_rules]
        spell = partial(measure_sql, step.dataset, rules, "drawn", now=NOW)
        return session.native(spell).to_pylist()[0]

    assert measured(spark_session) == measured(duckdb_session)
