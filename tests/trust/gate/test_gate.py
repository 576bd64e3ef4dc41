"""What the gate understands: the SQL of analysts, what of it reads what, and two lists that are one."""

# ruff: noqa: E501 -- a statement a line

import json

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from a360.errors import A360Error, DeniedError, UsageError
from a360.trust.gate import LakeQuery, Source, TimeTravel, aggregation, conditions, reads
from a360.trust.gate._functions import FUNCTIONS, TABLE_FUNCTIONS
from a360.trust.gate._nodes import NODES

COLUMNS = {"silver.p": ("id", "name", "born", "tags"), "silver.v": ("id", "owner", "reason", "name")}

FRIENDLY = [
    "FROM silver.p",
    "FROM silver.p SELECT name WHERE id = 1",
    "SELECT name, count(*) FROM silver.p GROUP BY ALL ORDER BY ALL",
    "SELECT * EXCLUDE (born) REPLACE (upper(name) AS name) FROM silver.p",
    "SELECT * RENAME (name AS n) FROM silver.p",
    "SELECT COLUMNS('n.*') FROM silver.p",
    "SELECT name FROM silver.p QUALIFY row_number() OVER (PARTITION BY born ORDER BY id) = 1",
    "SELECT list_transform(tags, x -> upper(x)), list_filter(tags, lambda t: t <> 'a') FROM silver.p",
    "SELECT [upper(t) FOR t IN tags IF t > 'a'] FROM silver.p",
    "SELECT unnest(tags) FROM silver.p",
    "SELECT p.name, t.tag FROM silver.p, unnest(tags) AS t(tag)",
    "SELECT json_extract_string('{}', '$.a'), '{}'::JSON->>'b' FROM silver.p",
    "SELECT count(*) FILTER (WHERE id > 1), sum(id) FILTER (id > 2) FROM silver.p",
    "SELECT date_trunc('month', born), date_diff('day', born, current_date), born + INTERVAL 1 DAY FROM silver.p",
    "SELECT max(name ORDER BY id), string_agg(name, ','), quantile_cont(id, 0.5), arg_max(name, id) FROM silver.p",
    "SELECT sum(id) OVER w FROM silver.p WINDOW w AS (ORDER BY born ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT name FROM silver.p GROUP BY GROUPING SETS ((name), ()), CUBE (born), ROLLUP (id, name)",
    "SELECT a.name FROM silver.p a ASOF JOIN silver.v b ON a.id = b.owner AND a.born >= b.id",
    "SELECT a.name FROM silver.p a POSITIONAL JOIN silver.v b",
    "SELECT a.name FROM silver.p a SEMI JOIN silver.v b ON a.id = b.owner ANTI JOIN silver.v c ON a.id = c.id",
    "SELECT name FROM silver.p WHERE id IN (SELECT owner FROM silver.v) AND EXISTS (FROM silver.v)",
    "SELECT name FROM silver.p UNION BY NAME SELECT reason FROM silver.v",
    "WITH a AS MATERIALIZED (FROM silver.p), b AS (SELECT * FROM a) SELECT * FROM b LIMIT 10%",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
    "SELECT DISTINCT ON (name) * FROM silver.p ORDER BY born DESC NULLS LAST",
    "SELECT * FROM silver.p TABLESAMPLE RESERVOIR (10 ROWS)",
    "SELECT * FROM (VALUES (1, 'a')) v(x, y), range(3) r(i), generate_series(1, 2) g",
    "SELECT {'a': name, 'b': [id]}, struct_pack(x := id), MAP {'k': id}, s.a FROM (SELECT {'a': 1} AS s, * FROM silver.p)",
    "SELECT CASE WHEN id > 1 THEN 'x' END, if(id > 1, 1, 2), coalesce(name, ''), try_cast(name AS INT) FROM silver.p",
    "SELECT name LIKE 'a%', name ILIKE 'B', name ~ 'c', name SIMILAR TO 'd', name GLOB 'e*', name NOT IN ('f') FROM silver.p",
    "SELECT name FROM silver.p AT (VERSION => 123)",
    "SELECT name FROM silver.p AT (TIMESTAMP => '2026-01-01')",
]


