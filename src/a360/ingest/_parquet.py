"""Parquet extracts: rows of any types, each a record of the type that the file's name says."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from a360.ingest._committed import RECORDS
from a360.ingest._extract import run_over
from a360.ingest._inputs import Input
from a360.ingest._record_reading import Books
from a360.ingest._record_rows import lines_of
from a360.ingest._rules import Refused, Rule
from a360.ingest._worked import Finished, Worked
from a360.records import Wrong, drift_of, listed, typed_line_sql

_ROWS = 50_000
# A row group is read in parts, so that a large one does not have to fit into memory at once.
_BUFFER_BYTES = 1 << 20


@dataclass(slots=True)
class ParquetPortion:
    """Rows of one file, from the one with the number `first`; or why it is refused."""

    file: int
    packed_bytes: int
    rows: pa.RecordBatch | None = None
    first: int = 0
    refused: list[Refused] = field(default_factory=list)


class ParquetReading:
    """Files of Parquet."""

    kind = "parquet"
    grounds = (RECORDS,)

    def __init__(self, books: Books) -> None:
        self._books = books

    def portions(self, chosen: Sequence[int]) -> Iterator[ParquetPortion | Finished]:
        """Read the chosen files one after the other."""
        for file in chosen:
            input_ = self._books.files[file]
            yield from self._rows(file, input_)
            yield Finished(file, input_.digest(), input_.bytes)

    def _rows(self, file: int, input_: Input) -> Iterator[ParquetPortion]:
        first, size = 0, input_.bytes
        place = pa.BufferReader(input_.content()) if input_.content else input_.path
        try:
            with pq.ParquetFile(place, buffer_size=_BUFFER_BYTES, pre_buffer=False) as parquet:
                refused = self._judged(file, parquet)
                if refused:
                    yield ParquetPortion(file, 0, refused=[refused])
                    return
                count = max(parquet.metadata.num_rows, 1)
                for rows in parquet.iter_batches(batch_size=self._batch_rows(parquet), use_threads=False):
                    if not first and (refused := self._books.retyped(file, partial(json_lines, rows), b"")):
                        yield ParquetPortion(file, 0, refused=[refused])
                        return
                    yield ParquetPortion(file, size * (first + len(rows)) // count, rows, first)
                    first += len(rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            # Arrow's message may hold bytes of the file.
            lost = f"row {first + 1} and all behind it" if first else "the file"
            reason = f"{lost} cannot be read as Parquet ({type(error).__name__})"
            rule = Rule.BROKEN_FILE if first else Rule.UNKNOWN_FORMAT
            yield ParquetPortion(file, 0, refused=[Refused(file, first, rule, reason, b"")])

    def _batch_rows(self, parquet: pq.ParquetFile) -> int:
        """How many rows make a portion: as many as fit its size, as far as the file tells."""
        data = parquet.metadata
        plain = sum(data.row_group(at).total_byte_size for at in range(data.num_row_groups))
        rows: int = self._books.limits.chunk_bytes * max(data.num_rows, 1) // max(plain, 1)
        return min(max(rows, 100), _ROWS)

    def _judged(self, file: int, parquet: pq.ParquetFile) -> Refused | None:
        names = parquet.schema_arrow.names
        again = sorted(name for name, times in Counter(names).items() if times > 1)
        head = "\n".join(str(each) for each in names).encode()[: self._books.limits.kept_bytes]
        if again:
            reason = f"columns stand in it twice: {listed(again)}"
            return Refused(file, 0, Wrong.DUPLICATE_COLUMNS, reason, head)
        return self._books.drifted(file, drift_of(self._books.receptions[file], names), head)

    def work(self, portion: ParquetPortion) -> tuple[Worked, ...]:
        """Turn rows into records."""
        payloads = pa.array([], pa.string()) if portion.rows is None else json_lines(portion.rows)
        places = portion.first + np.arange(len(payloads))
        no_lines = np.zeros(len(payloads), dtype=np.int64)
        lines = lines_of(payloads, portion.file, places, no_lines)
        return self._books.worked(lines, read=len(payloads) + len(portion.refused), refused=portion.refused)


def json_lines(rows: pa.RecordBatch) -> pa.Array:
    """Rows as JSON objects, a newline behind each."""
    if not len(rows):
        return pa.array([], pa.string())
    names = [f"c{at}" for at in range(rows.num_columns)]
    found = run_over(
        f"SELECT {typed_line_sql(rows.schema)} AS line FROM texts",
        **dict(zip(names, rows.columns, strict=True)),
    )
    return pc.cast(found["line"].combine_chunks(), pa.string())
