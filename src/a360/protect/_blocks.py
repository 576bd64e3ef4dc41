"""The form of a sealed block: lines of text, compressed and sealed, with an index of where they end.

What is sealed is a frame of Zstandard with the text, and behind it a second one with the lengths of the
lines, its size and a mark. Who knows nothing of the index reads the first frame alone; a block without one is
searched for its line ends.
"""

import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import zstandard

from a360.errors import OperatorError
from a360.protect._ports import BatchSealer, Sealer

_LEVEL: Final = 3
_LARGEST_BLOCK: Final = 1 << 30
_NEWLINE: Final = 10
_TRAILER: Final = struct.Struct("<I4s")
_MARK: Final = b"line"
_LENGTH: Final = np.dtype("<u4")

# A form of zstandard serves one thread at a time, and making one for each block is dear.
_local = threading.local()

type Text = bytes | bytearray | memoryview
type Ends = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OpenBlock:
    """A block in clear: its text, each line with its newline, and where each line ends in it."""

    text: bytes
    ends: Ends


def seal_block(
    sealer: BatchSealer, block_id: str, plain: Text, lengths: npt.NDArray[np.integer] | None = None
) -> bytes:
    """Compress (Zstandard) and seal the payload lines of a bronze block.

    With the lengths of its lines, newlines counted, a reader need not look for them.
    """
    compress = _compressor().compress
    packed = compress(plain)
    if lengths is not None:
        index = compress(lengths.astype(_LENGTH).tobytes())
        packed = b"".join([packed, index, _TRAILER.pack(len(index), _MARK)])
    return sealer.seal(packed, block_id.encode())


def open_block(sealer: Sealer, block_id: str, sealed: bytes) -> OpenBlock:
    """Open the payload lines of a bronze block.

    Raises:
        OperatorError: `key-missing` or `seal-broken`.
    """
    packed = sealer.unseal(sealed, block_id.encode())
    try:
        text = _unpacked(packed)
    except zstandard.ZstdError as error:
        raise OperatorError(
            "seal-broken",
            "A sealed block does not unpack",
            where=f"block {block_id}",
            found=str(error),
            next_step="it was sealed by other software: find out what wrote it, and restore the block",
        ) from error
    if not text.endswith(b"\n"):
        text += b"\n"
    ends = _indexed(packed)
    if ends is None or not len(ends) or ends[-1] != len(text):
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == _NEWLINE) + 1
    return OpenBlock(text, ends)


def _indexed(packed: bytes) -> Ends | None:
    """Where lines end by the index of a block; None where it has none."""
    if len(packed) < _TRAILER.size:
        return None
    size, mark = _TRAILER.unpack_from(packed, len(packed) - _TRAILER.size)
    start = len(packed) - _TRAILER.size - size
    if mark != _MARK or start < 0:
        return None
    try:
        index = _unpacked(packed[start : start + size])
    except zstandard.ZstdError:
        return None
    return (
        np.cumsum(np.frombuffer(index, _LENGTH), dtype=np.int64)
        if len(index) % _LENGTH.itemsize == 0
        else None
    )


def _unpacked(packed: bytes) -> bytes:
    return _decompressor().decompress(packed, max_output_size=_LARGEST_BLOCK)


def _compressor() -> zstandard.ZstdCompressor:
    return _of_thread("compressor", lambda: zstandard.ZstdCompressor(level=_LEVEL))


def _decompressor() -> zstandard.ZstdDecompressor:
    return _of_thread("decompressor", zstandard.ZstdDecompressor)


def _of_thread[T](name: str, make: Callable[[], T]) -> T:
    if not hasattr(_local, name):
        setattr(_local, name, make())
    made: T = getattr(_local, name)
    return made
