"""The SQL as a person and an engine see it: its shape, its plan, what each dialect spells its own way."""

import json
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from a360.fhir import compile_view, evaluate
from a360.fhir._stopped import ViewStoppedError

ROOT = Path(__file__).resolve().parents[2]
VIEWS = sorted((ROOT / "contracts/views").glob("*.json"))
OFFICIAL = [
    pytest.param(case["view"], id=f"{file.stem}: {case['title']}")
    for file in sorted((ROOT / "../shared/data/sql-on-fhir").glob("*.json"))
    for case in json.loads(file.read_text(encoding="utf-8"))["tests"]
    if not case.get("expectError")
]
OURS = [pytest.param(json.loads(path.read_text(encoding="utf-8")), id=path.stem) for path in VIEWS]
NESTED = {
    "resource": "Patient",
    "where": [{"path": "active = true"}],
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "families", "path": "name.family", "collection": True},
            ]
        },
        {
            "forEach": "contact",
            "column": [{"name": "gender", "path": "gender"}, {"name": "n", "path": "%rowIndex"}],
            "select": [{"forEachOrNull": "telecom", "column": [{"name": "phone", "path": "value"}]}],
        },
        {
            "unionAll": [
                {"forEach": "name.given", "column": [{"name": "alias", "path": "$this"}]},
                {"column": [{"name": "alias", "path": "'-'"}]},
            ]
        },
    ],
}


def explained(view):
    """The physical plan of a view in DuckDB."""
    compiled = compile_view(view)
    with duckdb.connect() as session:
        session.execute(f"CREATE TABLE resources (resource {compiled.struct.duckdb_type()})")
        return "\n".join(row[1] for row in session.execute(f"EXPLAIN {compiled.sql}").fetchall())


def test_views_of_the_lake_are_found():
    """The views whose plans are looked at are those of the lake, all of them."""
    assert len(OURS) == 35


@pytest.mark.parametrize("view", [pytest.param(NESTED, id="nested"), *OURS, *OFFICIAL])
def test_rows_come_without_a_join(view):
    """Lists become rows by UNNEST in the SELECT list of nested subqueries, never by a join (DELIM_JOIN)."""
    assert "JOIN" not in explained(view)
    [statement] = sqlglot.parse(compile_view(view).sql, dialect="duckdb")
    assert not list(statement.find_all(exp.Join, exp.Lateral, exp.Union, exp.With))
    sources = [
        found.args.get("from_", found.args.get("from")).this for found in statement.find_all(exp.Select)
    ]
    assert all(isinstance(source, exp.Subquery | exp.Table) for source in sources)
    assert sum(isinstance(source, exp.Table) for source in sources) == 1


@pytest.mark.parametrize("path", VIEWS, ids=[path.stem for path in VIEWS])
def test_our_views_never_stop_a_batch(path):
    """No view of the lake has a column that one resource with several values could stop a batch with."""
    assert compile_view(path.read_text(encoding="utf-8")).may_stop == ()


def test_columns_that_may_stop_are_named():
    """A path that can give several values where one is expected is named; first() or a collection is not."""
    columns = [
        {"name": "one", "path": "name.family.first()"},
        {"name": "all", "path": "name.family", "collection": True},
        {"name": "risky", "path": "name.family"},
        {"name": "compared", "path": "name.family > 'a'"},
    ]
    assert compile_view({"resource": "Patient", "select": [{"column": columns}]}).may_stop == (
        "risky",
        "compared",
    )


def test_struct_holds_only_what_the_view_reads():
    """The struct that resources are parsed into is the least that the view needs."""
    struct = compile_view(NESTED).struct
    assert json.loads(struct.duckdb_json()) == {
        "active": "BOOLEAN",
        "id": "VARCHAR",
        "name": [{"family": "VARCHAR", "given": ["VARCHAR"]}],
        "contact": [{"gender": "VARCHAR", "telecom": [{"value": "VARCHAR"}]}],
    }
    assert struct.spark_type().startswith(
        "STRUCT<`active`: BOOLEAN, `id`: STRING, `name`: ARRAY<STRUCT<`family`: STRING"
    )
    assert struct.trino_type().startswith(
        'ROW("active" BOOLEAN, "id" VARCHAR, "name" ARRAY(ROW("family" VARCHAR'
    )


