"""CSV in a stream: the header, then rows in portions of bounded size; what cannot be read comes as a fault.

A quote that never closes costs one line, not the rest of the file: a record longer than `record_bytes` is
taken for one, its first line is refused, and reading goes on behind that line.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.records._csv_split import Split, split
from a360.records._text import Bytes, Ints, as_received, as_utf8

_BREAK: Final = re.compile(rb"\r\n?|\n")
# A file whose end is one damaged line after another is given up: each costs a search of the rest.
_MOST_AT_END: Final = 64


class Wrong(StrEnum):
    """What is wrong with a row or a file, as `quarantine.record.rule` has it."""

    UNCLOSED_QUOTE = "unclosed-quote"
    TOO_LONG = "too-long"
    RAGGED = "ragged-row"
    ENCODING = "wrong-encoding"
    NUL = "nul-byte"
    AFTER_FOOTER = "after-footer"
    DUPLICATE_COLUMNS = "duplicate-columns"
    BAD_HEADER = "bad-header"
    UNKNOWN_FORMAT = "unknown-format"
    NOT_JSON = "not-json"
    NOT_OBJECT = "not-object"


@dataclass(frozen=True, slots=True)
class Form:
    """How a CSV file is written. `footer` matches, from their start, the lines that end the data."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str | None = '"'
    skip: int = 0
    footer: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read at once, how long a record may be, and how much is kept of one that is longer."""

    chunk_bytes: int = 8 << 20
    record_bytes: int = 1 << 20
    kept_bytes: int = 64 << 10


@dataclass(frozen=True, slots=True)
class Fault:
    """A row, or a file, that is refused: the line it begins in, and its bytes as they stood in the file."""

    rule: Wrong
    reason: str
    offset: int
    line: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file: spans of a text in UTF-8, or what was meant to be.

    `lines` is the line of the file that each begins in, from 1, `offsets` where in its text that is.
    """

    text: Bytes
    starts: Ints
    ends: Ints
    lines: Ints
    offsets: Ints

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, place: int) -> bytes:
        """The text of one row."""
        return self.text[self.starts[place] : self.ends[place]].tobytes()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many records the footer and what follows it have."""

    count: int


type Piece = Header | Rows | Fault | LeftOut


@dataclass(slots=True)
class CsvReader:
    """Reads one file, once. `is_whole` tells, at the end, whether all of the file was to be had."""

    pieces: Iterator[bytes]
    form: Form
    bounds: Bounds = field(default_factory=Bounds)
    is_whole: Callable[[], bool] = lambda: True
    _buffer: bytearray = field(default_factory=bytearray)
    _offset: int = 0
    _line: int = 1
    _ended: bool = False
    _damaged: int = 0
    _width: int = 0
    _in_footer: bool = False

    def __iter__(self) -> Iterator[Piece]:
        """The header, then rows and faults in order; a file that is refused gives one fault alone."""
        self.pieces = as_utf8(self.pieces, self.form.encoding)
        self._fill(self.bounds.chunk_bytes)
        unknown = unknown_format(self._buffer)
        if unknown:
            yield self._whole(Wrong.UNKNOWN_FORMAT, f"the file is {unknown}")
            return
        if not self._skip_lines():
            return
        while not self._buffer.strip(b"\r\n"):
            if self._ended:
                return
            self._fill(len(self._buffer) + 1)
        header = self._header()
        yield header
        if isinstance(header, Header):
            self._width = len(header.names)
            for piece in self._rows():
                if isinstance(piece, Rows) and self.form.footer is not None:
                    yield from self._without_footer(piece, self.form.footer)
                else:
                    yield piece

    def _fill(self, size: int) -> None:
        """Hold at least `size` bytes, or all that is left, with a line break at the end."""
        if len(self._buffer) >= size or self._ended:
            return
        found = [bytes(self._buffer)]
        held = len(self._buffer)
        while held < size:
            piece = next(self.pieces, None)
            if piece is None:
                self._ended = True
                break
            found.append(piece)
            held += len(piece)
        if self._ended and self.is_whole() and held and not b"".join(found[-2:]).endswith((b"\n", b"\r")):
            found.append(b"\n")
        self._buffer = bytearray().join(found)

    def _drop(self, size: int, lines: int) -> None:
        self._buffer = self._buffer[size:]
        self._offset += size
        self._line += lines

    def _fault(self, rule: Wrong, reason: str, raw: bytes) -> Fault:
        kept = as_received(raw[: self.bounds.kept_bytes], self.form.encoding)
        return Fault(rule, f"line {self._line}: {reason}", self._offset, self._line, kept)

    def _whole(self, rule: Wrong, reason: str) -> Fault:
        raw = bytes(self._buffer[: self.bounds.kept_bytes])
        return Fault(rule, reason, 0, 1, as_received(raw, self.form.encoding))

    def _skip_lines(self) -> bool:
        """Pass over the lines before the header; whether anything is left."""
        for _ in range(self.form.skip):
            while (found := self._next_break()) is None:
                if self._ended:
                    return False
                self._fill(len(self._buffer) + 1)
            self._drop(found.end(), 1)
        return True

    def _next_break(self) -> re.Match[bytes] | None:
        """The next line break, once it is known to be whole: a line feed may follow a carriage return."""
        found = _BREAK.search(self._buffer)
        return found if found and (found.end() < len(self._buffer) or self._ended) else None

    def _split(self) -> Split:
        form = self.form
        return split(
            np.frombuffer(self._buffer, dtype=np.uint8),
            ord(form.delimiter),
            ord(form.quote) if form.quote else None,
            ended=self._ended,
        )

    def _header(self) -> Header | Fault:
        found = self._split()
        while not len(found.starts) and not self._ended and len(self._buffer) <= self.bounds.record_bytes:
            self._fill(len(self._buffer) + 1)
            found = self._split()
        if not len(found.starts) or found.ends[0] - found.starts[0] > self.bounds.record_bytes:
            return self._whole(Wrong.BAD_HEADER, "the header does not end")
        raw = bytes(self._buffer[found.starts[0] : found.ends[0]])
        try:
            names = [name.strip() for name in parse_row(raw.decode(), self.form)]
        except UnicodeDecodeError:
            return self._whole(Wrong.ENCODING, f"the header is not {self.form.encoding}")
        if any("\0" in name for name in names):
            return self._whole(Wrong.NUL, "the header has NUL bytes")
        named = tuple(name or f"column {at}" for at, name in enumerate(names, start=1))
        # By their places: without a header, the names would be what a row says of a patient.
        first = {name: at for at, name in reversed([*enumerate(named, start=1)])}
        again = next((at for at, name in enumerate(named, start=1) if first[name] != at), None)
        if again:
            told = f"columns {first[named[again - 1]]} and {again} of the header have one name"
            return self._whole(Wrong.DUPLICATE_COLUMNS, told)
        second = _BREAK.match(self._buffer, int(found.ends[0]))
        size = second.end() if second else int(found.ends[0])
        self._drop(size, len(_BREAK.findall(self._buffer, 0, size)))
        return Header(named)

    def _rows(self) -> Iterator[Rows | Fault]:
        while True:
            self._fill(max(self.bounds.chunk_bytes, len(self._buffer) + 1))
            found = self._split()
            long = np.flatnonzero(found.ends - found.starts > self.bounds.record_bytes)
            if len(long):
                at = int(long[0])
                rest, line = int(found.starts[at]), int(found.lines[at])
            else:
                at, rest, line = len(found.starts), found.rest, found.rest_line
            if at:
                self._damaged = 0
                lines = found.lines[:at] + self._line
                text = np.frombuffer(self._buffer, dtype=np.uint8)
                starts = found.starts[:at]
                yield Rows(text, starts, found.ends[:at], lines, starts + self._offset)
            self._drop(rest, line)
            left = len(self._buffer)
            if self._ended and (not left or not self.is_whole()):
                return
            if len(long) or left > self.bounds.record_bytes or self._ended:
                yield from self._damage()

    def _without_footer(self, rows: Rows, footer: re.Pattern[str]) -> Iterator[Rows | Fault | LeftOut]:
        """The rows before the footer; of what follows it, a row with all its cells is a fault, not lost."""
        first = 0 if self._in_footer else first_match(rows, footer)
        if first:
            yield replace(
                rows, **{name: getattr(rows, name)[:first] for name in ("starts", "ends", "lines", "offsets")}
            )
        left_out = 0
        for place in range(first, len(rows)):
            self._in_footer = True
            raw = rows.raw(place)
            text = raw.decode(errors="replace")
            if footer.match(text) or len(parse_row(text, self.form)) != self._width:
                left_out += 1
            else:
                line = int(rows.lines[place])
                reason = f"line {line}: a row behind the line that ends the data"
                kept = as_received(raw[: self.bounds.kept_bytes], self.form.encoding)
                yield Fault(Wrong.AFTER_FOOTER, reason, int(rows.offsets[place]), line, kept)
        if left_out:
            yield LeftOut(left_out)

    def _damage(self) -> Iterator[Fault]:
        """Refuse the line that a record begins in which does not end, or not soon enough."""
        found = self._next_break()
        if found:
            limit, self._damaged = self.bounds.record_bytes, self._damaged + self._ended
            if found.start() > limit:
                reason, rule = f"it has {found.start()} bytes, more than {limit}", Wrong.TOO_LONG
            else:
                reason = f"a quote opens that is not closed within {limit} bytes; the line was left out"
                rule = Wrong.UNCLOSED_QUOTE
            yield self._fault(rule, reason, bytes(self._buffer[: found.start()]))
            if self._damaged < _MOST_AT_END:
                self._drop(found.end(), 1)
                return
            raw = bytes(self._buffer[found.end() :])
            self._drop(found.end(), 1)
            yield self._fault(rule, "one quote after another is not closed; the rest was left out", raw)
            self._drop(len(raw), 0)
            return
        yield self._skip_long_line()

    def _skip_long_line(self) -> Fault:
        """Pass over a line that is too long, up to its end, holding little of it."""
        start, raw, length = self._offset, bytes(self._buffer[: self.bounds.kept_bytes]), 0
        while True:
            found = self._next_break()
            if found:
                length += found.start()
                self._offset += found.end()
                self._buffer = self._buffer[found.end() :]
                break
            kept = 1 if self._buffer.endswith(b"\r") and not self._ended else 0
            size = len(self._buffer) - kept
            length += size
            self._offset += size
            self._buffer = self._buffer[size:]
            if self._ended and not self._buffer:
                break
            self._fill(len(self._buffer) + 1)
        reason = f"line {self._line}: it has {length} bytes, more than {self.bounds.record_bytes}"
        fault = Fault(Wrong.TOO_LONG, reason, start, self._line, as_received(raw, self.form.encoding))
        self._line += 1
        return fault


def first_match(rows: Rows, pattern: re.Pattern[str]) -> int:
    """The place of the first row that a pattern matches from its start; how many rows there are if none."""
    ends = np.append(rows.starts, rows.ends[-1])
    texts = pa.Array.from_buffers(
        pa.large_binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(rows.text)]
    )
    try:
        may = np.flatnonzero(np.asarray(pc.match_substring_regex(texts, f"^(?:{pattern.pattern})")))
    except pa.ArrowInvalid:
        # What Arrow's expressions have no word for is looked for row by row.
        may = np.arange(len(rows))
    for place in may.tolist():
        if pattern.match(rows.raw(place).decode(errors="replace")):
            return int(place)
    return len(rows)


def parse_row(text: str, form: Form) -> list[str]:
    """The cells of one record."""
    lines = io.StringIO(text, newline="")
    if form.quote:
        rows = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote)
    else:
        rows = csv.reader(lines, delimiter=form.delimiter, quoting=csv.QUOTE_NONE)
    return next(rows, [])


def unknown_format(text: bytes | bytearray) -> str | None:
    """What a text is that is no text, by how it begins."""
    for magic, name in _FORMATS:
        if text.startswith(magic):
            return name
    head = text[:4096]
    if head.count(b"\0") > len(head) // 8:
        return "binary, or text of two bytes a character; the contract says its encoding"
    return None


_FORMATS: Final = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet; unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet; save it as CSV"),
    (b"PAR1", "Parquet; ingest it as parquet"),
    (b"BZh", "bzip2; gzip and Zstandard are read"),
    (b"\xfd7zXZ\x00", "xz; gzip and Zstandard are read"),
    (b"\xff\xfe", "UTF-16; the contract says its encoding"),
    (b"\xfe\xff", "UTF-16; the contract says its encoding"),
)
