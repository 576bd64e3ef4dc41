"""The notes that de-identification is scored on stay what they were before it was written."""

import hashlib
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
FROZEN = "9d5230310bbad9446c5e421d4f67c2fa0e3377c2ebdac10cdd6528ee423fb772"


@pytest.fixture
def corpus(monkeypatch):
    """What fills the templates."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("deid_notes.corpus")


def test_held_out_notes_are_frozen(corpus):
    """A changed template, value or seed of the held-out set makes another set, with other figures."""
    made = repr(list(corpus.notes("held_out", draws=2)))
    assert hashlib.sha256(made.encode()).hexdigest() == FROZEN


def test_planted_places_hold_what_was_planted(corpus):
    """Each planted stretch lies within its note, in order, and no two share a character."""
    for note in corpus.notes("held_out", draws=1):
        ends = [0, *(each.end for each in note.planted)]
        assert all(each.start >= end for each, end in zip(note.planted, ends, strict=False))
        assert ends[-1] <= len(note.text)
        assert "{" not in note.text
