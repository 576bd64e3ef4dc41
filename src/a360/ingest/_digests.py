"""Which content is known: a set of digests that holds tens of millions in little memory."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

type Words = npt.NDArray[np.uint64]
type Mask = npt.NDArray[np.bool_]

_HEX = 32


class DigestSet:
    """Digests of 16 bytes in sorted arrays, each at least twice as long as the next; 16 bytes a digest."""

    def __init__(self) -> None:
        self._levels: list[tuple[Words, Words]] = []

    def __len__(self) -> int:
        return sum(len(high) for high, _ in self._levels)

    def add(self, digests: pa.Array | pa.ChunkedArray) -> Mask:
        """Add digests (32 hex digits each); which of them are new, the first of equal ones."""
        high, low = _words(digests)
        new = ~self._contains(high, low)
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        again = np.zeros(len(order), dtype=np.bool_)
        again[1:] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
        new[order[again]] = False
        kept = new[order]
        self._push(high[kept], low[kept])
        return new

    def contains(self, digests: pa.Array | pa.ChunkedArray) -> Mask:
        """Which of the digests are in the set."""
        return self._contains(*_words(digests))

    def _contains(self, high: Words, low: Words) -> Mask:
        found = np.zeros(len(high), dtype=np.bool_)
        for level_high, level_low in self._levels:
            open_ = np.flatnonzero(~found)
            places = np.searchsorted(level_high, high[open_])
            # Different digests with an equal first half follow one another: there are next to none.
            while len(open_):
                near = places < len(level_high)
                near[near] = level_high[places[near]] == high[open_[near]]
                open_, places = open_[near], places[near]
                same = level_low[places] == low[open_]
                found[open_[same]] = True
                open_, places = open_[~same], places[~same] + 1
        return found

    def _push(self, high: Words, low: Words) -> None:
        if not len(high):
            return
        self._levels.append((high, low))
        while len(self._levels) > 1 and len(self._levels[-2][0]) < 2 * len(self._levels[-1][0]):
            (one_high, one_low), (two_high, two_low) = self._levels[-2:]
            high, low = np.concatenate([one_high, two_high]), np.concatenate([one_low, two_low])
            order = np.argsort(high, kind="stable")
            self._levels[-2:] = [(high[order], low[order])]


def _words(digests: pa.Array | pa.ChunkedArray) -> tuple[Words, Words]:
    array = digests.combine_chunks() if isinstance(digests, pa.ChunkedArray) else digests
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    start = int(offsets[array.offset]) if len(array) else 0
    text = memoryview(array.buffers()[2] or b"")[start : start + _HEX * len(array)]
    words = np.frombuffer(bytes.fromhex(str(text, "ascii")), dtype=np.uint64).reshape(-1, 2)
    return words[:, 0].copy(), words[:, 1].copy()