@pytest.mark.parametrize("sql", FRIENDLY)
def test_the_sql_of_analysts_is_understood(sql):
    """DuckDB's friendly SQL passes, and what is made anew of it DuckDB reads as one SELECT."""
    made = LakeQuery(sql).sql()
    read = duckdb.execute("SELECT json_serialize_sql(?)", [made]).fetchone()[0]
    assert not json.loads(read)["error"]


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT name FROM silver.p", {"name"}),
        ("SELECT count(*) FROM silver.p", set()),
        ("SELECT * FROM silver.p", {"id", "name", "born", "tags"}),
        ("SELECT p.* FROM silver.p, silver.v", {"id", "name", "born", "tags"}),
        ("SELECT v.* FROM silver.p JOIN silver.v ON silver.p.id = v.owner", {"id"}),
        ("SELECT v.name FROM silver.p, silver.v", set()),
        ("SELECT NAME FROM SILVER.P", {"name"}),
        ('SELECT "Name" FROM silver.p', {"name"}),
        ("SELECT p FROM silver.p", {"id", "name", "born", "tags"}),
        ("SELECT x.a FROM silver.p AS x(a, b, c, d)", {"id", "name", "born", "tags"}),
        ("SELECT 1 FROM silver.p NATURAL JOIN silver.v", {"id", "name", "born", "tags"}),
        ("SELECT 1 FROM silver.p JOIN silver.v USING (id)", {"id"}),
        ("SELECT 1 FROM silver.p WHERE EXISTS (SELECT 1 FROM silver.v WHERE v.owner = born)", {"born"}),
        ("SELECT n FROM (SELECT born AS n FROM silver.p) WHERE name > ''", {"born"}),
        ("SELECT max(name) OVER (PARTITION BY id ORDER BY born) FROM silver.p", {"id", "name", "born"}),
        ("SELECT list_transform(tags, x -> x || name) FROM silver.p", {"tags", "name"}),
        ("SELECT COLUMNS('i.') FROM silver.p", {"id", "name", "born", "tags"}),
        ("SELECT tags.x.y FROM silver.p", {"tags"}),
    ],
)
def test_what_is_read_is_never_too_little(sql, wanted):
    """Columns by name, in every clause, through aliases; all of them where no name tells which."""
    found = reads(LakeQuery(sql), COLUMNS)
    assert set(found[Source("silver.p")]) == wanted


def test_a_moment_is_told_as_it_is_written():
    """As a snapshot or as a time; what would have to be computed is refused."""
    sources = LakeQuery("FROM silver.p AT (VERSION => 7), silver.v AT (TIMESTAMP => '2026-01-01')").sources
    assert sources == [
        Source("silver.p", TimeTravel(snapshot_id="7")),
        Source("silver.v", TimeTravel(time="2026-01-01")),
    ]
    with pytest.raises(DeniedError):
        LakeQuery("FROM silver.p AT (TIMESTAMP => now())")


TYPES = {
    "id": "long",
    "name": "string",
    "born": "date",
    "seen": "timestamptz",
    "on": "boolean",
    "x": "double",
}


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("id = 1 AND name <> 'o''x'", ['"id" = 1', "\"name\" <> 'o''x'"]),
        ("5 > id AND -3 <= id", ['"id" < 5', '"id" >= -3']),
        ("(id BETWEEN 1 AND 2) AND name IN ('a', 'b')", ['"id" BETWEEN 1 AND 2', "\"name\" IN ('a', 'b')"]),
        ("born >= '2026-01-01' AND seen < DATE '2026-01-02'", [
            "\"born\" >= DATE '2026-01-01'",
            "\"seen\" < TIMESTAMPTZ '2026-01-02 00:00:00+00'",
        ]),
        ("name IS NULL AND id IS NOT NULL", ['"name" IS NULL', '"id" IS NOT NULL']),
        ("id = 1 OR name = 'a'", []),
        ("id = '1'", []),
        ("name = 1", []),
        ("id = 1.5", []),
        ("id = 99999999999999999999", []),
        ("born = '2026-02-30'", []),
        ("born = 'today'", []),
        ("x > 1", []),
        ("lower(name) = 'a'", []),
        ("id + 1 = 2", []),
        ("id IN (SELECT 1)", []),
        ("name = 'a' COLLATE nocase", []),
        ("secret = 'a'", []),
        ("CAST(name AS INTEGER) = 1 AND id = 2", ['"id" = 2']),
    ],
)  # fmt: skip
def test_only_what_cannot_fail_is_handed_down(where, wanted):
    """Comparisons of a column with constants of its type; the rest stays with the worker."""
    query = LakeQuery(f"SELECT name FROM silver.p WHERE {where}")
    assert conditions(query, Source("silver.p"), TYPES) == wanted


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM silver.p LEFT JOIN silver.v ON true WHERE p.id = 1",
        "SELECT 1 FROM silver.p TABLESAMPLE 10% WHERE id = 1",
        "SELECT 1 FROM silver.p WHERE id = 1 USING SAMPLE 3",
        "SELECT 1 FROM silver.p WHERE id = 1 UNION ALL SELECT 2 FROM silver.p",
        "SELECT 1 FROM silver.p AS x(id) WHERE id = 1",
    ],
)
def test_nothing_is_handed_down_where_rows_mean_more_than_themselves(sql):
    """Outer joins, samples, a table that stands twice, columns with other names."""
    assert conditions(LakeQuery(sql), Source("silver.p"), TYPES) == []


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("sum(id * x)", 'sum(("id" * "x"))'),
        ("avg(p.id * (1 - x) / 2.5)", 'avg((("id" * (1 - "x")) / 2.5))'),
        ("count(DISTINCT -id + 1_000)", 'count(DISTINCT ((- "id") + 1000))'),
        ("max(id - -3)", 'max(("id" - (- 3)))'),
    ],
)
def test_arithmetic_of_columns_is_added_up_where_they_are(expression, wanted):
    """Signs, numbers and columns of numbers, written anew."""
    found = aggregation(LakeQuery(f"SELECT {expression} FROM silver.p"), {"silver.p": TYPES})
    assert found is not None
    assert found.sql == f"SELECT {wanted} FROM {{rows}}"
    assert set(found.columns) == {name for name in TYPES if f'"{name}"' in wanted}


