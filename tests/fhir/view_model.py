"""The part of FHIR that random views read, and random resources of it.

A repeating element's type ends in `*`. Choices stand under the names that JSON gives them.
"""

from decimal import Decimal

from hypothesis import strategies as st

MODEL = {
    "Patient": {
        "id": "id",
        "active": "boolean",
        "gender": "code",
        "birthDate": "date",
        "name": "HumanName*",
        "telecom": "ContactPoint*",
        "contact": "Patient.contact*",
        "maritalStatus": "CodeableConcept",
        "deceasedBoolean": "boolean",
        "deceasedDateTime": "dateTime",
        "multipleBirthInteger": "integer",
        "managingOrganization": "Reference",
        "generalPractitioner": "Reference*",
        "meta": "Meta",
        "extension": "Extension*",
        "_birthDate": "Element",
    },
    "Observation": {
        "id": "id",
        "status": "code",
        "code": "CodeableConcept",
        "category": "CodeableConcept*",
        "subject": "Reference",
        "issued": "instant",
        "effectiveDateTime": "dateTime",
        "valueQuantity": "Quantity",
        "valueString": "string",
        "valueInteger": "integer",
        "valueTime": "time",
        "component": "Observation.component*",
        "meta": "Meta",
    },
    "QuestionnaireResponse": {
        "id": "id",
        "status": "code",
        "authored": "dateTime",
        "item": "QuestionnaireResponse.item*",
    },
    "HumanName": {
        "use": "code",
        "family": "string",
        "given": "string*",
        "period": "Period",
        "_given": "Element*",
    },
    "ContactPoint": {"system": "code", "value": "string", "rank": "positiveInt"},
    "Patient.contact": {"name": "HumanName", "telecom": "ContactPoint*", "gender": "code"},
    "CodeableConcept": {"coding": "Coding*", "text": "string"},
    "Coding": {"system": "uri", "code": "code"},
    "Period": {"start": "dateTime", "end": "dateTime"},
    "Quantity": {"value": "decimal", "unit": "string"},
    "Reference": {"reference": "string", "display": "string"},
    "Meta": {"versionId": "id", "lastUpdated": "instant", "profile": "canonical*", "tag": "Coding*"},
    "Extension": {"url": "uri", "valueString": "string", "valueCode": "code"},
    "Element": {"extension": "Extension*"},
    "Observation.component": {
        "code": "CodeableConcept",
        "valueQuantity": "Quantity",
        "valueString": "string",
    },
    "QuestionnaireResponse.item": {
        "linkId": "string",
        "text": "string",
        "answer": "QuestionnaireResponse.item.answer*",
        "item": "QuestionnaireResponse.item*",
    },
    "QuestionnaireResponse.item.answer": {
        "valueString": "string",
        "valueBoolean": "boolean",
        "valueDecimal": "decimal",
        "item": "QuestionnaireResponse.item*",
    },
}
ROOTS = ("Patient", "Observation", "QuestionnaireResponse")
CHOICES = {
    "deceasedBoolean": "deceased.ofType(boolean)",
    "deceasedDateTime": "deceased.ofType(dateTime)",
    "multipleBirthInteger": "multipleBirth.ofType(integer)",
    "effectiveDateTime": "effective.ofType(dateTime)",
    "valueQuantity": "value.ofType(Quantity)",
    "valueString": "value.ofType(string)",
    "valueInteger": "value.ofType(integer)",
    "valueTime": "value.ofType(time)",
    "valueBoolean": "value.ofType(boolean)",
    "valueDecimal": "value.ofType(decimal)",
    "valueCode": "value.ofType(code)",
}
# The paths that lead from an element to elements of its own kind, by the type they start at.
RECURSIVE = {
    "QuestionnaireResponse": ("item",),
    "QuestionnaireResponse.item": ("item", "answer.item"),
    "QuestionnaireResponse.item.answer": ("item",),
}
TEXT = frozenset({"string", "code", "uri", "id", "canonical"})
INTEGER = frozenset({"integer", "positiveInt"})
TEMPORAL = frozenset({"date", "dateTime", "instant", "time"})
ELEMENTS = frozenset(MODEL) - frozenset(ROOTS) - {"Element"}

WORDS = ["a", "b", "ab", "it's", 'x"y', "back\\slash", "${x}", "é", "%", "--", "{}", " a ", "aXb"]
URLS = ["urn:a", "urn:b"]
REFERENCES = [
    "Patient/1",
    "Organization/2",
    "http://x.org/fhir/Patient/3",
    "Patient/4/_history/1",
    "#5",
    "urn:uuid:6",
    "Patient?identifier=a|b",
    "nonsense",
]
DATES = ["1980", "1980-05", "1980-05-03", "1980-05-04", "1980-12", "1990", "2000-02"]
TIMES = ["10:00:00", "10:00:00.5", "10:00:00.500", "23:59:59", "00:00:00.001"]
INSTANTS = [
    "1980-05-03T10:00:00Z",
    "1980-05-03T12:00:00+02:00",
    "1980-05-03T10:00:00.500Z",
    "1980-05-03T23:30:00-05:00",
    "1980-05-04T00:00:00.000+01:00",
]
DECIMALS = [Decimal(text) for text in ("0", "0.5", "1.25", "2", "-3.75", "100", "0.001", "12.5")]
_VALUES = {
    "id": st.sampled_from(["x1", "x2", "a-b.c"]),
    "uri": st.sampled_from([*URLS, *WORDS[:4]]),
    "boolean": st.booleans(),
    "integer": st.integers(-2, 3),
    "positiveInt": st.integers(1, 3),
    "decimal": st.sampled_from(DECIMALS),
    "date": st.sampled_from(DATES),
    "dateTime": st.sampled_from([*DATES, *INSTANTS]),
    "instant": st.sampled_from(INSTANTS),
    "time": st.sampled_from(TIMES),
}
_DEPTH = 3


def _values(kind, depth):
    """JSON values of a type; a repeating one is a list that is not empty."""
    if kind.endswith("*"):
        return st.lists(_values(kind[:-1], depth), min_size=1, max_size=3)
    if kind not in MODEL:
        return _VALUES.get(kind, st.sampled_from(WORDS))
    deeper = depth - (kind == "QuestionnaireResponse.item")
    optional = {
        name: _member(kind, name, inner, deeper)
        for name, inner in MODEL[kind].items()
        if name not in {"id", "_given"} and (deeper > 0 or not inner.startswith("QuestionnaireResponse"))
    }
    found = st.fixed_dictionaries({}, optional=optional).filter(bool)
    return found.flatmap(_with_shadows) if kind == "HumanName" else found


def _member(kind, name, inner, depth):
    if (kind, name) == ("Reference", "reference"):
        return st.sampled_from(REFERENCES)
    if (kind, name) == ("Extension", "url"):
        return st.sampled_from(URLS)
    return _values(inner, depth)


def _with_shadows(name):
    """A name whose given names may have extensions, which JSON keeps in a list beside them."""
    if "given" not in name:
        return st.just(name)
    some = st.none() | _values("Element", 1)
    beside = st.lists(some, min_size=len(name["given"]), max_size=len(name["given"]))
    return (st.none() | beside).map(lambda found: name | ({"_given": found} if found else {}))


def resources(root):
    """A few resources of a type, each with an id of its own."""
    return st.lists(_values(root, _DEPTH), min_size=1, max_size=3).map(
        lambda found: [{"resourceType": root, "id": f"p{n}", **one} for n, one in enumerate(found)]
    )
