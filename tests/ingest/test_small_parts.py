"""Depth and digests against plain readings of the same."""

import json

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.ingest._depth import deeper_than
from a360.ingest._digests import KnownContents

JSON = st.recursive(
    st.text(alphabet='[]{}"\\ab', max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=2)
    ),
    max_leaves=20,
)


def _depth(value):
    """How deep a value is nested."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@settings(deadline=None)
@given(values=st.lists(JSON, min_size=1, max_size=5), limit=st.integers(0, 4))
def test_depth_is_that_of_the_value(values, limit):
    """Brackets in strings, escaped quotes and runs of backslashes do not deepen a text."""
    texts = [json.dumps(each).encode() for each in values]
    ends = np.cumsum([len(each) + 1 for each in texts]) - 1
    starts = np.append(0, ends[:-1] + 1)
    buffer = np.frombuffer(b"\n".join([*texts, b""]), dtype=np.uint8)
    expected = [_depth(each) > limit for each in values]
    assert deeper_than(limit, buffer, starts, ends).tolist() == expected


def test_depth_of_long_texts():
    """A text with more openers than a small counter holds is still measured."""
    texts = [b"[%s]" % b",".join([b"[]"] * 70_000), b"[" * 300 + b"]" * 300, b"[[]]"]
    ends = np.cumsum([len(each) + 1 for each in texts]) - 1
    starts = np.append(0, ends[:-1] + 1)
    buffer = np.frombuffer(b"\n".join([*texts, b""]), dtype=np.uint8)
    assert deeper_than(100, buffer, starts, ends).tolist() == [False, True, False]


@settings(deadline=None)
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12), max_size=8),
    asked=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=8),
)
def test_content_is_new_where_its_key_had_other_content_last(batches, asked):
    """Content is new unless the same came last under its key, as a dictionary would have it."""
    known, last = KnownContents(), {}
    for batch in batches:
        expected = []
        for key, content in batch:
            expected.append(last.get(key) != content)
            last[key] = content
        assert known.add(*_keyed(batch)).tolist() == expected
    assert known.holds(*_keyed(asked)).tolist() == [last.get(key) == content for key, content in asked]


def test_known_contents_hold_many():
    """A hundred thousand contents, added in many turns, are all found, and no other."""
    rng = np.random.default_rng(7)
    known, words = KnownContents(), rng.integers(0, 2**63, (100_000, 2))
    keys = words[:, 0].astype(np.uint64)
    for part in np.array_split(np.arange(len(words)), 37):
        assert known.add(keys[part], _hex(words[part].tolist())).all()
    assert known.holds(keys, _hex(words.tolist())).all()
    assert not known.holds(keys, _hex(np.add(words, (0, 1)).tolist())).any()
    assert not known.add(keys[:10], pa.chunked_array([_hex(words[:10].tolist())])).any()


def _keyed(pairs):
    return np.array([key for key, _ in pairs], dtype=np.uint64), _hex([(0, content) for _, content in pairs])


def _hex(pairs):
    """Digests of two halves each, as Arrow has them."""
    return pa.array([f"{high:016x}{low:016x}" for high, low in pairs], pa.string())