@pytest.mark.parametrize(
    "expression",
    [
        "sum(1)",
        "sum(id * secret)",
        "sum(id * name)",
        "sum(seen - born)",
        "sum(id * '2')",
        "sum(id % 2)",
        "sum(id // 2)",
        "sum(id ** 2)",
        "sum(id & 1)",
        "sum(abs(id))",
        "sum(CAST(x AS INT) + 1)",
        "sum(id * (SELECT 1))",
        "sum(id * max(id))",
        "sum(id * 1e3)",
        "sum(id * 9999999999999999999)",
        "sum(q.id * 2)",
        "sum(id * (x, x))",
        "sum(id + INTERVAL 1 DAY)",
        "sum(DISTINCT id * 2)",
        "sum(id * 2) OVER ()",
        "sum(id * 2 ORDER BY id)",
        "sum(id * 2) FILTER (WHERE id > 0)",
        f"sum({'id + ' * 40}id)",
    ],
)
def test_more_than_arithmetic_is_left_to_a_worker(expression):
    """Functions, casts, text, hidden columns, other tables' columns, subqueries and what nests deep."""
    query = LakeQuery(f"SELECT {expression} FROM silver.p")
    assert aggregation(query, {"silver.p": TYPES}) is None


def test_both_lists_of_functions_are_one():
    """Each function by name, however it is called, parses to nodes that may be; none is there that DuckDB lacks."""
    arguments = ["", "a", "a, b", "a, b, c", "'day', a, b", "DISTINCT a", "a, lambda x: x"]
    for name in sorted(FUNCTIONS):
        for each in arguments:
            try:
                tree = sqlglot.parse_one(f"SELECT {name}({each})", dialect="duckdb")
            except sqlglot.errors.SqlglotError:
                continue
            strange = {type(node).__name__ for node in tree.walk()} - NODES - {"Anonymous"}
            assert not strange, (name, each)
    known = {
        row[0].lower()
        for row in duckdb.sql("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    }
    syntax = {
        "case",
        "cast",
        "coalesce",
        "if",
        "ifnull",
        "try",
        "try_cast",
        "grouping",
        "grouping_id",
        "current_time",
    }
    syntax |= {"current_timestamp", "percentile_cont", "percentile_disc", "map", "json", "countif"}
    assert known >= FUNCTIONS - syntax
    assert FUNCTIONS >= TABLE_FUNCTIONS


def test_every_class_on_the_list_is_one_of_the_parsers():
    """A name that the parser no longer has is taken off the list."""
    assert {name for name in NODES if not hasattr(exp, name)} == set()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT '" + "x" * 100_000 + "'",
        "SELECT \x00 1",
        "SELECT [",
    ],
    ids=["deep", "long", "null", "broken"],
)
def test_what_cannot_be_understood_is_an_error_of_ours(sql):
    """Too deep, too long, or no SQL: no exception of the parser gets out."""
    with pytest.raises(A360Error) as failure:
        LakeQuery(sql)
    assert isinstance(failure.value, UsageError)
