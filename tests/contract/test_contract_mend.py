"""`lint --fix`: mends what has one right answer, says what it did, and loses no comment."""

import random
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import keep_ledger, mend
from a360.contract._mend import _sorted
from a360.contract._order import COLUMN, CONTRACT

PATIENT, ENCOUNTER, VISITS = "silver/patient.yaml", "silver/encounter.yaml", "gold/visits.yaml"

# ruff: noqa: E501 - contracts stand here as people write them

# name → file, what stands there, what a person might have written, what is said
CASES = {
    "older standard": (PATIENT, "apiVersion: v3.2.0", "apiVersion: v3.0.1", "apiVersion v3.0.1 became v3.2.0"),
    "type of another system": (VISITS, "physicalType: long", "physicalType: BIGINT", "type BIGINT is called long"),
    "numeric": (ENCOUNTER, '"decimal(18,6)"', '"NUMERIC(18, 6)"', "is called decimal(18,6)"),
    "logical type": (PATIENT, "logicalType: date", "logicalType: string", "logicalType string became date"),
    "snake case": (PATIENT, "primaryKey: true", "primary_key: true", "primary_key is called primaryKey"),
    "in flow style": (VISITS, "primaryKey: true", "primary_key: true", "primary_key is called primaryKey"),
    "old word of a rule": (PATIENT, "{metric: nullValues", "{rule: nullValues", "rule is called metric"),
    "yes": (PATIENT, "required: true", "required: yes", "required: yes became true"),
    "name after the file": (PATIENT, "physicalName: silver.patient", "physicalName: patient", "after the file"),
    "id after the file": (VISITS, "id: gold.visits", "id: visits", "id visits became gold.visits"),
    "order": (PATIENT, "kind: DataContract\nid: silver.patient\n", "id: silver.patient\nkind: DataContract\n", "order"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_has_one_right_answer_is_mended(small_lake, name):
    """The file is as it was before the slip, byte for byte; one line says so, a second call nothing."""
    file, right, wrong, said = CASES[name]
    before = mended_once(small_lake, file)
    small_lake.replace(file, right, wrong)
    told = mend(small_lake.folder)
    assert [said in str(each) for each in told] == [True]
    assert told[0].file.endswith(file)
    assert small_lake.read(file) == before
    assert mend(small_lake.folder) == []


def mended_once(lake, file):
    """A file whose order is that of contracts already."""
    mend(lake.folder)
    return lake.read(file)


def test_blanks_marks_and_newlines_are_put_right(small_lake):
    """Loose ends of lines go; blanks in a text of several lines stay, since they are part of it."""
    path = small_lake.folder / VISITS
    mend(small_lake.folder)
    before = path.read_text()
    path.write_bytes(
        b"\xef\xbb\xbf" + before.replace("kind: DataContract\n", "kind: DataContract  \t\n").rstrip().encode()
    )
    assert len(mend(small_lake.folder)) == 2
    assert path.read_text() == before
    kept = re.sub(r"description:.*\n", "description:\n  purpose: |\n    two  \n    lines\n", before)
    path.write_text(kept)
    assert mend(small_lake.folder) == []
    assert path.read_text() == kept


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        (VISITS, "{property: a360.sensitivity, value: phi}, ", ""),
        (VISITS, "value: phi", "value: secret"),
        (ENCOUNTER, "physicalType: timestamptz", "physicalType: timestamp"),
        (ENCOUNTER, "name: cost", "name: Cost"),
        (VISITS, "primaryKey: true, ", ""),
        (VISITS, "version: 1.0.0", "version: 1.0"),
        (VISITS, "name: visits\n", "name: visit\n"),
    ],
)
def test_what_a_person_has_to_decide_is_left_alone(small_lake, file, right, wrong):
    """Sensitivities, keys, names, zones of time and versions are not guessed."""
    mend(small_lake.folder)
    small_lake.replace(file, right, wrong)
    before = small_lake.read(file)
    assert mend(small_lake.folder) == []
    assert small_lake.read(file) == before


