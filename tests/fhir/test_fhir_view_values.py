"""Values as FHIRPath defines them: boundaries, membership, types, conversions, extensions; nested repeats."""

import pytest

from a360.fhir import check_view, evaluate

OBSERVATION = {
    "resourceType": "Observation",
    "meta": {"profile": ["urn:p"], "tag": [{"code": "t"}]},
    "valueQuantity": {"value": 1.587},
    "effectivePeriod": {"start": "2014", "end": "2014-02"},
    "category": [{"text": "c1"}, {"text": "c2"}],
    "component": [{"valueString": "17"}, {"valueInteger": 4}],
    "contained": [{"resourceType": "Patient", "id": "in", "birthDate": "2000"}],
}


def value(path, resource=None, **column):
    """The value of a column."""
    found = resource or OBSERVATION
    columns = [{"name": "a", "path": path, **column}]
    [row] = evaluate({"resource": found["resourceType"], "select": [{"column": columns}]}, [found])
    return row["a"]


# The examples of the FHIRPath specification and of HL7's test suite.
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("1.587.lowBoundary()", 1.5865),
        ("1.587.highBoundary(6)", 1.5875),
        ("1.587.lowBoundary(2)", 1.58),
        ("1.587.highBoundary(2)", 1.59),
        ("1.587.lowBoundary(0)", 1),
        ("1.587.lowBoundary(32)", None),
        ("(-1.587).lowBoundary()", -1.5875),
        ("(-1.587).lowBoundary(2)", -1.59),
        ("(-1.587).highBoundary(2)", -1.58),
        ("120.highBoundary(2)", 120.5),
        ("1.lowBoundary()", 0.5),
        ("@2014.lowBoundary(6)", "2014-01"),
        ("@2014.highBoundary(6)", "2014-12"),
        ("@2014-02.highBoundary()", "2014-02-28"),
        ("@2014.lowBoundary(5)", None),
        ("@2014-01-01T08:05:00+02:00.lowBoundary(17)", "2014-01-01T08:05:00.000+02:00"),
        ("@2014-01-01T08:05:00Z.highBoundary()", "2014-01-01T08:05:00.999Z"),
        ("@2014-01-01T08:05:00Z.highBoundary(12)", "2014-01-01T08:05Z"),
        ("@2014-01-01T08:05:00Z.highBoundary(8)", "2014-01-01"),
        ("@T10:30.lowBoundary(9)", "10:30:00.000"),
        ("@T10:30.highBoundary()", "10:30:59.999"),
        ("@T10:30:12.highBoundary(4)", "10:30"),
        ("value.ofType(Quantity).value.highBoundary(1)", 1.6),
        ("effective.ofType(Period).lowBoundary()", "2014-01-01T00:00:00.000+14:00"),
        ("effective.ofType(Period).highBoundary(8)", "2014-02-28"),
        ("{}.lowBoundary()", None),
    ],
)
def test_boundaries(path, expected):
    """A boundary is the edge of what a value stands for, to the precision that is asked for."""
    assert value(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("'c1' in category.text", True),
        ("category.text contains 'x'", False),
        ("'c1' in subject.display", False),
        ("subject.display in category.text", None),
        ("value is Quantity", True),
        ("value is string", False),
        ("(value as Quantity).value > 1", True),
        ("component.value.as(string).first()", "17"),
        ("component.first().value.ofType(string).toInteger() + 1", 18),
        ("component.first().value.ofType(string).toDecimal() / 2", 8.5),
        ("category.first().text.toInteger()", None),
        ("category.select(text & '!').first()", "c1!"),
        ("category.first().text.single()", "c1"),
        ("status.hasValue()", False),
        ("meta.profile.first()", "urn:p"),
        ("meta.tag.where(code = 't').exists()", True),
        ("contained.ofType(Patient).birthDate.first()", "2000"),
        ("%loinc", "http://loinc.org"),
        ("category.where(text = %context.category.last().text).text.first()", "c2"),
        ("%resource.category.count()", 2),
    ],
)
def test_operators_and_functions(path, expected):
    """Operators and functions give what FHIRPath says, with empty as NULL."""
    assert value(path) == expected


