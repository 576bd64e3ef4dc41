"""What a record is: canonical JSON, and nothing in it that could be a value of the data."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.errors import InternalError
from a360.protect import AuditEvent
from a360.trust.audit import _record

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def canonical(value):
    """JSON as RFC 8785 has it, for values without floats and keys of plain letters."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@given(
    principal=TEXT,
    purpose=st.none() | TEXT,
    details=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), TEXT | st.integers(-(2**53) + 1, 2**53 - 1)
    ),
    rows=st.none() | st.integers(0, 2**53 - 1),
)
def test_events_are_canonical_json(principal, purpose, details, rows):
    """Whatever an event holds, its JSON is the canonical form of what it says, and reads back as such."""
    event = AuditEvent(AT, principal, "query", ["gold.a"], "done", purpose, details, rows=rows)
    written = _record.encode(event)
    assert written == canonical(json.loads(written))
    assert dict(_record.decode(written).details) == details
    assert _record.decode(written).principal == principal


def test_a_record_reads_back_and_shows_any_other_byte(event):
    """A line gives its place and hash back; with any one byte changed, it is no whole record."""
    line, own = _record.write(_record.encode(event()), "a" * 64, 42)
    link = _record.read(line)
    assert (link.sequence, link.previous, link.hash, link.whole) == (42, "a" * 64, own, True)
    for at in range(len(line)):
        changed = _record.read(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :])
        assert changed is None or not changed.whole


def test_times_are_utc_and_of_one_length():
    """Times sort as text, whatever zone and precision they were given in."""
    paris = timezone(timedelta(hours=1))
    assert _record.stamp(datetime(2026, 11, 23, 10, 30, tzinfo=paris)) == "2026-11-23T09:30:00.000000Z"
    assert len(_record.stamp(AT)) == len(_record.stamp(AT.replace(microsecond=7)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": AT.replace(tzinfo=None)},
        {"outcome": "maybe"},
        {"action": "Query"},
        {"details": {"a row": 1}},
        {"details": {"row": 1.5}},
        {"details": {"row": True}},
        {"details": {"row": ["Jane"]}},
        {"rows": 2**53},
        {"principal": "\ud800"},
        {"columns": ["a"] * 10_001},
    ],
)
def test_what_is_no_event_is_refused(event, wrong):
    """An event that cannot be recorded raises, so that what it tells of does not go ahead."""
    with pytest.raises(InternalError):
        _record.encode(event(**wrong))


def test_a_name_that_may_be_a_value_is_not_recorded(event):
    """What looks like no name of a contract or a rule is replaced, wherever names stand."""
    typed = ["gold.patient_360", "Jane Doe", "x'; drop", "", "silver.note.text"]
    written = _record.decode(_record.encode(event(objects=typed, columns=typed, subjects=typed)))
    for names in (written.objects, written.columns, written.subjects):
        assert names == ("gold.patient_360", "?", "?", "?", "silver.note.text")


def test_rules_are_recorded_in_the_words_of_the_policy(event):
    """What the policy calls its rules is kept, and nothing that quotes or breaks lines."""
    rules = ["part (role clinician)", "grants[3]", "no grant reaches it", "a 'b'", "a\nb"]
    assert _record.decode(_record.encode(event(rules=rules))).rules == (*rules[:3], "?", "?")
