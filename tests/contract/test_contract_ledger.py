"""Field ids: given once, written without disturbing the file, never used again."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import Assignment, FaultyContractsError, assign_field_ids
from a360.contract._ledger import _edited
from a360.contract._yaml import parse_yaml

PATIENT, ENCOUNTER = "silver/patient.yaml", "silver/encounter.yaml"


def ids(lake, name: str) -> dict[str, int]:
    """Column to id, as any YAML reader sees them."""
    columns = yaml.safe_load(lake.read(name))["schema"][0]["properties"]
    return {
        column["name"]: entry["value"]
        for column in columns
        for entry in column.get("customProperties", [])
        if entry["property"] == "a360.fieldId"
    }


def test_ids_are_given_in_order_from_one(small_lake):
    """A new dataset's columns are numbered as they stand, as a catalog numbers them on create."""
    assert list(ids(small_lake, PATIENT).values()) == list(range(1, 11))
    assert small_lake.lint() == []


def test_comments_and_layout_survive(small_lake):
    """Beside the ids nothing in the file changes."""
    text = small_lake.read(PATIENT)
    assert "customProperties:  # a token\n" in text
    assert (
        "          - {property: a360.token, value: patient}  # joins\n"
        "          - {property: a360.fieldId, value: 1}\n" in text
    )
    assert (
        "            value: phi\n          - {property: a360.fieldId, value: 3}\n      - name: gender" in text
    )


def test_giving_ids_twice_changes_nothing(small_lake):
    """A second call gives nothing and writes nothing."""
    before = {path: path.stat().st_mtime_ns for path in small_lake.folder.rglob("*.yaml")}
    assert assign_field_ids(small_lake.folder) == []
    assert {path: path.stat().st_mtime_ns for path in small_lake.folder.rglob("*.yaml")} == before


def test_the_id_of_a_dropped_column_is_not_given_again(small_lake):
    """A column that is gone keeps its id in the ledger; the next new column gets a higher one."""
    text = small_lake.read(ENCOUNTER)
    lines = [line for line in text.splitlines(keepends=True) if "name: unresolved_references" not in line]
    new = "      - {name: note, logicalType: string, physicalType: string}\n"
    small_lake.write(ENCOUNTER, "".join(lines) + new)
    assert assign_field_ids(small_lake.folder) == [Assignment("silver.encounter", "note", 12)]
    assert "  unresolved_references: 11\n" in small_lake.read("field_ids.yaml")


def test_a_column_that_comes_back_gets_its_id_back(small_lake):
    """The same name is the same column."""
    column = "customProperties: [{property: a360.sensitivity, value: phi}"
    small_lake.replace(ENCOUNTER, column + ", {property: a360.fieldId, value: 5}", column)
    assert "fieldId, value: 5" not in small_lake.read(ENCOUNTER)
    assign_field_ids(small_lake.folder)
    assert ids(small_lake, ENCOUNTER)["cost"] == 5


def test_a_rename_is_told_apart_from_reuse_by_the_ledger(small_lake):
    """A new name with an old id is a fault until the ledger says that it is a rename."""
    small_lake.replace(ENCOUNTER, "{name: cost,", "{name: price,")
    small_lake.replace("views/encounter.json", '"cost"', '"price"')
    assert assign_field_ids(small_lake.folder) == []
    assert [fault.code for fault in small_lake.lint()] == ["C403"]
    small_lake.replace("field_ids.yaml", "  cost: 5\n", "  cost: 5\n  price: 5\n")
    assert [fault.code for fault in small_lake.lint()] == ["C406"]
    small_lake.replace(ENCOUNTER, "version: 1.0.0", "version: 2.0.0")
    assign_field_ids(small_lake.folder)
    assert small_lake.lint() == []


def test_ids_given_by_hand_go_into_the_ledger(small_lake):
    """An id the author wrote is entered as it is."""
    small_lake.remove("field_ids.yaml")
    given_ids = assign_field_ids(small_lake.folder)
    assert Assignment("silver.encounter", "cost", 5) in given_ids
    assert small_lake.lint() == []


def test_a_broken_ledger_stops_everything(small_lake):
    """Nothing is given while the ledger cannot be trusted."""
    small_lake.replace("field_ids.yaml", "  cost: 5\n", "  cost: five\n")
    with pytest.raises(FaultyContractsError, match="cost should be a number"):
        assign_field_ids(small_lake.folder)


# Words that YAML takes for something else have to stand in quotes, which the linter asks for.
WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda word: word not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
)
NAMES = st.lists(WORDS, min_size=1, max_size=6, unique=True)
STYLES = st.sampled_from(["absent", "empty", "flow", "flow_lines", "block", "block_map", "comment", "folded"])


def column(name: str, style: str, *, flow: bool) -> str:
    """A column in one of the ways people write them."""
    entry, key = "{property: a360.sensitivity, value: phi}", "customProperties"
    if flow:
        shapes = {
            "absent": f"- {{name: {name}}}",
            "empty": f"- {{name: {name}, customProperties: []}}",
            "flow_lines": f"- {{name: {name}, customProperties: [\n      {entry},\n    ]}}  # why",
        }
        return shapes.get(style, f"- {{name: {name}, customProperties: [{entry}], required: true}}")
    head = f"- name: {name}"
    shapes = {
        "absent": f"{head}\n  description: é → 'x'  # said",
        "empty": f"{head}\n  customProperties: []",
        "flow": f"{head}\n  customProperties: [{entry}]  # why\n  required: true",
        "flow_lines": f"{head}\n  customProperties: [\n    {entry},  # why\n  ]",
        "block": f"{head}\n  customProperties:\n  - {entry}\n  required: true",
        "block_map": f"{head}\n  {key}:\n    - property: a360.sensitivity\n      value: phi\n\n  # next",
        "comment": f"{head}\n  customProperties:  # why\n    - {entry}  # and why\n    # below",
        "folded": f"{head}\n  {key}:\n    - property: x\n      value: |\n        long\n        text",
    }
    return shapes[style]


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data(), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_ids_are_written_into_every_style_of_yaml(names, data, last_newline, newline):
    """However a contract is laid out, ids are added, nothing else changes, and no line is lost."""
    columns = [column(name, data.draw(STYLES), flow=data.draw(st.booleans())) for name in names]
    body = "\n".join("    " + line for block in columns for line in block.splitlines())
    # A block scalar at the very end would gain the newline that the file lacks.
    text = f"# é\nschema:\n- properties:\n{body}" + ("\n" if last_newline or "|" in body else "")
    text = text.replace("\n", newline)
    source, faults = parse_yaml(text, "x.yaml")
    assert faults == []
    edited = _edited(source, {name: 7 + number for number, name in enumerate(names)})

    before, after = yaml.safe_load(text), yaml.safe_load(edited)
    for number, now in enumerate(after["schema"][0]["properties"]):
        assert now["customProperties"].pop() == {"property": "a360.fieldId", "value": 7 + number}
        before["schema"][0]["properties"][number].setdefault("customProperties", [])
    assert before == after
    assert edited.count("#") == text.count("#")
    assert ("\r\n" in edited) == ("\r\n" in text)
    assert edited.count("\r\n") in {0, edited.count("\n")}
