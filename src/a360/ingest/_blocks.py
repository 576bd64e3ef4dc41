"""Payload blocks: things of one kind, gathered to about a megabyte, compressed and sealed."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from a360.ingest._rows import Bytes, Ints
from a360.protect import BatchSealer, seal_block


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A closed block, as `bronze.fhir_block` and `bronze.record_block` take it."""

    block_id: str
    kind: str
    rows: int
    plain_bytes: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """Where things were put: the names of blocks, and each thing's block among them and line in it."""

    names: list[str]
    blocks: npt.NDArray[np.int32]
    positions: npt.NDArray[np.int32]


@dataclass(slots=True)
class _OpenBlock:
    block_id: str
    rows: int = 0
    text: bytearray = field(default_factory=bytearray)
    lengths: list[Ints] = field(default_factory=list)


class BlockBuilder:
    """Puts payloads into blocks as they come, one open block a kind; closed ones are sealed in a pool.

    At most one block a kind is open and a few are being sealed, so that memory stays bounded.
    """

    def __init__(self, name: str, block_bytes: int, sealer: BatchSealer, pool: Executor) -> None:
        self._name = name
        self._block_bytes = block_bytes
        self._sealer = sealer
        self._pool = pool
        self._count = 0
        self._open: dict[str, _OpenBlock] = {}
        self._sealing: deque[Future[SealedBlock]] = deque()

    def place(self, kind: str, text: Bytes, starts: Ints, ends: Ints) -> Placed:
        """Take payloads of one kind (a newline stands behind each)."""
        names: list[str] = []
        counts: list[int] = []
        positions = []
        at = 0
        while at < len(starts):
            block = self._open.get(kind) or self._begin(kind)
            # A block takes payloads until it has reached its size: never none.
            lengths = ends[at:] - starts[at:] + 1
            filled = len(block.text) + np.cumsum(lengths)
            count = min(int(np.searchsorted(filled, self._block_bytes)) + 1, len(filled))
            block.text += _lines(text, starts[at : at + count], ends[at : at + count])
            block.lengths.append(lengths[:count])
            names.append(block.block_id)
            counts.append(count)
            positions.append(np.arange(block.rows, block.rows + count, dtype=np.int32))
            block.rows += count
            at += count
            if len(block.text) >= self._block_bytes:
                self._close(kind)
        blocks = np.repeat(np.arange(len(names), dtype=np.int32), counts)
        return Placed(names, blocks, np.concatenate(positions))

    def close(self) -> None:
        """Close the blocks that are still open."""
        for kind in list(self._open):
            self._close(kind)

    def sealed(self, waiting: int) -> Iterator[SealedBlock]:
        """Blocks in the order they were closed; all but `waiting` are waited for."""
        while self._sealing and (len(self._sealing) > waiting or self._sealing[0].done()):
            yield self._sealing.popleft().result()

    def _begin(self, kind: str) -> _OpenBlock:
        block = _OpenBlock(f"{self._name}-{self._count:06d}")
        self._count += 1
        self._open[kind] = block
        return block

    def _close(self, kind: str) -> None:
        block = self._open.pop(kind)
        self._sealing.append(self._pool.submit(self._seal, kind, block))

    def _seal(self, kind: str, block: _OpenBlock) -> SealedBlock:
        lengths = np.concatenate(block.lengths)
        payload = seal_block(self._sealer, block.block_id, block.text, lengths)
        return SealedBlock(block.block_id, kind, block.rows, len(block.text), payload)


def _lines(text: Bytes, starts: Ints, ends: Ints) -> bytes | memoryview:
    """The texts of spans with the newline behind each; one slice where they lie next to each other."""
    view = memoryview(text)
    if np.array_equal(starts[1:], ends[:-1] + 1):
        return view[starts[0] : ends[-1] + 1]
    return b"".join(
        [view[start : end + 1] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    )
