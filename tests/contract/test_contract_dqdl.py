"""Rules of contracts in the words of Glue Data Quality."""

import re

import duckdb
import pytest
import sqlglot

from a360.contract import (
    ColumnPlan,
    DanglingRows,
    DatasetRule,
    DistributionChange,
    DuplicateRows,
    Expression,
    FailingRows,
    InCodes,
    Latency,
    Length,
    NotMissing,
    NotNull,
    Pattern,
    Query,
    Range,
    RowCount,
    RowRule,
    TablePlan,
    ValidValues,
    default_contracts,
    dqdl_ruleset,
    load_contracts,
    make_plan,
)

COLUMNS = {"source": "string", "id": "string", "n": "int", "seen": "timestamptz", "deleted": "boolean"}
TABLE = TablePlan(
    "silver",
    "thing",
    tuple(ColumnPlan(name, type_, False, n, "phi") for n, (name, type_) in enumerate(COLUMNS.items(), 1)),
)
GOLD = TablePlan("gold", "answer", TABLE.columns[:-1])


def row(check, column="n"):
    return RowRule("r", (column,), check, "error", "accuracy")


def whole(measure, operator="mustBe", threshold=(0.0,), unit="rows"):
    return DatasetRule("r", measure, operator, threshold, unit, "error", "accuracy")


def said(rule, table=GOLD):
    text = dqdl_ruleset(table, [rule]).text
    return re.fullmatch(r"Rules = \[\n    # r\n    (.*)\n\]\n", text, re.DOTALL)[1]


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (NotNull(), 'IsComplete "n"'),
        (NotMissing((0, -1)), '(IsComplete "n") and (ColumnValues "n" not in [0, -1])'),
        (ValidValues(("a", 'b"c')), r'ColumnValues "n" in ["a", "b\"c"] where "`n` IS NOT NULL"'),
        (Pattern("[A-Z]{3}"), 'ColumnValues "n" matches "^(?:[A-Z]{3})$" where "`n` IS NOT NULL"'),
        (Length(1, None), 'ColumnLength "n" >= 1 where "`n` IS NOT NULL"'),
        (Range(exclusive_minimum=0.5), 'ColumnValues "n" > 0.5 where "`n` IS NOT NULL"'),
        (
            Range(minimum="2020-01-01"),
            "CustomSql \"SELECT COUNT(*) FROM primary WHERE NOT `n` >= '2020-01-01'\" = 0",
        ),
    ],
)
def test_checks_of_a_row(check, expected):
    """A check is said in the rule type that means the same, and lets null pass where the lake does."""
    assert said(row(check)) == expected


@pytest.mark.parametrize(
    ("operator", "threshold", "expected"),
    [
        ("mustBeGreaterThan", (3.0,), "RowCount > 3"),
        ("mustBeBetween", (1.0, 9.0), "(RowCount >= 1) and (RowCount <= 9)"),
        ("mustNotBeBetween", (1.0, 9.0), "(RowCount < 1) or (RowCount > 9)"),
    ],
)
def test_both_ends_of_a_range_belong_to_it(operator, threshold, expected):
    """DQDL's `between` leaves its ends out, so that it is never used."""
    assert said(whole(RowCount(), operator, threshold)) == expected


def test_what_is_gone_counts_nowhere():
    """Tombstones, and earlier versions of rows, are left out of rules as the lake leaves them out."""
    assert said(row(NotNull()), TABLE) == 'IsComplete "n" where "NOT `deleted`"'
    history = TablePlan("silver", "thing", TABLE.columns, history=True)
    assert said(row(NotNull()), history) == 'IsComplete "n" where "NOT `deleted` AND `is_current`"'


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (row(InCodes("code-system", "urn:x")), "vocabularies"),
        (row(Pattern(r"\d+")), "backslash"),
        (row(ValidValues((True,))), "booleans"),
        (whole(DistributionChange("n", ("a",), (), "psi", 5, 10)), "distribution_change"),
        (whole(FailingRows("n", Length(1))), "failing_rows"),
    ],
)
def test_what_dqdl_cannot_say_is_named(rule, reason):
    """A rule without words in DQDL is left out with the reason, never silently."""
    ruleset = dqdl_ruleset(GOLD, [rule])
    assert ruleset.text == ""
    assert reason in ruleset.unsaid["r"]


ROWS = """
CREATE TABLE "primary" (source VARCHAR, id VARCHAR, n INT, seen TIMESTAMPTZ, deleted BOOLEAN);
INSERT INTO "primary" VALUES ('a', '1', 1, now() - INTERVAL 5 HOUR, false), ('a', '1', 2, NULL, false),
    ('b', '2', NULL, now() + INTERVAL 1 DAY, false), ('a', '9', 9, now(), true), ('a', NULL, 3, NULL, false);
CREATE TABLE silver_other (source VARCHAR, other_id VARCHAR, patient_key VARCHAR);
INSERT INTO silver_other VALUES ('a', '1', '1'), ('a', '2', '2');
"""


@pytest.mark.parametrize(
    ("rule", "measured"),
    [
        (row(Expression("n < 3")), 1),
        (whole(DuplicateRows(("source", "id"))), 1),
        (whole(DanglingRows("id", "silver.other", "other_id")), 1),  # ('b', '2') is another source's
        (whole(DanglingRows("id", "silver.other", "patient_key")), 0),
        (whole(DanglingRows("id", "silver.other", "other_id"), unit="percent"), 25),
        (whole(FailingRows("n", NotNull()), unit="percent"), 25),
        (whole(Query("SELECT COUNT(*) FROM silver.thing WHERE deleted", ("silver.thing",))), 1),
        (whole(Query("SELECT COUNT(*) FROM silver.other", ("silver.other",))), 2),
        (whole(Latency("seen"), "mustBeLessThan", (9.0,), "hours"), 5),
    ],
)
def test_queries_measure_what_the_rule_measures(rule, measured):
    """The query of a rule gives, on rows with tombstones, nulls and duplicates, what the lake would count."""
    text = said(rule, TABLE)
    sql = re.match(r'CustomSql "(.*)" [=<>!]', text)[1]
    with duckdb.connect() as session:
        session.execute(ROWS)
        query = sqlglot.transpile(sql.replace("primary", "`primary`"), read="spark", write="duckdb")[0]
        query = query.replace("UNIX_TIMESTAMP()", "EPOCH(NOW())")
        assert session.sql(query).fetchone()[0] == pytest.approx(measured, abs=0.01)


def test_references_are_told_by_alias():
    """What else a ruleset reads is named, for an evaluation has to be given it."""
    rule = whole(DanglingRows("id", "silver.other", "other_id"))
    assert dqdl_ruleset(TABLE, [rule]).references == {"silver_other": "silver.other"}


def test_the_rules_of_our_contracts_are_said():
    """All but those that look codes up are said, and every query among them is Spark's SQL."""
    plan = make_plan(load_contracts(default_contracts()), "local")
    unsaid = set()
    for step in plan.steps:
        ruleset = dqdl_ruleset(plan.table(step.dataset), [*step.rules, *step.dataset_rules])
        unsaid |= set(ruleset.unsaid.values())
        for sql in re.findall(r'CustomSql "((?:[^"\\]|\\.)*)"', ruleset.text):
            sqlglot.parse_one(sql.replace('\\"', '"'), dialect="spark")
    assert unsaid == {"it looks codes up in the vocabularies that are loaded"}
