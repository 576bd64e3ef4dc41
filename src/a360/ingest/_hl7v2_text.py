"""A file of HL7 v2 cut into messages as it streams: single ones, many, batches, with MLLP framing or not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from a360.hl7v2 import as_utf8
from a360.ingest._bytes import ArchiveError, ByteSource
from a360.ingest._limits import Limits
from a360.ingest._rules import Refused, Rule

# Whatever starts a line with these begins a message, or is of the envelope of a batch.
_START: Final = re.compile(rb"[\r\n\x0b\x1c](?=MSH|[FB]HS|[FB]TS)")
_START_BYTES: Final = 4
_LINE_END: Final = re.compile(rb"[\r\n]")
_ENVELOPE: Final = (b"FHS", b"BHS", b"BTS", b"FTS")
_BATCH_END: Final = b"BTS"
_BATCH_ENDS: Final = (b"BHS", b"BTS")
_FRAMING: Final = b"\x0b\x1c\r\n \t"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """The bytes of one message, without framing; or those that stand where a message should."""

    file: int
    offset: int
    text: bytes


@dataclass(frozen=True, slots=True)
class BatchCount:
    """How many messages a batch says it has, and how many were found."""

    told: int
    found: int


type Block = RawMessage | BatchCount | Refused


def read_messages(file: int, source: ByteSource, limits: Limits) -> Iterator[Block]:
    """The messages of a file, in order; holds one message and a piece of the file at a time.

    Offsets are of plain text; of a file in UTF-16 or UTF-32, of its form in UTF-8.
    """
    found, total = 0, 0
    for block in _Cutter(file, source, limits).blocks():
        if isinstance(block, RawMessage) and block.text.startswith(_ENVELOPE):
            head, rest = [*_LINE_END.split(block.text, maxsplit=1), b""][:2]
            told = head.split(b"|")[1:2] if head.startswith(_BATCH_END) else []
            if told and told[0].isdigit():
                yield BatchCount(int(told[0]), found)
            found = 0 if head.startswith(_BATCH_ENDS) else found
            if not rest.strip(_FRAMING):
                continue
            # Lines behind an envelope's belong to no message.
            after = block.offset + len(head) + 1 + len(rest) - len(rest.lstrip(_FRAMING))
            block = replace(block, offset=after, text=rest.strip(_FRAMING))  # noqa: PLW2901 - what is left
        found, total = found + 1, total + 1
        yield block
    if not total:
        yield RawMessage(file, 0, b"")


class _Cutter:
    def __init__(self, file: int, source: ByteSource, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._source = source
        self._buffer = bytearray()
        self._offset = 0

    def blocks(self) -> Iterator[RawMessage | Refused]:
        """What begins with a header each, and what stands before the first one."""
        searched, skipping = 1, False
        try:
            for piece in as_utf8(self._source.pieces()):
                self._buffer += piece
                for end in self._ends(searched):
                    yield from self._take(end, skipped=skipping)
                    skipping = False
                if len(self._buffer) > self._limits.line_bytes:
                    if not skipping:
                        yield self._too_long()
                    skipping = True
                    self._drop(len(self._buffer) - _START_BYTES)
                searched = max(len(self._buffer) - _START_BYTES, 1)
            yield from self._take(len(self._buffer), skipped=skipping)
        except ArchiveError as error:
            kept = bytes(self._buffer[: self._limits.kept_bytes])
            yield Refused(
                self._file, self._offset, error.rule, f"{error}; what comes after this is lost", kept
            )
        except UnicodeDecodeError:
            kept = bytes(self._buffer[: self._limits.kept_bytes])
            reason = "the byte order mark and the bytes disagree; what comes after this is lost"
            yield Refused(self._file, self._offset, Rule.ENCODING, reason, kept)

    def _ends(self, searched: int) -> Iterator[int]:
        """Where blocks end in the buffer, each counted from what is left when it is asked for."""
        taken = 0
        for place in [found.end() for found in _START.finditer(self._buffer, searched - 1)]:
            yield place - taken
            taken = place

    def _take(self, end: int, *, skipped: bool) -> Iterator[RawMessage]:
        raw = bytes(self._buffer[:end])
        text = raw.lstrip(_FRAMING)
        if text and not skipped:
            yield RawMessage(self._file, self._offset + len(raw) - len(text), text.rstrip(_FRAMING))
        self._drop(end)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size

    def _too_long(self) -> Refused:
        kept = bytes(self._buffer[: self._limits.kept_bytes])
        reason = f"the message has more than {self._limits.line_bytes} bytes"
        return Refused(self._file, self._offset, Rule.TOO_LONG, reason, kept)
