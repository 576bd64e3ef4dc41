"""No input crashes the compiler, and no text of a view leaves the SQL literal or name it belongs in."""

import json

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from a360.fhir import ViewError, check_view, compile_view, evaluate
from a360.fhir._stopped import ViewStoppedError

WORDS = """
name given family use telecom value extension contact deceased birthDate id item answer $this %rowIndex %c
%resource %x where( exists( first() last() ofType( Quantity string boolean ) ( [ ] 0 1 . . . , 'a' '' = !=
< >= and or xor implies not() + - * / & div mod iif( join( count() getResourceKey() getReferenceKey( Patient
extension( lowBoundary() highBoundary() {} true @2020 @T10:00 1.5 -1 99999999999 `id` all( empty() contains(
substring( replace( toString() startsWith( upper() is as in | ~ Patient
"""
KEYS = "resource select column path name forEach forEachOrNull repeat unionAll where constant type collection"
tokens = st.lists(st.sampled_from(WORDS.split()), max_size=12).map("".join)
spaced = st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join)
paths = st.one_of(tokens, spaced, st.text(max_size=20))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), paths)
keys = st.sampled_from(KEYS.split())
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
TRICKY = [
    "'",
    '"',
    "\\",
    "';--",
    "\\'",
    "${x}",
    "$1",
    "{0}",
    "%s",
    "\n",
    "`",
    "--",
    "/*",
    "é",
    "\u2028",
    "''",
    "\\u0027",
]
tricky = st.lists(st.sampled_from([*TRICKY, "a", " "]), min_size=1, max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_json_is_compiled_or_refused(found):
    """Any JSON value gives a list of faults, never another exception."""
    assert isinstance(check_view(json.dumps(found)), list)
    if isinstance(found, dict):
        assert isinstance(check_view({"resource": "Patient", **found}), list)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    paths,
    st.sampled_from(["Patient", "Observation", "Bundle"]),
    st.sampled_from(["column", "forEach", "where", "repeat"]),
)
def test_any_path_is_compiled_or_refused(path, resource, place):
    """Any path gives faults with pointers, or SQL that parses in every dialect and runs in DuckDB."""
    view = _view_with(path, resource, place)
    if faults := check_view(view):
        assert all(fault.pointer.startswith("/") and fault.found and fault.allowed for fault in faults)
        with pytest.raises(ViewError) as caught:
            compile_view(view)
        assert list(caught.value.faults) == faults
        return
    for dialect in ("duckdb", "spark", "trino"):
        assert len(sqlglot.parse(compile_view(view, dialect).sql, dialect=dialect)) == 1
    try:
        evaluate(view, [{"resourceType": resource, "id": "a"}])
    except ViewStoppedError as error:
        assert "several values" in str(error)  # noqa: PT017 - the one thing that may stop a query


def _view_with(path, resource, place):
    """A view that has the path in one of the places where a view has paths."""
    column = {"name": "a", "path": "id"}
    select = {"column": [column]}
    view = {"resource": resource, "constant": [{"name": "c", "valueString": "it's"}], "select": [select]}
    if place == "column":
        column["path"] = path
    elif place == "where":
        view["where"] = [{"path": path}]
    else:
        select[place] = [path] if place == "repeat" else path
        column["path"] = "$this.id"
    return view


@settings(max_examples=60, deadline=None)
@given(tricky)
def test_text_stays_inside_its_literal(text):
    """A constant or literal comes out of the query as it was, and the SQL keeps its shape."""
    literal = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    columns = [
        {"name": "a", "path": "%c"},
        {"name": "b", "path": literal},
        {"name": "c", "path": f"name.given.join({literal})"},
        {"name": "d", "path": f"extension({literal}).value.ofType(string).first()"},
    ]
    view = {
        "resource": "Patient",
        "constant": [{"name": "c", "valueString": text}],
        "select": [{"column": columns}],
        "where": [{"path": f"gender = {literal} and gender = %c and gender in name.text"}],
    }
    patient = {
        "resourceType": "Patient",
        "gender": text,
        "name": [{"text": text, "given": ["x", "y"]}],
        "extension": [{"url": "other"}, {"url": text, "valueString": text}],
    }
    assert evaluate(view, [patient]) == [{"a": text, "b": text, "c": f"x{text}y", "d": text}]
    for dialect in ("duckdb", "spark", "trino"):
        [statement] = sqlglot.parse(compile_view(view, dialect).sql, dialect=dialect)
        assert len(list(statement.find_all(exp.Select))) == 1
        if dialect == "trino":
            assert text in {found.this for found in statement.find_all(exp.Literal)}


