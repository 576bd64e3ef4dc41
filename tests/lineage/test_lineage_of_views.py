"""The elements that a view's columns come from: by the struct it reads, and by changing the resources."""

import copy
import json
import random
from pathlib import Path

import pytest

from a360.fhir import ViewError, compile_view, evaluate, view_elements
from a360.synth import generate

VIEWS = sorted((Path(__file__).resolve().parents[2] / "contracts" / "views").glob("*.json"))

SAMPLE = 20  # elements changed in each view: each costs a query


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    """A few generated resources of each type."""
    folder = tmp_path_factory.mktemp("resources")
    generate(folder, patients=4, seed=3, dirty=0.0)
    found = {}
    for file in folder.glob("*.ndjson"):
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for line in lines[:40]:
            found.setdefault(line["resourceType"], []).append(line)
    return found


def leaves(node, path):
    """The elements of a struct that hold no others."""
    if not node.children:
        yield path
    for name, child in node.children.items():
        yield from leaves(child, f"{path}.{name}")


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.stem)
def test_the_elements_are_those_that_the_view_reads(file):
    """All columns together name what the compiled view takes out of a resource, no more and no less."""
    text = file.read_text("utf-8")
    found = view_elements(text)
    named = set(found.rows).union(*(each.values | each.conditions for each in found.columns.values()))
    read = set(leaves(compile_view(text).struct, found.resource_type))
    assert {
        path for path in read if not any(path == name or path.startswith(f"{name}.") for name in named)
    } == set()
    assert {
        name for name in named if not any(path == name or path.startswith(f"{name}.") for path in read)
    } == set()


def values(node, path):
    """Each value of a resource: where it stands, what it is called, and its key there."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        here = f"{path}.{key}" if isinstance(node, dict) else path
        if isinstance(value, dict | list):
            yield from values(value, here)
        else:
            yield node, key, here


def another(value):
    """Another value of the same kind, fit for the same element."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value[:4].isdigit() and value[4:5] == "-":
        return f"{int(value[:4]) - 1}{value[4:]}"
    return f"{value}x"


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.stem)
def test_what_changes_is_what_the_view_names(file, resources):
    """Change one element everywhere: each column that is another then has that element among its own."""
    text = file.read_text("utf-8")
    found = view_elements(text)
    originals = resources.get(found.resource_type, [])[:5]
    paths = {path for each in originals for *_, path in values(each, found.resource_type)}
    before = evaluate(text, originals)
    seen = 0
    chosen = random.Random(file.stem).sample(sorted(paths), min(len(paths), SAMPLE))
    for path in (path for path in chosen if not path.endswith(".resourceType")):
        if any(path == name or path.startswith(f"{name}.") for name in found.rows):
            continue
        changed = copy.deepcopy(originals)
        for each in changed:
            for node, key, here in values(each, found.resource_type):
                if here == path:
                    node[key] = another(node[key])
        after = evaluate(text, changed)
        assert len(after) == len(before), path
        columns = {
            name for one, other in zip(before, after, strict=True) for name in one if one[name] != other[name]
        }
        for name in columns:
            own = found.columns[name].values | found.columns[name].conditions
            assert any(path == each or path.startswith(f"{each}.") for each in own), f"{path} changes {name}"
        seen += bool(columns)
    # Identifiers lie beneath the list that gives the rows, and so act on every column.
    assert seen or not before or file.stem.startswith("identifier_")


def test_a_condition_is_no_value():
    """What chooses an item is told apart from what is taken of it."""
    view = {
        "resourceType": "ViewDefinition",
        "resource": "Patient",
        "select": [{"column": [{"name": "phone", "path": "telecom.where(system = 'phone').first().value"}]}],
    }
    phone = view_elements(view).columns["phone"]
    assert phone.values == {"Patient.telecom.value"}
    assert phone.conditions == {"Patient.telecom.system"}
    assert phone.as_is


def test_rows_come_from_what_is_repeated_and_asked():
    """The list that gives rows, and the condition of the view, decide on every column."""
    view = {
        "resourceType": "ViewDefinition",
        "resource": "Patient",
        "where": [{"path": "active = true"}],
        "select": [{"forEach": "name", "column": [{"name": "family", "path": "family"}]}],
    }
    assert view_elements(view).rows == {"Patient.active", "Patient.name"}


def test_what_nests_without_end_is_named_two_deep():
    """A repeat names the element and the element in it; the rest has the same names."""
    view = {
        "resourceType": "ViewDefinition",
        "resource": "QuestionnaireResponse",
        "select": [{"repeat": ["item"], "column": [{"name": "link", "path": "linkId"}]}],
    }
    found = view_elements(view)
    assert found.columns["link"].values == {
        "QuestionnaireResponse.item.linkId",
        "QuestionnaireResponse.item.item.linkId",
    }


def test_a_faulty_view_has_no_elements():
    """A view that does not compile has no lineage, and says so."""
    with pytest.raises(ViewError):
        view_elements({"resourceType": "ViewDefinition", "resource": "Patient", "select": []})
