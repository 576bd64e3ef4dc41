"""What is wrong with a view: where, what was found, what is allowed; all of it at once."""

import json

import pytest

from a360.errors import A360Error, UsageError
from a360.fhir import ViewError, check_view, compile_view, evaluate, view_columns


def patient(path, **more):
    """A view of patients with one column."""
    return {"resource": "Patient", "select": [{"column": [{"name": "a", "path": path, **more}]}]}


HERE = "/select/0/column/0/path"

# path, what the fault says was found, what it says is allowed
PATHS = [
    ("nme", "Patient has no element 'nme'", "did you mean name?"),
    ("name.first().famly", "HumanName has no element 'famly'", "did you mean family?"),
    ("contact.foo", "Patient.contact has no element 'foo'", "relationship, name, telecom"),
    ("deceasedBoolean", "'deceasedBoolean' is how JSON writes a choice", "write deceased.ofType(boolean)"),
    ("deceased.ofType(Quantity)", "'deceased' is never a Quantity", "it is one of boolean, dateTime"),
    ("deceased.value", "'.value' of a choice of types", "choose one first"),
    ("deceased", "a column of choice", "one of its types: ofType(boolean) or ofType(dateTime)"),
    ("name", "a column of a collection of HumanName", "such as use or text or family"),
    ("gender.foo", "'foo' of code", "a primitive has only 'extension' and 'id'"),
    ("(1 + 1).foo", "'foo' of integer", "a primitive has only"),
    ("name.ofType(Address).city", "ofType(Address) of HumanName", "it is always HumanName"),
    ("ofType(Nonsense)", "ofType() without the name of a FHIR type", "ofType(Quantity)"),
    ("name.foo()", "the function foo() is not supported", "exists"),
    ("name.where()", "where() with 0 argument(s)", "it takes 1"),
    ("name.exists(true, false)", "exists() with 2 argument(s)", "it takes 0 to 1"),
    ("name[gender]", "an index that is no whole number", "[0], [1]"),
    ("name[-1].family", "an index that is no whole number", "[0], [1]"),
    ("$index", "$index is not supported", "$this"),
    ("%nothing", "%nothing is not declared", "%rowIndex"),
    ("name.family | name.given", "the operator '|' is not supported in views", "and or xor implies"),
    ("gender ~ 'a'", "the operator '~' is not supported in views", "and or xor implies"),
    ("gender in name", "'in' of code and a collection of HumanName", "of one kind"),
    ("name.wher(true)", "the function wher() is not supported", "did you mean where"),
    ("name.resolve()", "the function resolve() is not supported", "getReferenceKey() as a column"),
    ("birthdate", "Patient has no element 'birthdate'", "did you mean birthDate?"),
    ("birthDate > @2000-02-30", "@2000-02-30, which is no date", "@2024-01-31"),
    ("birthDate > @2000-01-01T10:00", "which is no dateTime", "with seconds and offset"),
    ("birthDate.lowBoundary('a')", "a precision that is no whole number", "lowBoundary(8), for example"),
    ('gender = "a"', "texts stand in single quotes", "a FHIRPath expression"),
    ("%lionc", "%lionc is not declared", "did you mean %loinc?"),
    ("gender and active", "'and' of code", "a boolean: add exists() or a comparison"),
    ("name.where(family).given", "where() of string", "a boolean"),
    ("gender.not()", "not() of code", "a boolean"),
    ("gender > 1", "code > integer", "both sides of one kind"),
    ("active < true", "boolean < boolean", "use = or !="),
    ("name = name", "a collection of HumanName = a collection of HumanName", "compare elements"),
    ("birthDate > '2000'", "date > string", "write a date as @2024-01-31"),
    ("gender + 1", "code + integer", "two numbers or two texts"),
    ("gender * 2", "code * integer", "two numbers"),
    ("1.5 div 2", "decimal div integer", "two whole numbers"),
    ("-gender", "'-' before code", "a number"),
    ("name & 'a'", "'&' of a collection of HumanName", "text, or an element that has a single value"),
    ("name.join(',')", "join() of a collection of HumanName", "a collection of text"),
    ("birthDate.lower()", "lower() of date", "text"),
    ("gender.substring('a')", "substring(string) of code", "integer inside ()"),
    (
        "active.lowBoundary()",
        "lowBoundary() of boolean",
        "a decimal, date, dateTime, instant, time or Period",
    ),
    ("name.getReferenceKey()", "getReferenceKey() of a collection of HumanName", "a Reference"),
    (
        "managingOrganization.getReferenceKey(Nonsense)",
        "what is no resource type",
        "getReferenceKey(Patient)",
    ),
    ("name.getResourceKey()", "getResourceKey() of a collection of HumanName", "the root of a resource"),
    ("extension(gender).exists()", "extension() without a URL", "extension('http://...')"),
    ("iif(active, gender, active)", "iif() of code or boolean", "both results of one kind"),
    (
        "name.given.where($this = 'a').extension('x').exists()",
        "'extension' of a value",
        "take it of the element, before where()",
    ),
    ("99999999999", "the integer 99999999999", "at most 2147483647"),
    ("not active", "where it may not stand: write not() after what it negates", "a FHIRPath expression"),
    ("active == true", "where a name was expected: a single = compares", "a FHIRPath expression"),
    ("gender = null", "Patient has no element 'null'", "write exists() or empty()"),
    (
        "name.where(use = official).family.first()",
        "HumanName has no element 'official'",
        "a text stands in single quotes",
    ),
    ("name.", "the expression ends where a name was expected", "a FHIRPath expression"),
    ("name)", "')' at character 5", "a FHIRPath expression"),
    ("name..given", "'.' at character 6", "a FHIRPath expression"),
    ("(gender", "the expression ends where ')' was expected", "a FHIRPath expression"),
    ("gender = 'a", "at character 10 begins a text that has no end", "a FHIRPath expression"),
    ("a" + ".a" * 100, "the path has more than 60 steps", "a FHIRPath expression"),
    ("(" * 100, "nests deeper than 60 levels", "a FHIRPath expression"),
    ("1" + "+1" * 100, "chains more than 60 operators", "a FHIRPath expression"),
    ("a" * 20_000, "has 20000 characters, more than 10000", "a FHIRPath expression"),
]