def test_sql_is_what_a_person_would_write():
    """A plain view compiles to plain SQL, in each dialect's own words."""
    view = {
        "resource": "Observation",
        "where": [{"path": "status = 'final'"}],
        "select": [
            {"column": [{"name": "id", "path": "getResourceKey()"}]},
            {
                "forEach": "code.coding",
                "column": [{"name": "code", "path": "code"}, {"name": "end", "path": "system"}],
            },
        ],
    }
    assert compile_view(view, carry=["file"]).sql == (
        'SELECT\n  file,\n  id,\n  _row1.code AS code,\n  _row1.system AS "end"\nFROM (\n'
        "  SELECT\n    file,\n    resource.id AS id,\n    UNNEST(resource.code.coding) AS _row1\n"
        "  FROM resources\n  WHERE resource.status = 'final'\n)"
    )
    assert "explode(resource.code.coding) AS _row1\n" in compile_view(view, "spark").sql
    assert "AS `end`" in compile_view(view, "spark").sql
    assert (
        "CROSS JOIN UNNEST(transform(resource.code.coding, x -> ROW(x))) AS _row1_items (_row1)"
        in compile_view(view, "trino").sql
    )


def test_spark_substitutes_nothing():
    """Spark replaces ${...} in a literal with a setting before it parses: it must not be there."""
    view = {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "'${env:HOME}'"}]}]}
    assert "${" not in compile_view(view, "spark").sql


def test_each_column_is_computed_once_and_early():
    """No resource is carried past the first SELECT: what later ones need is cut out of it there."""
    [statement] = sqlglot.parse(compile_view(NESTED).sql, dialect="duckdb")
    readers = [
        s
        for s in statement.find_all(exp.Select)
        if any(i.name == "resource" for i in s.find_all(exp.Identifier))
    ]
    innermost = [s for s in statement.find_all(exp.Select) if not list(s.find_all(exp.Subquery))]
    assert len(innermost) == 1
    assert innermost[0] in readers
    outer = [s for s in readers if s is not innermost[0]]
    own = [
        [i for e in s.expressions for i in e.find_all(exp.Identifier) if i.name == "resource"] for s in outer
    ]
    assert not any(own)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("birthDate = @1980-05-03", [True, None, None, False, None]),
        ("birthDate > @1980", [None, None, False, True, None]),
        ("birthDate < @1980-06", [True, True, None, False, None]),
        ("birthDate >= @1980-05-03T10:00:00Z", [None, None, None, True, None]),
        ("birthDate.lowBoundary()", ["1980-05-03", "1980-05-01", "1980-01-01", "1991-12-31", None]),
        ("birthDate.highBoundary()", ["1980-05-03", "1980-05-31", "1980-12-31", "1991-12-31", None]),
    ],
)
def test_dates_of_unequal_precision(path, expected):
    """What the known part of a date does not decide is empty; boundaries are its first and last day."""
    dates = ["1980-05-03", "1980-05", "1980", "1991-12-31", None]
    resources = [{"resourceType": "Patient", **({"birthDate": day} if day else {})} for day in dates]
    rows = evaluate({"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]}, resources)
    assert [row["a"] for row in rows] == expected


def test_instants_compare_across_offsets():
    """Date-times with offsets compare as instants."""
    view = {
        "resource": "Observation",
        "select": [{"column": [{"name": "a", "path": "effective.ofType(dateTime) = @2020-01-01T10:00:00Z"}]}],
    }
    times = ["2020-01-01T12:00:00.000+02:00", "2020-01-01T12:00:00Z", "2020-01-01", "2020-01-02"]
    rows = evaluate(view, [{"resourceType": "Observation", "effectiveDateTime": time} for time in times])
    assert [row["a"] for row in rows] == [True, False, None, False]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("value.ofType(Quantity).value = 0.3", True),
        ("value.ofType(Quantity).value + 0.1", 0.4),
        ("value.ofType(Quantity).value * value.ofType(Quantity).value", 0.09),
        ("3.0 * 3.0 * 300.0", 2700),
        ("1.1 * 1.1 * 1.1 * 1.1", 1.4641),
        ("value.ofType(Quantity).value / 0", None),
        ("value.ofType(Quantity).value - 1 < 0", True),
        ("-value.ofType(Quantity).value", -0.3),
        ("7 div 2", 3),
        ("7 mod 4", 3),
        ("7 div 0", None),
        ("2147483647 + 1", None),
        ("1 / 4", 0.25),
        ("'a' + 'b'", "ab"),
        ("'a' & {}", "a"),
        ("'abc'.substring(1)", "bc"),
        ("'abc'.substring(1, 1)", "b"),
        ("'abc'.substring(5)", None),
        ("'abc'.replace('b', 'x')", "axc"),
        ("'abc'.endsWith('bc') and 'abc'.startsWith('ab') and 'abc'.contains('b')", True),
        ("' aB '.trim().upper()", "AB"),
        ("'abc'.length()", 3),
        ("1.toString() & true.toString()", "1true"),
        ("{}", None),
        ("iif({}, 1, 2)", 2),
        ("component.all(code.exists())", True),
        ("value.exists()", True),
        ("effective.exists()", False),
    ],
)
def test_values(path, expected):
    """Arithmetic is decimal, not floating point; what has no result is empty; texts are texts."""
    view = {"resource": "Observation", "select": [{"column": [{"name": "a", "path": path}]}]}
    assert evaluate(view, [{"resourceType": "Observation", "valueQuantity": {"value": 0.3}}]) == [
        {"a": expected}
    ]


