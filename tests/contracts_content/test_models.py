"""The gold models as SQL: portable, over declared columns, and giving what their contracts promise."""

import duckdb
import pytest
import sqlglot
from lake_content import (
    CONTRACTS,
    columns,
    contract,
    custom,
    dataset_files,
    gold_tables,
    model_sql,
    silver_tables,
)
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

MODELS = {
    file.stem: file.read_text(encoding="utf-8") for file in sorted((CONTRACTS / "models").glob("*.sql"))
}
PORTABLE = {
    "Coalesce",
    "Count",
    "Max",
    "Min",
    "Sum",
    "Nullif",
    "RowNumber",
    "Lead",
    "Replace",
    "Trim",
    "Extract",
    "TimestampTrunc",
    "DateTrunc",
    "Cast",
    "Case",
    "If",
    "And",
    "Or",
    "Exists",
}
# Each engine is given these in a form of its own.
OURS = {"ASCII_UPPER", "ASCII_LOWER", "STABLE_ID"}


def schema():
    """The declared columns of silver and gold, as sqlglot wants them."""
    return {
        zone: {
            file.stem: {column["name"]: column["physicalType"] for column in columns(zone, file.stem)}
            for file in dataset_files(zone)
        }
        for zone in ("silver", "gold")
    }


def test_every_gold_dataset_has_its_model():
    """Gold has the patient at a glance, facts, the marts of the business, and two that stand apart."""
    clinical = {"patient_360", "visit_facts", "provider_utilisation", "treatment_outcomes", "lot_trace"}
    business = {"membership_revenue", "campaign_conversion", "schedule_utilisation"}
    at_home = {"engagement", "skin_sensor_trend"}
    apart = {"patient_match", "outcomes_release"}
    expected = clinical | business | at_home | apart
    loaded = {
        file.stem for file in dataset_files("gold") if custom(contract("gold", file.stem), "a360.reference")
    }
    assert {file.stem for file in dataset_files("gold")} - loaded == set(MODELS) == expected
    assert all(custom(contract("gold", name), "a360.model") == name for name in MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_models_are_one_select_for_both_engines(name):
    """A model is a single SELECT for DuckDB, and one with the same columns when put into Spark's words."""
    (duck,) = sqlglot.parse(MODELS[name], dialect="duckdb")
    (spark,) = sqlglot.parse(
        sqlglot.transpile(MODELS[name], read="duckdb", write="spark")[0], dialect="spark"
    )
    assert isinstance(duck, exp.Select)
    assert spark.named_selects == duck.named_selects


@pytest.mark.parametrize("name", MODELS)
def test_models_read_declared_columns_only(name):
    """Every column that a model names is one that a contract of silver or gold declares."""
    query = sqlglot.parse_one(MODELS[name], dialect="duckdb")
    qualify(query, schema=schema(), dialect="duckdb", validate_qualify_columns=True)
    for table in query.find_all(exp.Table):
        assert table.db in {"silver", "gold", ""}


@pytest.mark.parametrize("name", MODELS)
def test_models_keep_to_portable_words(name):
    """No QUALIFY, no star, no list, no current date, and only functions that all engines mean alike."""
    query = sqlglot.parse_one(MODELS[name], dialect="duckdb")
    assert not list(query.find_all(exp.Qualify, exp.CurrentDate, exp.CurrentTimestamp))
    assert not any(isinstance(star.parent, exp.Select) for star in query.find_all(exp.Star))
    functions = list(query.find_all(exp.Func))
    assert {each.name for each in functions if isinstance(each, exp.Anonymous)} <= OURS
    assert {type(each).__name__ for each in functions} - {"Anonymous"} <= PORTABLE


# What is counted by it has one row of each.
ONE_A_GROUP = {"currency"}


@pytest.mark.parametrize("name", MODELS)
def test_ranks_have_one_order(name):
    """Every ranking says where nulls go and ends with a key, so that engines and re-runs rank alike."""
    for window in sqlglot.parse_one(MODELS[name], dialect="duckdb").find_all(exp.Window):
        if not isinstance(window.this, exp.RowNumber | exp.Lead):
            continue
        *others, last = window.args["order"].expressions
        assert last.this.name.endswith("_id") or last.this.name in ONE_A_GROUP
        assert all(key.args.get("nulls_first") is False for key in others)


_DUCKDB = {"string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "timestamptz": "TIMESTAMP WITH TIME ZONE"}


@pytest.mark.parametrize("name", MODELS)
def test_models_give_the_columns_of_their_contract(name):
    """A model gives its contract's columns in order, each already of the type that the contract declares."""
    declared = [(column["name"], column["physicalType"]) for column in columns("gold", name)]
    with duckdb.connect() as session:
        silver_tables(session, {}, "s")
        gold_tables(session)
        described = session.execute(f"DESCRIBE {model_sql(name)}").fetchall()
    expected = [(column, _DUCKDB.get(kind, kind.upper())) for column, kind in declared]
    assert [(column, kind) for column, kind, *_ in described] == expected


@pytest.mark.parametrize("name", MODELS)
def test_models_hold_without_any_data(name):
    """Over empty silver, a model gives no rows and no error."""
    with duckdb.connect() as session:
        silver_tables(session, {}, "s")
        gold_tables(session)
        assert session.execute(f"SELECT count(*) FROM ({model_sql(name)})").fetchone() == (0,)


def test_gold_is_reconciled_with_silver():
    """Every gold contract has a rule in SQL that compares it with the silver it is made of."""
    for name in MODELS:
        rules = contract("gold", name)["schema"][0]["quality"]
        queries = [rule["query"] for rule in rules if rule["type"] == "sql" and rule["severity"] == "error"]
        assert any(f"gold.{name}" in query and "silver." in query for query in queries)