@pytest.mark.parametrize("name", ['a"b', "a b", "1a", "a;b", "a'b", "_a", "é", "", "a" * 256, "a\n"])
def test_names_that_sql_could_misread_are_refused(name):
    """A column has a plain name, or the view is refused."""
    view = {"resource": "Patient", "select": [{"column": [{"name": name, "path": "id"}]}]}
    assert [fault.pointer for fault in check_view(view)] == ["/select/0/column/0/name"]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_text_that_no_sql_can_hold_is_refused(text):
    """NUL and lone surrogates in literals, constants and URLs are faults of the view."""
    escaped = "".join(f"\\u{ord(c):04x}" if not c.isalpha() or ord(c) > 127 else c for c in text)
    for path in (
        f"gender = '{escaped}'",
        f"gender = '{text}'",
        "gender = %c",
        f"extension('{escaped}').exists()",
    ):
        view = {"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]}
        if "%c" in path:
            view["constant"] = [{"name": "c", "valueString": text}]
        assert check_view(view), path


def test_misshapen_resources_do_not_stop_a_batch():
    """Elements of another shape than FHIR's are NULL or text; the rows beside them come out as ever."""
    view = {
        "resource": "Patient",
        "select": [
            {
                "column": [
                    {"name": "id", "path": "id"},
                    {"name": "family", "path": "name.first().family"},
                    {"name": "given", "path": "name.given", "collection": True},
                    {"name": "births", "path": "multipleBirth.ofType(integer)"},
                    {"name": "active", "path": "active"},
                    {"name": "org", "path": "managingOrganization.reference"},
                ]
            }
        ],
    }
    good = {"id": "ok", "family": "F", "given": ["G"], "births": 2, "active": True, "org": "Organization/1"}
    resource = {
        "resourceType": "Patient",
        "id": "ok",
        "name": [{"family": "F", "given": ["G"]}],
        "multipleBirthInteger": 2,
        "active": True,
        "managingOrganization": {"reference": "Organization/1"},
    }
    shapes = [
        1,
        1.5,
        "x",
        True,
        None,
        [],
        {},
        ["x"],
        [1],
        [None],
        [[]],
        {"a": 1},
        [{"given": "x"}],
        [{"given": {}}],
    ]
    resources = [resource]
    for key in ("name", "multipleBirthInteger", "active", "managingOrganization", "id"):
        resources += [resource | {key: shape} for shape in shapes]
    rows = evaluate(view, resources)
    assert len(rows) == len(resources)
    assert rows[0] == good
    fractions = [row for row in rows if row["births"] not in {2, 1, None}]
    assert fractions == []


def test_struct_and_source_fit_together():
    """The struct's renderings are what DuckDB takes: text to parse JSON by, and the type that it then has."""
    view = {
        "resource": "Observation",
        "select": [{"forEach": "component.code.coding", "column": [{"name": "code", "path": "code"}]}],
    }
    compiled = compile_view(view, source="observations", carry=["n"])
    with duckdb.connect() as session:
        session.register(
            "raw", pa.table({"n": [7], "payload": ['{"component":[{"code":{"coding":[{"code":"x"}]}}]}']})
        )
        parsed = f"from_json(payload, '{compiled.struct.duckdb_json()}')::{compiled.struct.duckdb_type()}"
        session.execute(f"CREATE TEMP VIEW observations AS SELECT n, {parsed} AS resource FROM raw")
        assert session.sql(compiled.sql).fetchall() == [(7, "x")]
        assert compiled.sources == ("observations",)


def chained(step, count, start="active"):
    """A path with one step many times over."""
    return start + step * count


HUGE = {
    "boundaries": chained(".lowBoundary()", 20, "birthDate"),
    "parts": chained(".substring(0)", 50, "gender"),
    "types": chained(".is(boolean)", 58),
    "members": "(" * 40 + "active" + " in active)" * 40,
    "filters": "name.exists(" + "$this.where(" * 25 + "true" + ").exists()" * 25 + ")",
    "extensions": "extension('a')" + ".extension('b')" * 50 + ".exists()",
    "choices": "iif(" * 50 + "active" + ", 'a', 'b').exists()" * 50,
    "signs": "-" * 59 + "1",
    "parentheses": "(" * 50 + "1" + ")" * 50,
    "comparisons": "active = " * 59 + "active",
}


@pytest.mark.parametrize("path", HUGE.values(), ids=HUGE)
def test_a_huge_path_is_compiled_soon_or_refused(path):
    """A path that nests deeply compiles to SQL of a bearable length that runs, or is a fault of the view."""
    view = {"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]}
    faults = check_view(view)
    if faults:
        assert [fault.pointer for fault in faults] == ["/select/0/column/0/path"]
        return
    assert max(len(compile_view(view, dialect).sql) for dialect in ("duckdb", "spark", "trino")) < 300_000
    assert len(evaluate(view, [{"resourceType": "Patient"}])) == 1


def nested(count, how):
    """A view of selects that lie one in the other."""
    select = {"column": [{"name": "a", "path": "id"}]}
    for _ in range(count):
        select = {"forEach": "%resource.name", "select": [select]} if how == "forEach" else {how: [select]}
    return {"resource": "Patient", "select": [select]}


def beside(count):
    """A view of a union of many branches."""
    branch = {"forEach": "name", "column": [{"name": "a", "path": "family"}]}
    return {"resource": "Patient", "select": [{"unionAll": [branch] * count}]}


@pytest.mark.parametrize(
    ("view", "allowed"),
    [
        (nested(200, "select"), "fewer levels"),
        (nested(200, "unionAll"), "fewer levels"),
        (nested(200, "forEach"), "fewer levels"),
        (beside(150), "at most 100 in a view"),
    ],
)
def test_a_huge_view_is_refused(view, allowed):
    """A view nested too deeply, or of too many lists, is one fault that says what is allowed."""
    assert [fault.allowed for fault in check_view(view)] == [allowed]
    assert isinstance(check_view(json.dumps(view)), list)


@pytest.mark.parametrize("view", [nested(38, "forEach"), nested(19, "unionAll"), beside(90)])
def test_a_large_view_runs(view):
    """A view within the bounds runs, however large."""
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "F"}]}
    assert evaluate(view, [patient])