@pytest.mark.parametrize(("path", "found", "allowed"), PATHS, ids=[path[:40] for path, _, _ in PATHS])
def test_fault_of_a_path(path, found, allowed):
    """A wrong path is one fault at its pointer, which says what was found and what is allowed."""
    [fault] = check_view(patient(path))
    assert fault.pointer == HERE
    assert found in fault.found
    assert allowed in fault.allowed


COLUMN = {"name": "a", "path": "id"}
VIEWS = [
    ({}, "/resource"),
    ([], ""),
    ("{", ""),
    ("3", ""),
    ({"resource": "Nonsense", "select": [{"column": [COLUMN]}]}, "/resource"),
    ({"resource": "Patient", "resourceType": "Patient", "select": [{"column": [COLUMN]}]}, "/resourceType"),
    ({"resource": "Patient"}, "/select"),
    ({"resource": "Patient", "select": []}, "/select"),
    ({"resource": "Patient", "select": [3]}, "/select/0"),
    ({"resource": "Patient", "select": [{}]}, "/select/0"),
    ({"resource": "Patient", "select": [{"foreach": "name", "column": [COLUMN]}]}, "/select/0/foreach"),
    ({"resource": "Patient", "select": [{"column": [{"name": "a"}]}]}, "/select/0/column/0/path"),
    ({"resource": "Patient", "select": [{"column": [{"path": "id"}]}]}, "/select/0/column/0/name"),
    (
        {"resource": "Patient", "select": [{"column": [COLUMN | {"collection": "yes"}]}]},
        "/select/0/column/0/collection",
    ),
    (
        {"resource": "Patient", "select": [{"column": [COLUMN | {"type": "Nonsense"}]}]},
        "/select/0/column/0/type",
    ),
    (
        {"resource": "Patient", "select": [{"column": [COLUMN | {"type": "boolean"}]}]},
        "/select/0/column/0/type",
    ),
    (
        {"resource": "Patient", "select": [{"column": [COLUMN, COLUMN | {"name": "A"}]}]},
        "/select/0/column/1/name",
    ),
    (
        {"resource": "Patient", "select": [{"forEach": "name", "forEachOrNull": "name", "column": [COLUMN]}]},
        "/select/0",
    ),
    ({"resource": "Patient", "select": [{"forEach": "deceased", "column": [COLUMN]}]}, "/select/0/forEach"),
    ({"resource": "Patient", "select": [{"repeat": ["$this"], "column": [COLUMN]}]}, "/select/0/repeat"),
    ({"resource": "Patient", "select": [{"repeat": ["nonsense"], "column": [COLUMN]}]}, "/select/0/repeat/0"),
    (
        {
            "resource": "QuestionnaireResponse",
            "select": [{"repeat": ["item", "answer.itm"], "column": [COLUMN]}],
        },
        "/select/0/repeat/1",
    ),
    (
        {"resource": "Patient", "select": [{"repeat": ["name", "contact"], "column": [COLUMN]}]},
        "/select/0/repeat",
    ),
    (
        {"resource": "Patient", "select": [{"column": [COLUMN]}], "where": [{"path": "name.family"}]},
        "/where/0/path",
    ),
    ({"resource": "Patient", "select": [{"column": [COLUMN]}], "constant": [{"name": "c"}]}, "/constant/0"),
    (
        {
            "resource": "Patient",
            "select": [{"column": [COLUMN]}],
            "constant": [{"name": "c", "valueDate": "1.2.2020"}],
        },
        "/constant/0/valueDate",
    ),
    (
        {
            "resource": "Patient",
            "select": [{"unionAll": [{"column": [COLUMN]}, {"column": [{"name": "a", "path": "active"}]}]}],
        },
        "/select/0/unionAll/1/column/0",
    ),
]


