"""Events: JSON objects, one a line or in arrays, each a record of the type that the file's name says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa

from a360.ingest._bundle import one_line
from a360.ingest._committed import RECORDS
from a360.ingest._depth import deeper_than
from a360.ingest._envelope import as_texts
from a360.ingest._limits import Limits
from a360.ingest._record_reading import Books
from a360.ingest._record_rows import Lines
from a360.ingest._rows import Bytes, Ints, Rows, split_lines
from a360.ingest._rules import Refused, Rule
from a360.ingest._text import Document, Segment, read_text
from a360.ingest._worked import Finished, Worked
from a360.records import byte_places, is_utf8, joined

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_ERRORS = (msgspec.DecodeError, RecursionError)
_WHITE = b" \t\r\n"
_NEWLINE = 10
# Arrow keeps shorter texts elsewhere than in the text that they are views of.
_IN_PLACE = 13


@dataclass(slots=True)
class EventPortion:
    """Lines of one file, or a document; `line` is the first line's number, from 1."""

    file: int
    packed_bytes: int
    text: Segment | Document | None = None
    line: int = 1
    refused: list[Refused] = field(default_factory=list)


class EventReading:
    """Files of events."""

    kind = "events"
    grounds = (RECORDS,)

    def __init__(self, books: Books) -> None:
        self._books = books

    def portions(self, chosen: Sequence[int]) -> Iterator[EventPortion | Finished]:
        """Read the chosen files one after the other."""
        books = self._books
        for file in chosen:
            line = 1
            with books.files[file].opened(books.limits) as source:
                for piece in read_text(file, source, books.limits, lists=True):
                    if isinstance(piece, Refused):
                        line += 1
                        yield EventPortion(file, source.packed_bytes, refused=[piece])
                    else:
                        yield EventPortion(file, source.packed_bytes, piece, line)
                        line += piece.text.count(b"\n")
                yield Finished(file, source.finish(), source.packed_bytes)

    def work(self, portion: EventPortion) -> tuple[Worked, ...]:
        """Turn texts into records."""
        texts = _Texts(portion.file, portion.line, self._books.limits)
        lines = texts.lines(portion.text)
        refused = [*portion.refused, *texts.refused]
        return self._books.worked(lines, read=len(lines) + len(refused), refused=refused)


class _Texts:
    """The objects among the texts of one portion; `refused` has what is none."""

    def __init__(self, file: int, line: int, limits: Limits) -> None:
        self.refused: list[Refused] = []
        self._file = file
        self._line = line
        self._limits = limits
        self._found: list[tuple[bytes, int, int]] = []

    def lines(self, text: Segment | Document | None) -> Lines:
        if isinstance(text, Segment):
            newlines = byte_places(np.frombuffer(bytes(text.text), dtype=np.uint8), _NEWLINE)
            rows = split_lines([text])
            numbers = self._line + np.searchsorted(newlines, rows.offset - text.offset)
            if self._are_plain(rows):
                at = rows.text, rows.starts, rows.ends
                return Lines(self._file, as_texts(rows), *at, rows.offset, numbers)
            for place, line in enumerate(numbers.tolist()):
                self._take(rows.raw(place), int(rows.offset[place]), line)
        elif isinstance(text, Document):
            self._take(one_line(bytes(text.text)).strip(_WHITE), text.offset, 0)
        return self._listed()

    def _are_plain(self, rows: Rows) -> bool:
        """Whether all rows are sound objects, long enough to be looked at in place."""
        if not len(rows) or not is_utf8(rows.text) or (rows.ends - rows.starts).min() < _IN_PLACE:
            return False
        try:
            for text in rows.texts():
                _decode(text)
        except _ERRORS:
            return False
        return not deeper_than(self._limits.depth, rows.text, rows.starts, rows.ends).any()

    def _take(self, text: bytes, offset: int, line: int) -> None:
        """Take a text that is an object or a list of objects, or refuse it."""
        if not is_utf8(text):
            self._refuse(text, offset, line, Rule.NOT_UTF8, "bytes that are not UTF-8")
            return
        try:
            if not text.startswith(b"["):
                self._add(text, offset, line)
                return
            for at, each in enumerate(_decode_list(text)):
                self._add(bytes(each), offset + at, line)
        except RecursionError:
            self._refuse(text, offset, line, Rule.TOO_DEEP, "nested far too deep")
        except msgspec.DecodeError as error:
            self._refuse(text, offset, line, Rule.NOT_JSON, str(error))

    def _add(self, text: bytes, offset: int, line: int) -> None:
        try:
            _decode(text)
        except msgspec.ValidationError:
            self._refuse(text, offset, line, Rule.NOT_OBJECT, "an event is a JSON object")
            return
        if deeper_than(self._limits.depth, *_alone(text)).any():
            reason = f"nested deeper than {self._limits.depth} levels"
            self._refuse(text, offset, line, Rule.TOO_DEEP, reason)
            return
        self._found.append((text, offset, line))

    def _refuse(self, text: bytes, offset: int, line: int, rule: Rule, reason: str) -> None:
        where = f"line {line}: " if line else ""
        kept = text[: self._limits.kept_bytes]
        self.refused.append(Refused(self._file, offset, rule, where + reason, kept))

    def _listed(self) -> Lines:
        texts = [text for text, _, _ in self._found]
        payloads = pa.array([text.decode() for text in texts], pa.string())
        offsets = np.array([offset for _, offset, _ in self._found], dtype=np.int64)
        numbers = np.array([line for _, _, line in self._found], dtype=np.int64)
        return Lines(self._file, payloads, *joined(texts), offsets, numbers)


def _alone(text: bytes) -> tuple[Bytes, Ints, Ints]:
    one = np.array([0], dtype=np.int64)
    return np.frombuffer(text, dtype=np.uint8), one, one + len(text)
