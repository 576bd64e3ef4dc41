"""Drafts of contracts from data: what is found is right, and nothing of a person is in them."""

import csv
import gzip
import json
import random

import duckdb
import pytest
import yaml

from a360.contract import lint
from a360.draft import infer
from a360.errors import DataError, OperatorError, UsageError

NAMES = ["Anna Smith", "Bob Ray", "Cy Lo"]
HEADER = ["Visit ID", "PatientName", "MRN", "amount", "seen_on", "Status", "doctor", "note", "2nd", "class"]


def rows(number=120):
    """Visits of invented people; the record number begins with zeros, one column is a vocabulary."""
    draw = random.Random(1)
    for each in range(number):
        yield [
            f"V{each:04}",
            draw.choice(NAMES),
            f"{each * 7:06}",
            f"{draw.random() * 500:.2f}",
            f"2026-0{draw.randint(1, 9)}-11",
            draw.choice(["booked", "arrived", "no-show"]),
            draw.choice(["anna", "bob"]),
            None if each % 3 else "Called Anna at 555-0100",
            each,
            draw.choice(NAMES),
        ]


def write(path, number=120, *, header=True):
    """A CSV file of visits."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        if header:
            writer.writerow(HEADER)
        writer.writerows(rows(number))
    return path


def columns(made):
    """The columns of a draft by name."""
    return {each["name"]: each for each in yaml.safe_load(made.draft.text)["schema"][0]["properties"]}


def test_names_types_key_and_vocabularies_are_found(tmp_path):
    """A CSV file gives snake case names, exact types, what is always there, a key, and small vocabularies."""
    made = infer(write(tmp_path / "visits.csv"))
    found = columns(made)
    assert (made.draft.dataset, made.rows, made.key) == ("silver.visits", 120, ("visit_id",))
    types = {name: each["physicalType"] for name, each in found.items()}
    assert list(types)[:3] == ["visit_id", "patient_name", "mrn"]
    assert types["mrn"] == "string"
    assert types["amount"] == "decimal(18,2)"
    assert types["seen_on"] == "date"
    assert types["c_2nd"] == "long"
    assert found["visit_id"]["required"]
    assert "required" not in found["note"]
    assert made.vocabularies == ("status",)
    assert [each["value"] for each in found["status"]["enum"]] == ["arrived", "booked", "no-show"]


def test_nothing_of_a_person_is_in_a_draft(tmp_path):
    """No value of the data is in draft or notes, but those of a vocabulary; not even under a telling name."""
    made = infer(write(tmp_path / "visits.csv"))
    told = made.draft.text + "\n".join(made.notes)
    for value in (*NAMES, "anna", "bob", "555", "V0001", "000007"):
        assert value not in told, value


def test_rare_values_are_no_vocabulary(tmp_path):
    """A value that few rows have may name one of them, so that it is not drafted."""
    made = infer(write(tmp_path / "visits.csv", 9))
    assert made.vocabularies == ()
    assert any("status" in note for note in made.notes)


def test_lint_refuses_a_draft_until_a_person_said_the_sensitivities(tmp_path):
    """Every column of the data lacks its sensitivity; those that the lake fills in have theirs."""
    made = infer(write(tmp_path / "visits.csv"), zone="bronze", name="visit_rows")
    (tmp_path / "contracts/bronze").mkdir(parents=True)
    (tmp_path / "contracts" / made.draft.path).write_text(made.draft.text)
    lacking = [fault for fault in lint(tmp_path / "contracts") if fault.code == "C301"]
    assert len(lacking) == len(HEADER)
    assert [each for each in columns(infer(tmp_path / "visits.csv")).values() if "customProperties" in each]


def test_parquet_and_json_give_their_own_types(tmp_path):
    """Types of Parquet are taken over, objects in JSON become text and are named, dates are found."""
    duckdb.sql(
        "SELECT i AS a, i::DECIMAL(9,3) AS b, i::FLOAT AS c, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS d, "
        "'x'::BLOB AS e FROM range(3) r(i)"
    ).write_parquet(str(tmp_path / "a.parquet"))
    types = [each["physicalType"] for each in columns(infer(tmp_path / "a.parquet", zone="gold")).values()]
    assert types == ["long", "decimal(9,3)", "double", "timestamptz", "binary"]
    lines = [
        json.dumps({"eventId": i // 2, "at": "2026-01-02", "seq": i % 2, "body": {"x": 1}}) for i in range(20)
    ]
    with gzip.open(tmp_path / "events.ndjson.gz", "wt") as file:
        file.write("\n".join(lines))
    made = infer(tmp_path / "events.ndjson.gz", zone="gold")
    assert [each["physicalType"] for each in columns(made).values()] == ["long", "date", "long", "string"]
    assert made.key == ("event_id", "seq")
    assert any(note.startswith("body: ") for note in made.notes)


def test_a_file_without_names_is_read_as_such(tmp_path):
    """With --no-header the first line is data, and columns are numbered."""
    made = infer(write(tmp_path / "visits.csv", header=False), header=False)
    assert made.rows == 120
    assert next(iter(columns(made))) == "column0"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("none.csv", None, OperatorError),
        ("empty.csv", b"", OperatorError),
        ("table.xlsx", b"x", UsageError),
        ("broken.parquet", b"PAR1 Anna Smith", DataError),
        ("broken.json", b'{"name": "Anna Smith"', DataError),
    ],
)
def test_what_cannot_be_read_is_said_without_its_content(tmp_path, name, content, error):
    """A file that is missing, of another kind or broken is an error that repeats nothing of it."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error) as failure:
        infer(tmp_path / name)
    assert "Anna" not in str(failure.value) + repr(failure.value.__dict__)


def test_a_file_name_is_no_pattern(tmp_path):
    """Signs that engines take for patterns are letters of the name."""
    write(tmp_path / "a[1]*.csv", 5)
    write(tmp_path / "a1.csv", 50)
    assert infer(tmp_path / "a[1]*.csv").rows == 5