@pytest.mark.parametrize(("view", "pointer"), VIEWS, ids=[json.dumps(view)[:60] for view, _ in VIEWS])
def test_fault_of_a_view(view, pointer):
    """A wrong part of a view is a fault at its JSON pointer."""
    assert [fault.pointer for fault in check_view(view)] == [pointer]


def test_all_faults_come_at_once():
    """A view with many faults is refused once, with each of them and none that follows from another."""
    view = {
        "name": "broken",
        "resource": "Patient",
        "constant": [{"name": "1x", "valueString": "a"}],
        "where": [{"path": "gender"}, {"path": "activ = true"}],
        "select": [
            {
                "column": [
                    {"name": "a", "path": "nme.family.first() = 'x'"},
                    {"name": "b", "path": "gender +"},
                ]
            },
            {"forEach": "telecm", "column": [{"name": "c", "path": "system"}]},
        ],
    }
    with pytest.raises(ViewError) as caught:
        compile_view(view)
    error = caught.value
    assert [fault.pointer for fault in error.faults] == [
        "/constant/0/name",
        "/where/0/path",
        "/where/1/path",
        "/select/0/column/0/path",
        "/select/0/column/1/path",
        "/select/1/forEach",
    ]
    assert error.code.slug == "view-invalid"
    assert "view 'broken' has 6 faults" in str(error)
    assert all(fault.pointer in str(error) for fault in error.faults)
    assert isinstance(error, A360Error)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("contained.ofType(Condition).code.text.first()", "contained.ofType(Substance).status.first()"),
        ("contained.ofType(Patient).name.family.first()", "contained.ofType(Organization).name.first()"),
        ("contained.ofType(Task).code.text.first()", "contained.ofType(OperationDefinition).code.first()"),
    ],
)
def test_one_json_property_has_one_shape_in_a_view(one, other):
    """Contained resources whose property of one name has another type each cannot be read in one view."""
    columns = [{"name": "a", "path": one}, {"name": "b", "path": other}]
    faults = check_view({"resource": "Patient", "select": [{"column": columns}]})
    shared = one.split(")")[1].split(".")[1] == other.split(")")[1].split(".")[1]
    assert [fault.pointer for fault in faults] == (["/select/0/column/1/path"] if shared else [])


def test_check_and_columns_of_a_good_view():
    """A view without faults has none, and its columns are known without running it."""
    view = {
        "resource": "Observation",
        "select": [
            {
                "column": [
                    {"name": "id", "path": "getResourceKey()", "type": "id"},
                    {"name": "value", "path": "value.ofType(Quantity).value"},
                    {"name": "codes", "path": "code.coding.code", "collection": True},
                    {"name": "final", "path": "status = 'final'"},
                    {"name": "components", "path": "component.count()"},
                ]
            }
        ],
    }
    assert check_view(view) == []
    assert [(c.name, c.fhir_type, c.sql_type, c.collection) for c in view_columns(view)] == [
        ("id", "id", "VARCHAR", False),
        ("value", "decimal", "VARCHAR", False),
        ("codes", "code", "VARCHAR[]", True),
        ("final", "boolean", "BOOLEAN", False),
        ("components", "integer", "INTEGER", False),
    ]


@pytest.mark.parametrize("carry", [["a"], ["A"], ["x;"], [""], ["row", "row"]])
def test_carried_columns_are_plain_and_distinct(carry):
    """A carried column cannot be one of the view's, nor anything but a plain name."""
    with pytest.raises(UsageError):
        compile_view(patient("id"), carry=carry)


def test_other_dialects_and_engines_are_refused():
    """A dialect or an engine that is not there is a usage error."""
    with pytest.raises(UsageError):
        compile_view(patient("id"), "mysql")
    with pytest.raises(UsageError):
        evaluate(patient("id"), [], engine="sqlite")


@pytest.mark.parametrize(
    "kind", ["ViewDefinition", "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition"]
)
def test_a_view_is_known_by_name_or_canonical_url(kind):
    """A view may call itself by the logical model's name or by its canonical URL."""
    assert check_view({"resource": "Patient", "resourceType": kind, "select": [{"column": [COLUMN]}]}) == []
