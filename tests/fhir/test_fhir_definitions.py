"""The table of FHIR R4 elements, and what importing the room costs."""

import subprocess
import sys

import pytest

from a360.fhir import is_resource, resource_types
from a360.fhir._definitions import (
    Element,
    choice_of,
    definitions,
    element,
    is_known,
    is_primitive,
)


@pytest.mark.parametrize(
    ("type_name", "name", "expected"),
    [
        ("Patient", "name", Element("name", ("HumanName",), many=True, choice=False)),
        ("Patient", "birthDate", Element("birthDate", ("date",), many=False, choice=False)),
        ("Patient", "deceased", Element("deceased", ("boolean", "dateTime"), many=False, choice=True)),
        ("Patient", "contact", Element("contact", ("Patient.contact",), many=True, choice=False)),
        ("Patient.contact", "name", Element("name", ("HumanName",), many=False, choice=False)),
        ("HumanName", "given", Element("given", ("string",), many=True, choice=False)),
        ("Questionnaire.item", "item", Element("item", ("Questionnaire.item",), many=True, choice=False)),
        ("Bundle.entry", "resource", Element("resource", ("Resource",), many=False, choice=False)),
        ("Patient", "nonsense", None),
        ("Nonsense", "name", None),
    ],
)
def test_elements_are_those_of_r4(type_name, name, expected):
    """An element has the types and the cardinality that FHIR R4 gives it."""
    assert element(type_name, name) == expected


def test_table_is_closed():
    """Every type of every element is in the table, and every resource has elements."""
    table = definitions()
    used = {
        kind
        for found in table.types.values()
        for kinds in found.values()
        for kind in kinds.rstrip("*").split("|")
    }
    assert {kind for kind in used if not is_known(kind)} == set()
    assert table.resources <= table.types.keys()
    assert is_primitive("positiveInt")
    assert not is_primitive("Quantity")


def test_resource_types_are_those_of_r4():
    """The resource types are R4's: concrete ones, and no data types."""
    assert len(resource_types()) > 140
    assert all(is_resource(name) for name in ("Patient", "Observation", "AdverseEvent", "Bundle"))
    assert not any(is_resource(name) for name in ("Resource", "DomainResource", "HumanName", "patient", ""))


def test_choices_are_known_by_their_json_names():
    """A JSON property of a choice leads back to the choice and its type."""
    assert choice_of("Observation", "valueQuantity") == ("value", "Quantity")
    assert choice_of("Patient", "deceasedDateTime") == ("deceased", "dateTime")
    assert choice_of("Patient", "name") is None


def test_importing_the_room_loads_no_engine():
    """The compiler is pure: DuckDB and Arrow are loaded only where a view is evaluated."""
    code = "import sys, a360.fhir; print([m for m in ('duckdb', 'pyarrow', 'sqlglot') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
