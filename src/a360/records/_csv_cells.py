"""From rows of CSV to columns of text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from a360.records._csv import Fault, Form, Rows, Wrong, parse_row
from a360.records._text import as_received, is_utf8, joined


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of rows as columns of text, in the header's order; `rows` are those that have them all."""

    columns: pa.Table
    rows: Rows
    faults: list[Fault]


def cells_of(rows: Rows, width: int, form: Form, kept_bytes: int) -> Cells:
    """Take rows apart; those that are no text, or have too many or too few cells, become faults."""
    reading = _Reading(rows, width, form, kept_bytes)
    reading.leave_out_what_is_no_text()
    return reading.cells()


class _Reading:
    def __init__(self, rows: Rows, width: int, form: Form, kept_bytes: int) -> None:
        self._rows = rows
        self._width = width
        self._form = form
        self._kept_bytes = kept_bytes
        self._faults: list[Fault] = []

    def leave_out_what_is_no_text(self) -> None:
        rows = self._rows
        if not is_utf8(rows.text):
            wrong = [place for place in range(len(rows)) if not _decodes(rows.raw(place))]
            self._refuse(wrong, Wrong.ENCODING, f"bytes that are not {self._form.encoding}")
        rows = self._rows
        nul = np.flatnonzero(rows.text == 0)
        if len(nul):
            at = np.searchsorted(rows.starts, nul, side="right") - 1
            inside = (at >= 0) & (nul < rows.ends[at])
            self._refuse(np.unique(at[inside]).tolist(), Wrong.NUL, "NUL bytes")

    def cells(self) -> Cells:
        rows, width = self._rows, self._width
        table, ragged = _parsed(rows, width, self._form) if len(rows) else (_none(width), {})
        if table is None:
            table, ragged = _one_by_one(rows, width, self._form)
        if ragged:
            mask = np.ones(len(rows), dtype=np.bool_)
            for place, count in ragged.items():
                mask[place] = False
                told = f"{count} cell{'' if count == 1 else 's'}, the header has {width}"
                self._faults.append(self._fault(place, Wrong.RAGGED, told))
            rows = _kept(rows, mask)
        return Cells(table, rows, self._faults)

    def _refuse(self, places: Sequence[int], rule: Wrong, reason: str) -> None:
        if not places:
            return
        mask = np.ones(len(self._rows), dtype=np.bool_)
        for place in places:
            mask[place] = False
            self._faults.append(self._fault(place, rule, reason))
        self._rows = _compact(_kept(self._rows, mask))

    def _fault(self, place: int, rule: Wrong, reason: str) -> Fault:
        rows = self._rows
        line = int(rows.lines[place])
        raw = as_received(rows.raw(place)[: self._kept_bytes], self._form.encoding)
        return Fault(rule, f"line {line}: {reason}", int(rows.offsets[place]), line, raw)


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _kept(rows: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    arrays = {name: getattr(rows, name)[mask] for name in ("starts", "ends", "lines", "offsets")}
    return replace(rows, **arrays)


def _compact(rows: Rows) -> Rows:
    """The same rows over a text that holds them alone, a line break behind each."""
    text, starts, ends = joined([rows.raw(place) for place in range(len(rows))])
    return replace(rows, text=text, starts=starts, ends=ends)


def _names(width: int) -> list[str]:
    return [f"c{at}" for at in range(width)]


def _none(width: int) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in _names(width)})


def _parsed(rows: Rows, width: int, form: Form) -> tuple[pa.Table | None, dict[int, int]]:
    """The cells, and how many each ragged row has by its place; no cells where two readers see other rows."""
    names, ragged = _names(width), dict[int, int]()

    def note(row: pa.csv.InvalidRow) -> str:
        ragged[row.number - 1] = row.actual_columns
        return "skip"

    text = rows.text[rows.starts[0] : rows.ends[-1] + 1]
    table = pa.csv.read_csv(
        pa.BufferReader(pa.py_buffer(text)),
        pa.csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
        pa.csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote or False,
            newlines_in_values=True,
            invalid_row_handler=note,
        ),
        pa.csv.ConvertOptions(
            check_utf8=False, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    agrees = len(table) + len(ragged) == len(rows)
    return (table if agrees else None), ragged


def _one_by_one(rows: Rows, width: int, form: Form) -> tuple[pa.Table, dict[int, int]]:
    columns: list[list[str]] = [[] for _ in range(width)]
    ragged = {}
    for place in range(len(rows)):
        cells = parse_row(rows.raw(place).decode(), form)
        if len(cells) == width:
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
        else:
            ragged[place] = len(cells)
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.table(arrays, names=_names(width)), ragged
