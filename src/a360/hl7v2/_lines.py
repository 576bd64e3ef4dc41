"""The lines of a file that is read piece by piece."""

import codecs
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

# Byte order marks and what they say; the longer ones first, as UTF-32's begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 1 << 20
_LONGEST_MARK = 4


def lines_of(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """The lines of a file, ended by CR, LF or both; of a line longer than `most` only the beginning.

    Raises:
        UnicodeDecodeError: a byte order mark says UTF-16 or UTF-32, and the bytes are something else.
    """
    held: list[bytes] = []
    size, dropping = 0, False
    for piece in as_utf8(iter(partial(stream.read, _PIECE), b"")):
        first, *others = piece.replace(b"\n", b"\r").split(b"\r")
        if not dropping:
            held.append(first)
            size += len(first)
        if others:
            yield b"".join(held)
            yield from others[:-1]
            held, size, dropping = [others[-1]], len(others[-1]), False
        if size > most:
            yield b"".join(held)
            held, size, dropping = [], 0, True
    if held:
        yield b"".join(held)


def as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of a file, as UTF-8 without a mark if a byte order mark says which Unicode form they have.

    Raises:
        UnicodeDecodeError: a byte order mark says UTF-16 or UTF-32, and the bytes are something else.
    """
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= _LONGEST_MARK:
            break
    mark, name = next(((mark, name) for mark, name in MARKS if start.startswith(mark)), (b"", ""))
    if name in {"", "utf-8"}:
        yield start[len(mark) :]
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(name)()
    yield decoder.decode(start).encode()
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()