def test_a_file_that_is_no_yaml_is_left_alone(small_lake):
    """What cannot be read is the author's to mend."""
    small_lake.write(VISITS, "a: [\n  b: }\n")
    before = small_lake.read(VISITS)
    mend(small_lake.folder)
    assert small_lake.read(VISITS) == before


def test_the_ledger_says_what_it_noted(small_lake):
    """Contracts whose form has changed are named with the version they are noted as."""
    small_lake.replace(ENCOUNTER, "version: 1.0.0", "version: 1.1.0")
    kept = keep_ledger(small_lake.folder)
    assert (kept.assigned, dict(kept.noted)) == ((), {"silver.encounter": "1.1.0"})


def test_schemas_follow_the_words_of_the_lake(small_lake):
    """Where a folder keeps schemas for editors, they are written anew when lake.yaml gets another word."""
    (small_lake.folder / "schema").mkdir()
    assert len(mend(small_lake.folder)) >= 3
    small_lake.replace("lake.yaml", "{clinical: c, patient: p}", "{clinical: c, patient: p, billing: b}")
    assert {each.file.rpartition("/")[2] for each in mend(small_lake.folder)} == {"contract.schema.json"}
    assert "domain:billing" in small_lake.read("schema/contract.schema.json")


KEYS = st.lists(st.sampled_from([*CONTRACT, "unknown", "other"]), min_size=2, max_size=9, unique=True)
VALUES = st.sampled_from(["1", "'x'", "[a, b]", "\n  a: 1\n  b: 2", "|\n  text\n\n  more", "\n  - a\n  - b"])


@settings(max_examples=150, deadline=None)
@given(KEYS, st.data(), st.sampled_from(["\n", "\r\n"]))
def test_keys_are_put_in_order_with_their_comments(tmp_path_factory, keys, data, newline):
    """However a mapping is laid out: the same values, the same lines, known keys in order."""
    parts = []
    for key in keys:
        comment = data.draw(st.sampled_from(["", f"# about {key}\n", f"\n# one {key}\n# two {key}\n"]))
        behind = data.draw(st.sampled_from(["", f"  # behind {key}"]))
        value = data.draw(VALUES)
        parts.append(f"{comment}{key}: {value}" + (behind if "\n" not in value else ""))
    text = ("# header\n\n" + "\n".join(parts) + "\n").replace("\n", newline)
    again, _ = _sorted(text, tmp_path_factory.getbasetemp())
    assert yaml.safe_load(again) == yaml.safe_load(text)
    assert sorted(again.splitlines()) == sorted(text.splitlines())
    assert again.startswith("# header")
    known = [key for key in yaml.safe_load(again) if key in CONTRACT]
    assert known == sorted(known, key=CONTRACT.index)
    for key in keys:
        lines = again.splitlines()
        at = next(number for number, line in enumerate(lines) if line.startswith(f"{key}:"))
        for mark in (f"# about {key}", f"# two {key}"):
            if mark in lines:
                assert lines.index(mark) == at - 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_columns_are_put_in_order_too(tmp_path_factory, seed):
    """The keys of a column behind its name take the order of contracts, whatever they hold."""
    draw = random.Random(seed)
    keys = draw.sample(COLUMN[1:], 5)
    body = "".join(f"        {key}: {number}\n" for number, key in enumerate(keys))
    text = f"schema:\n  - name: t\n    properties:\n      - name: a  # first\n{body}      - name: b\n"
    again, _ = _sorted(text, tmp_path_factory.getbasetemp())
    columns = yaml.safe_load(again)["schema"][0]["properties"]
    assert columns == yaml.safe_load(text)["schema"][0]["properties"]
    assert list(columns[0]) == ["name", *sorted(keys, key=COLUMN.index)]
    assert again.count("#") == 1