def test_references_and_extensions():
    """Keys of references match keys of resources; extensions of primitives are found beside them."""
    columns = [
        {"name": "key", "path": "generalPractitioner.getReferenceKey().first()"},
        {"name": "typed", "path": "generalPractitioner.getReferenceKey(Practitioner).first()"},
        {"name": "why", "path": "birthDate.extension('urn:why').value.ofType(code).first()"},
        {"name": "org", "path": "contained.ofType(Organization).id.first()"},
    ]
    references = {
        "Practitioner/1": ("1", "1"),
        "http://x.org/fhir/Practitioner/1/_history/2": ("1", "1"),
        "Organization/2": ("2", None),
        "urn:uuid:3": ("3", None),
        "#4": (None, None),
        "Practitioner?identifier=a|b": (None, None),
    }
    for text, (key, typed) in references.items():
        resource = {
            "resourceType": "Patient",
            "generalPractitioner": [{"reference": text}],
            "_birthDate": {"extension": [{"url": "urn:why", "valueCode": "unknown"}]},
            "contained": [
                {"resourceType": "Practitioner", "id": "p"},
                {"resourceType": "Organization", "id": "o"},
            ],
        }
        [row] = evaluate({"resource": "Patient", "select": [{"column": columns}]}, [resource])
        assert row == {"key": key, "typed": typed, "why": "unknown", "org": "o"}, text


def test_repeat_goes_deep_and_stops_at_its_limit():
    """Repeat goes sixteen levels deep, in document order; deeper data stops the query and says why."""

    def nested(levels):
        return {"linkId": str(levels)} | ({"item": [nested(levels - 1)]} if levels > 1 else {})

    view = {
        "resource": "QuestionnaireResponse",
        "select": [
            {
                "repeat": ["item"],
                "column": [{"name": "a", "path": "linkId"}, {"name": "n", "path": "%rowIndex"}],
            }
        ],
    }
    rows = evaluate(
        view, [{"resourceType": "QuestionnaireResponse", "item": [nested(16), {"linkId": "last"}]}]
    )
    assert [(row["a"], row["n"]) for row in rows] == [(str(16 - n), n) for n in range(16)] + [("last", 16)]
    with pytest.raises(ViewStoppedError, match=r"(?s)/select/0/repeat.*deeper than 16 levels"):
        evaluate(view, [{"resourceType": "QuestionnaireResponse", "item": [nested(17)]}])


def test_list_counts_the_same_beside_a_repeat():
    """What is read of a list as a whole does not change when a repeat goes through the same list later."""
    counted = {"column": [{"name": "items", "path": "item.count()"}]}
    rows = {"forEach": "item", "column": [{"name": "at", "path": "%rowIndex"}]}
    repeat = {"repeat": ["item"], "column": [{"name": "link", "path": "linkId"}]}
    response = {"resourceType": "QuestionnaireResponse", "item": [{"linkId": "a,b"}, {"linkId": "c"}]}
    found = evaluate({"resource": "QuestionnaireResponse", "select": [counted, rows, repeat]}, [response])
    assert {(row["items"], row["at"], row["link"]) for row in found} == {
        (2, at, link) for at in (0, 1) for link in ("a,b", "c")
    }
