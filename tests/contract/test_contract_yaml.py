"""The YAML reader: the same values as PyYAML where all readers agree, faults where they do not."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract._yaml import parse_yaml, read_yaml, walk

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXTS | st.floats(-1e9, 1e9)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.sampled_from([True, False, None]))
def test_written_values_come_back(values, flow):
    """What PyYAML writes, in block or flow style, is read as the values it was made from."""
    source, faults = parse_yaml(yaml.safe_dump(values, default_flow_style=flow, allow_unicode=True), "x.yaml")
    assert [fault for fault in faults if fault.code != "C105"] == []
    if not faults:
        assert source.data == values


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=5), st.sampled_from([True, False]))
def test_every_value_has_its_place(values, flow):
    """Every value's place holds the text that value was read from."""
    text = yaml.safe_dump(values, default_flow_style=flow, allow_unicode=True)
    source, faults = parse_yaml(text, "x.yaml")
    if faults:
        return
    for loc, value in walk(source.data):
        node = source.nodes[loc]
        assert 0 <= node.start <= node.end <= len(text)
        if not isinstance(value, dict | list) and "\n" not in text[node.start : node.end]:
            again, _ = parse_yaml(text[node.start : node.end], "again")
            assert again.data == value


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    """Any text gives values or faults with a line inside it, never an exception."""
    source, faults = parse_yaml(text, "x.yaml")
    assert source.data is None or isinstance(source.data, dict | list | str | int | float | bool)
    for fault in faults:
        assert 1 <= fault.line <= len(text.splitlines()) + 2


@pytest.mark.parametrize("text", ["no", "Yes", "ON", "0o17", "017", "1_000", "12:30", ".nan", ".inf", "0x1F"])
def test_values_readers_disagree_on_are_faults(text):
    """A plain value that YAML 1.1 and 1.2 read differently is a fault; in quotes it is a text."""
    _, faults = parse_yaml(f"a: {text}\n", "x.yaml")
    quoted, none = parse_yaml(f"a: '{text}'\n", "x.yaml")
    # YAML 1.1, which PyYAML reads, takes 0o17 for a text already.
    assert [fault.code for fault in faults] == ([] if text == "0o17" else ["C105"])
    assert (quoted.data, none) == ({"a": text}, [])


def test_the_bomb_of_a_billion_laughs_is_refused():
    """Aliases are refused where they stand, so nothing grows."""
    lines = ['a0: &a0 ["lol", "lol"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    source, faults = parse_yaml("\n".join(lines), "bomb.yaml")
    assert {fault.code for fault in faults} == {"C103"}
    assert len(source.nodes) < 1000


def test_endless_depth_is_refused():
    """Nesting is bounded, in flow and in block style."""
    block = "".join(" " * depth + "a:\n" for depth in range(900))
    for text in ("[" * 50_000, "{a: " * 50_000, "- " * 5_000, block):
        _, faults = parse_yaml(text, "deep.yaml")
        assert {fault.code for fault in faults} <= {"C104", "C101"}
        assert faults


def test_all_duplicate_keys_are_reported():
    """Each repeated key is a fault at its own line, and the first value stands."""
    source, faults = parse_yaml("a: 1\nb: {c: 1, c: 2}\na: {d: 3}\na: 4\n", "x.yaml")
    assert [(fault.code, fault.line) for fault in faults] == [("C102", 2), ("C102", 3), ("C102", 4)]
    assert source.data == {"a": 1, "b": {"c": 1}}


def test_a_file_read_again_is_what_it_holds_now(tmp_path):
    """Files of one text do not share what becomes of their values, and a changed file is read anew."""
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    for file in (one, other):
        file.write_text("a: [1]\nb: no\n")
    (first, unsound), (second, unsound_too) = (read_yaml(file, file.name) for file in (one, other))
    first.data["a"].append(2)
    assert (second.label, second.data["a"]) == ("other.yaml", [1])
    assert [each.file for each in (*unsound, *unsound_too)] == ["one.yaml", "other.yaml"]
    one.write_text("a: [3]\n")
    assert read_yaml(one, "one.yaml")[0].data == {"a": [3]}
