"""The example in docs/views.md is what really comes out."""

import json
import re
from pathlib import Path

import pytest

from a360.fhir import ViewError, compile_view, evaluate
from a360.fhir._typed._functions import FUNCTIONS

TEXT = (Path(__file__).resolve().parents[2] / "docs/views.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)[^\n]*\n(.*?)```", TEXT, re.DOTALL)


def blocks(language):
    """The code blocks of a language, in order."""
    return [body for kind, body in BLOCKS if kind == language]


def test_example_gives_the_rows_shown():
    """The example's view over the example's resources gives the example's table."""
    view, *_ = blocks("json")
    [resources] = blocks("ndjson")
    head, *lines = [line.split() for line in blocks("text")[0].splitlines()]
    rows = evaluate(json.loads(view), [json.loads(line) for line in resources.splitlines()])
    assert [[str(row[name]) for name in head] for row in rows] == lines


def test_example_compiles_to_the_sql_shown():
    """The SQL in the text is the compiler's."""
    assert blocks("sql") == [compile_view(blocks("json")[0]).sql + "\n"]


def test_faults_are_those_shown():
    """The wrong view's message is the compiler's."""
    wrong = blocks("json")[0].replace("subject.reference", "subject.referance")
    with pytest.raises(ViewError) as caught:
        compile_view(wrong.replace("value.ofType(Quantity).value", "valueQuantity.value"))
    assert str(caught.value) + "\n" == blocks("text")[1]


def test_all_functions_are_listed():
    """The text lists exactly the functions that the compiler knows."""
    found = re.search(r"these functions:\n`(.*?)`", TEXT, re.DOTALL)
    assert re.split(r",\s+", found[1]) == sorted(FUNCTIONS)
