"""The notes that de-identification is scored on stay what they were before it was written."""

import hashlib
import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
FROZEN = {
    "held_out": "9d5230310bbad9446c5e421d4f67c2fa0e3377c2ebdac10cdd6528ee423fb772",
    "held_out_2": "73ea546264d7d944276c183b2ab4595098f1c6fb9a61faa3f944a4674eb76bc6",
}


@pytest.fixture
def corpus(monkeypatch):
    """What fills the templates."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("deid_notes.corpus")


@pytest.mark.parametrize("name", FROZEN)
def test_held_out_notes_are_frozen(corpus, name):
    """A changed template, value or seed of a held-out set makes another set, with other figures."""
    made = repr(list(corpus.notes(name, draws=2)))
    assert hashlib.sha256(made.encode()).hexdigest() == FROZEN[name]


@pytest.mark.parametrize("name", FROZEN)
def test_planted_places_hold_what_was_planted(corpus, name):
    """Each planted stretch lies within its note, in order, and no two share a character."""
    for note in corpus.notes(name, draws=1):
        ends = [0, *(each.end for each in note.planted)]
        assert all(each.start >= end for each, end in zip(note.planted, ends, strict=False))
        assert ends[-1] <= len(note.text)
        assert "{" not in note.text