PATIENT = {
    "resourceType": "Patient",
    "_birthDate": {"id": "b", "extension": [{"url": "u", "valueCode": "unknown"}]},
    "name": [
        {"given": ["A"]},
        {"given": ["B", "C"], "_given": [None, {"id": "g", "extension": [{"url": "u", "valueString": "x"}]}]},
    ],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("birthDate.extension('u').value.ofType(code)", ["unknown"]),
        ("birthDate.id", ["b"]),
        ("name.given.extension('u').value.ofType(string)", ["x"]),
        ("name.given.id", ["g"]),
        ("name.last().given[1].extension('u').value.ofType(string)", ["x"]),
        ("name.last().given[0].extension('u').value.ofType(string)", []),
        ("name.given.extension.url", ["u"]),
    ],
)
def test_extensions_of_primitives(path, expected):
    """The extensions and ids of primitives stand beside them in JSON, position by position if they repeat."""
    assert value(path, PATIENT, collection=True) == expected


@pytest.mark.parametrize(
    ("key", "text", "fits"),
    [
        ("valueDate", "2020-02-30", False),
        ("valueDate", "2020-02", True),
        ("valueDateTime", "2020-01-01T10:00", False),
        ("valueInstant", "2020-01-01", False),
        ("valueTime", "25:00:00", False),
        ("valuePositiveInt", 0, False),
        ("valueUnsignedInt", 0, True),
        ("valueInteger", 2**31, False),
        ("valueInteger64", "9223372036854775807", True),
        ("valueInteger64", "9223372036854775808", False),
        ("valueDecimal", float("nan"), False),
        ("valueBoolean", "true", False),
    ],
)
def test_constants_are_values_of_their_type(key, text, fits):
    """A constant that is no value of its type is a fault of the view."""
    view = {
        "resource": "Patient",
        "constant": [{"name": "c", key: text}],
        "select": [{"column": [{"name": "a", "path": "%c"}]}],
    }
    assert [fault.pointer for fault in check_view(view)] == ([] if fits else [f"/constant/0/{key}"])


RESPONSE = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        {
            "linkId": "1",
            "answer": [{"valueString": "x", "item": [{"linkId": "1a", "item": [{"linkId": "1a1"}]}]}],
            "item": [{"linkId": "1.1"}],
        },
        {"linkId": "2"},
    ],
}


def rows(*selects):
    """The rows of selects over the response."""
    return [
        tuple(row.values())
        for row in evaluate({"resource": "QuestionnaireResponse", "select": list(selects)}, [RESPONSE])
    ]


def column(name, path):
    """A column."""
    return {"column": [{"name": name, "path": path}]}


def test_repeats_nest():
    """A repeat in a repeat starts anew at each element; paths are followed one after the other."""
    every = {"repeat": ["item", "answer.item"], **column("a", "linkId")}
    assert rows(every) == [("1",), ("1.1",), ("1a",), ("1a1",), ("2",)]
    inner = {"repeat": ["item"], **column("b", "linkId")}
    assert rows({**every, "select": [inner]}) == [("1", "1.1"), ("1a", "1a1")]
    answers = {"forEach": "answer", "select": [inner], **column("c", "value.ofType(string)")}
    assert rows({**every, "select": [answers]}) == [("1", "x", "1a"), ("1", "x", "1a1")]
    union = {"unionAll": [column("d", "linkId"), {"repeat": ["item"], **column("d", "%rowIndex.toString()")}]}
    assert sorted(rows({"forEach": "item", **union})) == [("0",), ("1",), ("2",)]


def test_repeat_over_filtered_paths():
    """The paths of a repeat may narrow what they lead to."""
    found = rows({"repeat": ["item.where(linkId != '1.1')", "answer.item"], **column("a", "linkId")})
    assert found == [("1",), ("1a",), ("1a1",), ("2",)]
