"""The work of an ingest in portions of bounded size, and what one portion becomes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from a360.failpoints import failpoint
from a360.ingest._bundle import Filtered, Found, Unit, deletion_of, expand, one_line
from a360.ingest._bytes import ByteSource
from a360.ingest._committed import FHIR, RECORDS, Ground
from a360.ingest._decode import decode_heads
from a360.ingest._envelope import Identity, deletion_envelopes, envelopes
from a360.ingest._inputs import Input, Role
from a360.ingest._limits import Limits
from a360.ingest._pictures import Pictures
from a360.ingest._rows import rows_of_segments, rows_of_units
from a360.ingest._rules import Refused, Rule
from a360.ingest._text import Document, Segment, read_text
from a360.ingest._worked import Finished, Worked
from a360.records import is_utf8

_WHITE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of the input, in order: segments of lines, or units of documents.

    `file` is the file that was read last, `packed_bytes` how much of it has been read.
    """

    segments: tuple[Segment, ...]
    units: tuple[Unit, ...]
    file: int = 0
    packed_bytes: int = 0


class FhirReading:
    """Files of FHIR resources."""

    def __init__(
        self,
        files: Sequence[Input],
        identity: Identity,
        limits: Limits,
        kind: str = "fhir",
        pictures: Pictures | None = None,
    ) -> None:
        self.kind = kind
        self.grounds: tuple[Ground, ...] = (FHIR,) if pictures is None else (FHIR, RECORDS)
        self._pictures = pictures
        self._files = files
        self._identity = identity
        self._limits = limits

    def portions(self, chosen: Sequence[int]) -> Iterator[Portion | Finished]:
        """Read the chosen files one after the other."""
        return portions(self._files, chosen, self._limits)

    def work(self, portion: Portion) -> tuple[Worked, ...]:
        """Turn a portion into envelopes, and what stands within resources into records."""
        worked = work(portion, self._files, self._identity, self._limits)
        return (worked,) if self._pictures is None else (worked, self._pictures.take(worked))


def portions(files: Sequence[Input], chosen: Sequence[int], limits: Limits) -> Iterator[Portion | Finished]:
    """Read the chosen files one after the other; small ones share a portion."""
    gathered = _Gathered(limits.chunk_bytes)
    for file in chosen:
        with files[file].opened(limits) as source:
            for piece in _pieces(file, files[file], source, limits):
                for portion in gathered.take(piece, _weight(piece)):
                    yield replace(portion, file=file, packed_bytes=source.packed_bytes)
            yield Finished(file, source.finish(), source.packed_bytes)
        failpoint("ingest.file.after-read")
    for portion in gathered.flush():
        yield replace(portion, file=chosen[-1])


def _pieces(number: int, file: Input, source: ByteSource, limits: Limits) -> Iterator[Segment | Unit]:
    """What a file holds: segments where it has lines, units where it is one document or cannot be read."""
    for piece in read_text(number, source, limits):
        if isinstance(piece, Document):
            yield from _units(piece, file, limits)
        elif isinstance(piece, Segment) and file.role is Role.ERRORS:
            yield from (Filtered(number) for line in piece.text.splitlines() if line.strip())
        else:
            yield piece


def work(portion: Portion, files: Sequence[Input], identity: Identity, limits: Limits) -> Worked:
    """Turn a portion into envelopes; safe to run in threads."""
    if portion.segments:
        batch = rows_of_segments(portion.segments, files, limits)
    else:
        batch = rows_of_units(portion.units, len(files))
    envelope = envelopes(batch, identity, limits)
    rows = batch.rows
    row, order = np.arange(len(rows)), rows.order
    file, offset = rows.file, rows.offset
    if batch.deletions:
        told = [deletion for _, deletion in batch.deletions]
        envelope = pa.concat_tables([envelope, deletion_envelopes(told, identity)])
        row = np.append(row, np.full(len(told), -1))
        order = np.append(order, [place for place, _ in batch.deletions])
        file = np.append(file, [each.file for each in told])
        offset = np.append(offset, [each.offset for each in told])
        by_order = np.argsort(order, kind="stable")
        envelope = envelope.take(pa.array(by_order))
        row, file, offset = row[by_order], file[by_order], offset[by_order]
    spans = rows.text, rows.starts, rows.ends
    return Worked(envelope, row, file, offset, *spans, batch.read, batch.filtered, batch.refused)


class _Gathered:
    """Gathers segments or units until they make a portion; the two kinds do not mix."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._weight = 0
        self._segments: list[Segment] = []
        self._units: list[Unit] = []

    def take(self, piece: Segment | Unit, weight: int) -> Iterator[Portion]:
        if isinstance(piece, Segment):
            if self._units:
                yield from self.flush()
            self._segments.append(piece)
        else:
            if self._segments:
                yield from self.flush()
            self._units.append(piece)
        self._weight += weight
        # Segments are cut at the last newline, so that they fall a little short of the size.
        if self._weight >= self._size // 2:
            yield from self.flush()

    def flush(self) -> Iterator[Portion]:
        if self._segments or self._units:
            yield Portion(tuple(self._segments), tuple(self._units))
        self._segments, self._units, self._weight = [], [], 0


def _units(document: Document, file: Input, limits: Limits) -> Iterator[Unit]:
    """The units of a document: of a Bundle its entries, else the one resource."""
    text = document.text
    white = len(text) - len(text.lstrip(_WHITE))
    number, offset = document.file, document.offset + white
    kept = bytes(text[white : white + limits.kept_bytes])
    if not is_utf8(text):
        yield Refused(number, offset, Rule.NOT_UTF8, "a document with bytes that are not UTF-8", kept)
        return
    heads, faults = decode_heads([text])
    head = heads[0]
    if head is None:
        yield Refused(number, offset, faults[0].rule, faults[0].reason, kept)
    elif file.role is Role.ERRORS:
        yield Filtered(number)
    elif head.resource_type == "Bundle":
        yield from expand(number, document.offset, text, file.told_at)
    elif len(text) > limits.line_bytes:
        reason = f"a resource of {len(text)} bytes, more than {limits.line_bytes}"
        yield Refused(number, offset, Rule.TOO_LONG, reason, kept)
    elif file.role is Role.DELETED:
        yield deletion_of(number, offset, kept, head, file.told_at)
    else:
        yield Found(number, offset, one_line(bytes(text)).strip(_WHITE), head)


def _weight(piece: Segment | Unit) -> int:
    if isinstance(piece, Segment | Found):
        return len(piece.text)
    return 1 if isinstance(piece, Filtered) else len(piece.raw)
