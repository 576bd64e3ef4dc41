"""The SQL of masked views shows what the policy decides, cell by cell."""

import re
from datetime import date, timedelta
from itertools import product
from random import Random

import duckdb
import policy_worlds as worlds
import pytest
import sqlglot

from a360.contract import PolicyIndex
from a360.contract._carriers import carrier_principals, carry
from a360.contract._views import is_row_filter, select_sql

BORN = date(1987, 5, 6)
WORLDS = [
    {"f1": f1, "f2": f2, "f3": f3, "given": given, "taken": taken}
    for f1, f2, f3, (given, taken) in product((0, 1), (0, 1), "ab", ((0, 0), (1, 0), (1, 1)))
]
COLUMNS = frozenset({"a", "b"})


@pytest.fixture(scope="module")
def engine():
    """The tables of the policies with a row for each world, consents, and what keyed masks give."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver; CREATE SCHEMA gold; CREATE SCHEMA a360_masks")
        connection.execute(
            "CREATE TABLE silver.seen (patient_key TEXT, f1 BIGINT, f3 TEXT, born DATE, f2 BIGINT)"
        )
        connection.execute("CREATE TABLE gold.sums (f1 BIGINT, f2 BIGINT, f3 TEXT, day DATE, n BIGINT)")
        connection.execute(
            "CREATE TABLE silver.consent (patient_key TEXT, status TEXT, code TEXT, until TIMESTAMPTZ)"
        )
        connection.execute("CREATE TABLE a360_masks.hash (domain TEXT, value TEXT, masked TEXT)")
        connection.execute("CREATE TABLE a360_masks.date_shift (domain TEXT, value TEXT, days INT)")
        for n, world in enumerate(WORLDS):
            row = {**world, "key": f"p{n}", "born": BORN, "n": n}
            connection.execute(
                "INSERT INTO silver.seen VALUES ($key, $f1, $f3, $born, $f2)", only(row, "key f1 f3 born f2")
            )
            connection.execute(
                "INSERT INTO gold.sums VALUES ($f1, $f2, $f3, $born, $n)", only(row, "f1 f2 f3 born n")
            )
            for status in ["active"] * world["given"] + ["stopped"] * world["taken"]:
                for purpose in worlds.PURPOSES:
                    consent = [f"p{n}", status, purpose, "2999-01-01"]
                    connection.execute("INSERT INTO silver.consent VALUES (?, ?, ?, ?)", consent)
        connection.execute("INSERT INTO silver.consent VALUES (NULL, 'stopped', 'treatment', '2999-01-01')")
        yield connection


def only(row, names):
    """Some of a row's values."""
    return {name: row[name] for name in names.split()}


def examples(engine):
    """Views of random policies: what they give for every row, and what the document says they should."""
    for seed in range(250):
        random = Random(seed)
        file = worlds.document(random)
        plan = worlds.plan_of(random, file)
        index = PolicyIndex(plan.policy, plan.tables)
        principal = random.choice([*carrier_principals(plan)])
        ask = principal.ask
        request = worlds.Request(
            ask.user, ask.roles, ask.groups, ask.attributes, ask.purpose, ask.break_glass
        )
        for view in carry(plan, index, principal).views:
            yield file, plan.table(view.decision.dataset), view, request


def masked(mask, column, value, row):
    """A value as a mask shows it; keyed masks give what the maps of `filled` hold."""
    if mask == "clear":
        return value
    given = {
        "redact": "REDACTED",
        "last4": "****",
        "hash": f"h-{value}",
        "age_band": 0,
        "zip3": None,
        "null": None,
    }
    if isinstance(value, date):
        given |= {"age_band": date(1980, 1, 1), "year": date(1987, 1, 1), "date_shift": value + timedelta(7)}
    return given[mask]


def filled(engine, domain):
    """Fill the maps of one domain, and of no other."""
    engine.execute("DELETE FROM a360_masks.hash; DELETE FROM a360_masks.date_shift")
    of = f"SELECT unnest(list_concat(['a', 'b'], list_transform(range({len(WORLDS)}), n -> 'p' || n))) AS v"
    engine.execute(f"INSERT INTO a360_masks.hash SELECT $1, v, 'h-' || v FROM ({of})", [domain])
    engine.execute(f"INSERT INTO a360_masks.hash SELECT 'mask:other', v, 'x' FROM ({of})")
    engine.execute(f"INSERT INTO a360_masks.date_shift SELECT $1, v, 7 FROM ({of})", [domain])


def test_views_show_what_the_document_says(engine):
    """Run over every kind of row, a view gives each cell as an oracle reads the policy, and no row beside."""
    seen = 0
    for file, table, view, request in examples(engine):
        filled(engine, view.decision.mask_domain)
        sql = sqlglot.transpile(select_sql(table, view.decision), read="trino", write="duckdb")[0]
        shown = engine.execute(sql).fetchall()
        expected = []
        for n, world in enumerate(WORLDS):
            row = {**world, "patient_key": f"p{n}", "born": BORN, "day": BORN}
            cells = {
                column.name: worlds.shown(file, table, column, request, world) for column in table.columns
            }
            if any(cell != "hidden" for cell in cells.values()):
                expected.append(
                    tuple(
                        None if cells[name] == "hidden" else masked(cells[name], name, row[name], row)
                        for name in view.decision.visible
                    )
                )
        assert sorted(shown, key=repr) == sorted(expected, key=repr), (view.sql, request)
        seen += 1
    assert seen > 40


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        ("a = 1", True),
        ("a = 1 AND (b IN ('x', 'y') OR NOT b LIKE 'z%')", True),
        ("a BETWEEN 1 AND 5 AND b IS NOT NULL", True),
        ("a = -1", True),
        ("a = b", False),
        ("a > length(b)", False),
        ("c = 1", False),
        ("a", False),
        ("a = 1 OR b", False),
        ("a + 1 = 2", False),
        ("true", False),
        ("a IN (SELECT 1)", False),
    ],
)
def test_a_row_filter_compares_columns_with_constants(condition, taken):
    """Lake Formation is given conditions that it takes, and a view carries all others."""
    assert is_row_filter(condition, COLUMNS) == taken


def test_views_name_no_key_and_run_as_their_definer(engine):
    """A view says that it runs with its definer's rights, and looks up what keyed masks give."""
    sql = next(view.sql for *_, view, _ in examples(engine) if ".a360_masked" in view.sql)
    assert re.match(
        r'CREATE OR REPLACE PROTECTED MULTI DIALECT VIEW "a360_views"\.\S+ SECURITY DEFINER AS\n', sql
    )
    assert "hmac" not in sql
