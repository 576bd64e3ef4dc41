"""The journal of an erasure: what was told is read again, and a line that was cut short says nothing."""

import pytest

from a360.errors import OperatorError
from a360.trust.erasure import Journals
from a360.trust.erasure._journal import Found, Journal


@pytest.fixture
def begun(tmp_path):
    """The journals of a lake with one that has begun, and that one."""
    journals = Journals(tmp_path)
    found = Found(
        envelopes={"bronze.record": [("c", 1)]}, persons=[("s", "b", 2)], rows={"silver.patient": 1}
    )
    journal = Journal("0" * 32, "1" * 32, "2026-01-01T00:00:00+00:00", "me", "case", ["p"], found)
    journals.write(journal)
    return journals, journal


def path_of(journals):
    """The file of the journal."""
    [path] = journals.folder.iterdir()
    return path


def test_what_was_told_is_read_again(begun):
    """Keys once each, files by their paths, tables, and that things go for good; what is to go as it was."""
    journals, journal = begun
    journals.note(journal, closing=True)
    journals.note(journal, destroyed=["k1", "k2"])
    journals.note(journal, destroyed=["k2", "k3"], deleted=[{"path": "x", "bytes": 1, "sha256": "d"}])
    journals.note(journal, purged=["silver.patient"])
    [read] = journals.begun()
    assert read == journal
    assert list(read.destroyed) == ["k1", "k2", "k3"]


def test_each_line_cut_short_says_nothing_and_is_written_over(begun):
    """Wherever the last line was cut, the journal reads as before it, and the next line follows that."""
    journals, journal = begun
    journals.note(journal, destroyed=["k1"])
    path = path_of(journals)
    whole = path.read_bytes()
    journals.note(journal, destroyed=["k2"])
    longer = path.read_bytes()
    for length in range(len(whole), len(longer)):
        path.write_bytes(longer[:length])
        [read] = journals.begun()
        assert list(read.destroyed) == ["k1"]
    journals.note(read, destroyed=["k3"])
    assert list(journals.begun()[0].destroyed) == ["k1", "k3"]


def test_a_journal_that_cannot_be_read_stops_everything(begun):
    """Nobody guesses what was to be erased."""
    journals, journal = begun
    journals.note(journal, destroyed=["k1"])
    path = path_of(journals)
    path.write_bytes(path.read_bytes().replace(b"{", b"[", 1))
    with pytest.raises(OperatorError) as raised:
        journals.begun()
    assert raised.value.code.slug == "erasure-unreadable"


def test_what_was_told_is_appended(begun):
    """However much was told, a step costs its own line: the journal is not written anew for each."""
    journals, journal = begun
    path = path_of(journals)
    inode = path.stat().st_ino
    for number in range(20):
        before = path.read_bytes()
        journals.note(journal, destroyed=[f"k{number}"])
        assert path.read_bytes().startswith(before)
    assert path.stat().st_ino == inode
