"""A gold model gives the same rows on every engine."""

import pytest
from canonical import column_hashes, kinds_of
from lakes import CONTRACTS

from a360.contract import GoldStep, engine_sql, load_contracts, make_plan

PLAN = make_plan(load_contracts(CONTRACTS, packs=("omop",)), "local")
MODELS = [step for step in PLAN.steps if isinstance(step, GoldStep)]

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("step", MODELS, ids=[step.dataset for step in MODELS])
def test_a_model_gives_the_same_rows(step, awkward_lake, duckdb_session, spark_session):
    """Over awkward rows, a model gives the same columns, types and rows on DuckDB and on Spark."""
    ours, theirs = (_rows(session, awkward_lake, step) for session in (duckdb_session, spark_session))

    assert ours.num_rows, "awkward rows that a model lets none of through prove nothing"
    assert kinds_of(theirs) == kinds_of(ours)
    assert theirs.num_rows == ours.num_rows
    assert column_hashes(theirs) == column_hashes(ours)


def _rows(session, lake, step):
    """What a model gives, in the columns and types of its table, as it would be committed."""
    modelled = session.define("modelled", lambda dialect: engine_sql(step.sql, dialect))
    return session.sql(session.conform(f"SELECT * FROM {modelled} AS m", lake.tables.load(step.dataset)))
