"""From a file's plain bytes to its JSON texts: lines in segments, or one document over many lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from a360.ingest._bytes import ArchiveError, ByteSource
from a360.ingest._limits import Limits
from a360.ingest._rules import Refused, Rule, too_long

_BOM: Final = b"\xef\xbb\xbf"
_WHITE: Final = b" \t\r\n"
_HEAD_BYTES: Final = 64 << 10
_BUNDLE: Final = b'"Bundle"'
_OPENERS: Final = (bytearray(b"{"), bytearray(b"["))

_FORMATS: Final = (
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"PAR1", "Parquet; only JSON is read"),
    (b"BZh", "bzip2; gzip and Zstandard are read"),
    (b"\xfd7zXZ\x00", "xz; gzip and Zstandard are read"),
    (b"\xff\xfe", "UTF-16; write it as UTF-8"),
    (b"\xfe\xff", "UTF-16; write it as UTF-8"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """Whole lines of a file; the text ends with a newline."""

    file: int
    offset: int
    text: bytearray


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is one JSON value."""

    file: int
    offset: int
    text: bytearray


type Piece = Segment | Document | Refused


def read_text(file: int, source: ByteSource, limits: Limits, *, lists: bool = False) -> Iterator[Piece]:
    """The pieces of a file, in order; what exceeds a limit or cannot be unpacked comes as `Refused`.

    With `lists`, one long line that is all of a file may be a list, and not a Bundle alone.
    """
    yield from _Reader(file, source, limits, lists=lists).pieces()


class _Reader:
    """Holds at most one chunk and one line, or one document, of the file's text."""

    def __init__(self, file: int, source: ByteSource, limits: Limits, *, lists: bool) -> None:
        self._file = file
        self._lists = lists
        self._limits = limits
        self._pieces = source.pieces()
        self._buffer = bytearray()
        self._offset = 0
        self._ended = False
        self._broken: ArchiveError | None = None

    def pieces(self) -> Iterator[Piece]:
        self._fill(self._limits.chunk_bytes)
        if self._buffer.startswith(_BOM):
            self._drop(len(_BOM))
        unknown = _unknown_format(self._buffer)
        if unknown:
            yield self._refused(Rule.UNKNOWN_FORMAT, f"the file is {unknown}")
        elif self._is_document():
            yield self._document()
        else:
            yield from self._lines()

    def _fill(self, size: int) -> None:
        """Hold at least `size` bytes of text, or all that is left."""
        while len(self._buffer) < size and not self._ended:
            pieces = list(self._next(min(size - len(self._buffer), self._limits.chunk_bytes)))
            if len(self._buffer) < self._limits.chunk_bytes:
                # In one go: growing a large buffer piece by piece costs more than reading it.
                self._buffer = bytearray().join((self._buffer, *pieces))
            else:
                for piece in pieces:
                    self._buffer += piece

    def _next(self, size: int) -> Iterator[bytes]:
        """Pieces that make at least `size` bytes, or all that are left."""
        while size > 0 and not self._ended:
            try:
                piece = next(self._pieces, None)
            except ArchiveError as error:
                self._broken, piece = error, None
            if piece is None:
                self._ended = True
            else:
                size -= len(piece)
                yield piece

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size

    def _refused(self, rule: Rule, reason: str) -> Refused:
        kept = bytes(self._buffer[: self._limits.kept_bytes])
        return Refused(self._file, self._offset, rule, reason, kept)

    def _is_document(self) -> bool:
        """Whether the file is one JSON value, rather than one value a line."""
        text = self._buffer
        start = len(text) - len(text.lstrip(_WHITE))
        if text[start : start + 1] not in _OPENERS:
            return False
        end = text.find(b"\n", start)
        if end < 0:
            self._fill(start + self._limits.line_bytes + 1)
            text = self._buffer
            end = text.find(b"\n", start)
        if end < 0 or end - start > self._limits.line_bytes:
            # One line that is longer than a line may be: a Bundle, if nothing comes behind it.
            self._fill(end + 2)
            text = self._buffer
            alone = end < 0 or not text[end:].strip(_WHITE)
            may = _BUNDLE in text[:_HEAD_BYTES] or (self._lists and text[start : start + 1] == b"[")
            return len(text) > self._limits.line_bytes and alone and may
        first, rest = text[start:end], text[end:]
        if not rest.strip(_WHITE) or _is_json(first):
            return False
        if self._ended and not self._broken and _is_json(text):
            return True
        return not any(_is_json(line) for line in rest.splitlines() if line.startswith(b"{"))

    def _document(self) -> Piece:
        limit = self._limits.document_bytes
        self._fill(limit + 1)
        if self._broken:
            return self._refused(
                self._broken.rule, f"{self._broken}; it holds one document, of which nothing landed"
            )
        if len(self._buffer) > limit:
            return self._refused(
                Rule.TOO_LONG,
                f"the file is one JSON document of more than {limit} bytes; write it as NDJSON",
            )
        return Document(self._file, self._offset, self._buffer)

    def _lines(self) -> Iterator[Piece]:
        searched = 0
        while True:
            self._fill(max(self._limits.chunk_bytes, searched + 1))
            cut = self._buffer.rfind(b"\n", searched)
            if cut >= 0:
                yield self._segment(cut + 1)
                searched = 0
            elif self._ended:
                break
            elif len(self._buffer) > self._limits.line_bytes:
                yield self._skip_line()
                searched = 0
            else:
                searched = len(self._buffer)
        if self._broken:
            yield self._refused(self._broken.rule, f"{self._broken}; what comes after this is lost")
        elif self._buffer:
            yield Segment(self._file, self._offset, self._buffer + b"\n")

    def _segment(self, size: int) -> Segment:
        """The first bytes of the buffer, without a copy; what is left of it begins the next one."""
        text, self._buffer = self._buffer, self._buffer[size:]
        del text[size:]
        segment = Segment(self._file, self._offset, text)
        self._offset += size
        return segment

    def _skip_line(self) -> Refused:
        """Pass over a line that is too long, up to its newline or the end, holding little of it."""
        limits = self._limits
        start, kept, length = self._offset, bytes(self._buffer[: limits.kept_bytes]), 0
        while True:
            end = self._buffer.find(b"\n")
            if end >= 0 or (self._ended and not self._buffer):
                length += max(end, 0)
                self._drop(end + 1)
                break
            length += len(self._buffer)
            self._drop(len(self._buffer))
            self._fill(1)
        reason = too_long(length, limits.line_bytes, kept)
        return Refused(self._file, start, Rule.TOO_LONG, reason, kept)


def _unknown_format(text: bytearray) -> str | None:
    for magic, name in _FORMATS:
        if text.startswith(magic):
            return name
    head = text[:1024]
    if b"\0" in head:
        return "binary, not text"
    if head.lstrip(_WHITE).startswith(b"<"):
        return "XML; only JSON is read"
    return None


def _is_json(text: bytes | bytearray) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
