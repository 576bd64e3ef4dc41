"""From the bytes of a file to UTF-8, whatever encoding a contract says; wrong bytes stay where they stood.

What is wrong in the declared encoding comes out as bytes that are wrong in UTF-8 too (a lone surrogate), so
that one check finds the rows that hold it, and nothing else of the file is lost.
"""

import codecs
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

type Bytes = npt.NDArray[np.uint8]
type Ints = npt.NDArray[np.int64]

_BOM: Final = b"\xef\xbb\xbf"
_UTF_8: Final = frozenset({"utf-8", "ascii"})


def as_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Pieces of a file in UTF-8, without a byte order mark."""
    name = codecs.lookup(encoding).name
    yield from _without_mark(pieces if name in _UTF_8 else _transcoded(pieces, name))


def as_received(text: bytes, encoding: str) -> bytes:
    """Bytes as they stood in the file, of what `as_utf8` made of them."""
    name = codecs.lookup(encoding).name
    if name in _UTF_8:
        return text
    wide = name.startswith("utf-16")
    characters = text.decode("utf-8", "surrogatepass")
    return characters.encode("utf-16-le" if wide else name, "surrogatepass" if wide else "surrogateescape")


def joined(texts: Sequence[bytes | memoryview]) -> tuple[Bytes, Ints, Ints]:
    """Texts one after the other, a newline behind each; where each of them starts, and where it ends."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return np.frombuffer(b"\n".join([*texts, b""]), dtype=np.uint8), ends - lengths, ends


def is_utf8(text: Bytes | bytes | bytearray) -> bool:
    """Whether bytes are valid UTF-8."""
    ends = np.array([0, len(text)], dtype=np.int64)
    one = pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(text)])
    try:
        one.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _transcoded(pieces: Iterator[bytes], name: str) -> Iterator[bytes]:
    wide = name.startswith("utf-16")
    decoder = codecs.getincrementaldecoder(name)("surrogatepass" if wide else "surrogateescape")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    try:
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        # The file ends within a character.
        yield b"\xff"


def _without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(_BOM):
            break
    yield head.removeprefix(_BOM)
    yield from pieces
