"""CSV extracts: rows of text, each a record of the type that the file's name says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import ReceptionPlan
from a360.ingest._committed import RECORDS
from a360.ingest._extract import run_over
from a360.ingest._record_reading import Books, Pieces
from a360.ingest._record_rows import lines_of
from a360.ingest._rules import Refused
from a360.ingest._worked import Finished, Worked
from a360.records import (
    Bounds,
    CsvReader,
    Fault,
    Form,
    Header,
    LeftOut,
    Rows,
    cells_of,
    drift_of,
    text_line_sql,
)

_NO_ROWS = Rows(np.zeros(0, dtype=np.uint8), *(np.zeros(0, dtype=np.int64) for _ in range(4)))


@dataclass(slots=True)
class CsvPortion:
    """Rows of one file, with what was refused and left out beside them."""

    file: int
    packed_bytes: int
    names: tuple[str, ...] = ()
    rows: Rows = _NO_ROWS
    refused: list[Refused] = field(default_factory=list)
    left_out: int = 0


class CsvReading:
    """Files of comma-separated values."""

    kind = "csv"
    grounds = (RECORDS,)

    def __init__(self, books: Books) -> None:
        # Texts alone are read with less work than what could be typed.
        self._books = replace(books, receptions=[_of_texts(each) for each in books.receptions])

    def portions(self, chosen: Sequence[int]) -> Iterator[CsvPortion | Finished]:
        """Read the chosen files one after the other."""
        books = self._books
        for file in chosen:
            with books.files[file].opened(books.limits) as source:
                pieces = Pieces(source)
                for portion in self._pieces(file, pieces):
                    portion.packed_bytes = source.packed_bytes
                    yield portion
                yield Finished(file, source.finish(), source.packed_bytes)

    def _pieces(self, file: int, pieces: Pieces) -> Iterator[CsvPortion]:
        limits, reception = self._books.limits, self._books.receptions[file]
        bounds = Bounds(limits.chunk_bytes, limits.record_bytes, limits.kept_bytes)
        form, names, at = form_of(reception), tuple[str, ...](), 0
        is_first = True
        for piece in CsvReader(iter(pieces), form, bounds, pieces.is_whole):
            portion = CsvPortion(file, 0, names)
            match piece:
                case Header():
                    names = portion.names = piece.names
                    head = form.delimiter.join(names).encode()
                    refused = self._books.drifted(file, drift_of(reception, names), head)
                    if refused:
                        portion.refused = [refused]
                        yield portion
                        return
                    continue
                case Rows():
                    if is_first and (refused := self._retyped(file, names, piece)):
                        portion.refused = [refused]
                        yield portion
                        return
                    is_first, portion.rows, at = False, piece, int(piece.offsets[-1]) + 1
                case Fault():
                    portion.refused = [_refused(file, piece)]
                case LeftOut():
                    portion.left_out = piece.count
            yield portion
        lost = list(pieces.refused(file, at))
        if lost:
            yield CsvPortion(file, 0, names, refused=lost)

    def _retyped(self, file: int, names: tuple[str, ...], rows: Rows) -> Refused | None:
        form = form_of(self._books.receptions[file])

        def payloads() -> pa.Array:
            return json_lines(cells_of(rows, len(names), form, 0).columns, names)

        return self._books.retyped(file, payloads, form.delimiter.join(names).encode())

    def work(self, portion: CsvPortion) -> tuple[Worked, ...]:
        """Turn rows into records."""
        books, file = self._books, portion.file
        form, kept_bytes = form_of(books.receptions[file]), books.limits.kept_bytes
        cells = cells_of(portion.rows, len(portion.names), form, kept_bytes)
        payloads = json_lines(cells.columns, portion.names)
        rows = cells.rows
        return books.worked(
            lines_of(payloads, file, rows.offsets, rows.lines),
            read=len(portion.rows) + len(portion.refused) + portion.left_out,
            filtered=portion.left_out,
            refused=[*portion.refused, *(_refused(file, fault) for fault in cells.faults)],
        )


def _of_texts(reception: ReceptionPlan) -> ReceptionPlan:
    return replace(reception, record=replace(reception.record, kinds=("csv",)))


def form_of(reception: ReceptionPlan) -> Form:
    """How the files of a record type are written."""
    footer = re.compile(reception.footer) if reception.footer else None
    return Form(reception.encoding, reception.delimiter, reception.quote or None, reception.skip, footer)


def json_lines(columns: pa.Table, names: Sequence[str]) -> pa.Array:
    """Rows of text as JSON objects, a newline behind each."""
    if not len(columns):
        return pa.array([], pa.string())
    cells = dict(zip(columns.column_names, columns.columns, strict=True))
    found = run_over(f"SELECT {text_line_sql(names)} AS line FROM texts", **cells)["line"]
    return pc.cast(found.combine_chunks(), pa.string())


def _refused(file: int, fault: Fault) -> Refused:
    return Refused(file, fault.offset, fault.rule, fault.reason, fault.raw)
