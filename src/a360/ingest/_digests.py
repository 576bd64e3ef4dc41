"""Which content is known: what came last under each key, for tens of millions in little memory."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

type Words = npt.NDArray[np.uint64]
type Mask = npt.NDArray[np.bool_]
type _Level = tuple[Words, Words, Words]

_HEX = 32


class KnownContents:
    """The digest that came last under each key, in arrays sorted by key, newer ones last; 24 bytes a key.

    Each array is at least twice as long as the next, and holds a key once. Keys that collide are harmless:
    content is taken for new that is not.
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    def add(self, keys: Words, digests: pa.Array | pa.ChunkedArray) -> Mask:
        """Add digests (32 hex digits each) in order; which differ from the last of their key."""
        high, low = words_of(digests)
        order = np.argsort(keys, kind="stable")
        level = keys[order], high[order], low[order]
        held = self._holds(level)
        again = level[0][1:] == level[0][:-1]
        for column in level[1:]:
            again &= column[1:] == column[:-1]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = level[0][1:] != level[0][:-1]
        same = held.copy()
        same[~first] = again[~first[1:]]
        new = np.empty_like(same)
        new[order] = ~same
        last = np.append(first[1:], True)[: len(order)]
        # A key that came back to where it was keeps its older entry.
        changed = last & ~held
        self._push((level[0][changed], level[1][changed], level[2][changed]))
        return new

    def holds(self, keys: Words, digests: pa.Array | pa.ChunkedArray) -> Mask:
        """Which of the digests came last under their key."""
        return self._holds((keys, *words_of(digests)))

    def _holds(self, asked: _Level) -> Mask:
        keys = asked[0]
        same = np.zeros(len(keys), dtype=np.bool_)
        open_ = np.arange(len(keys))
        for level in reversed(self._levels):
            places = np.searchsorted(level[0], keys[open_])
            found = places < len(level[0])
            found[found] = level[0][places[found]] == keys[open_[found]]
            at, rows = places[found], open_[found]
            same[rows] = (level[1][at] == asked[1][rows]) & (level[2][at] == asked[2][rows])
            open_ = open_[~found]
        return same

    def _push(self, level: _Level) -> None:
        if not len(level[0]):
            return
        self._levels.append(level)
        while len(self._levels) > 1 and len(self._levels[-2][0]) < 2 * len(self._levels[-1][0]):
            self._levels[-2:] = [_merged(*self._levels[-2:])]


def _merged(older: _Level, newer: _Level) -> _Level:
    keys = np.concatenate([older[0], newer[0]])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    order = order[np.append(keys[1:] != keys[:-1], True)]
    joined = [np.concatenate(columns)[order] for columns in zip(older, newer, strict=True)]
    return joined[0], joined[1], joined[2]


def words_of(digests: pa.Array | pa.ChunkedArray) -> tuple[Words, Words]:
    """The two halves of each digest (32 hex digits)."""
    array = digests.combine_chunks() if isinstance(digests, pa.ChunkedArray) else digests
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    start = int(offsets[array.offset]) if len(array) else 0
    text = memoryview(array.buffers()[2] or b"")[start : start + _HEX * len(array)]
    words = np.frombuffer(bytes.fromhex(str(text, "ascii")), dtype=np.uint64).reshape(-1, 2)
    return words[:, 0].copy(), words[:, 1].copy()
