"""Data files of a table, written by Spark's workers with Arrow, as rows come.

Not by Spark's own writer: that moves files about when a task ends, knows no field ids inside lists, and needs
Hadoop's own access to where the table lies.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import PyArrowFileIO

_ROW_GROUP_BYTES = 32 * 1024 * 1024

WRITTEN = pa.schema([("path", pa.string()), ("rows", pa.int64()), ("partition", pa.list_(pa.string()))])


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes batches as files and tells of each: its path, its rows, and its partition's values as texts.

    The last `parts` columns of a batch are its rows' partition values, and rows of one lie together. A task
    that is run again writes files anew; those of the first try are nobody's, and `collect` finds them.
    """

    folder: str
    prefix: str
    schema: pa.Schema
    parts: int
    target_bytes: int
    properties: dict[str, str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Write batches."""
        access, open_file = PyArrowFileIO(self.properties), None
        for batch in batches:
            for values, rows in self._pieces(batch):
                if open_file is not None and (
                    open_file.values != values or open_file.bytes >= self.target_bytes
                ):
                    yield open_file.close()
                    open_file = None
                if open_file is None:
                    path = f"{self.folder}/{self.prefix}-{uuid.uuid4()}.parquet"
                    open_file = _OpenFile(access, path, self.schema, values)
                open_file.add(rows)
        if open_file is not None:
            yield open_file.close()

    def _pieces(self, batch: pa.RecordBatch) -> Iterator[tuple[list[str | None], pa.RecordBatch]]:
        """A batch cut where the partition changes."""
        width = batch.num_columns - self.parts
        rows = batch.select(range(width))
        keys = batch.columns[width:]
        for start, stop in _runs(keys, batch.num_rows):
            yield [_text(each[start].as_py()) for each in keys], rows.slice(start, stop - start)


class _OpenFile:
    """A file that is being written, a row group at a time."""

    def __init__(
        self, access: PyArrowFileIO, path: str, schema: pa.Schema, values: Sequence[str | None]
    ) -> None:
        self.values = values
        self._path = path
        self._schema = schema
        self._stream = access.new_output(path).create()
        self._writer = pq.ParquetWriter(
            self._stream, schema, compression="zstd", store_decimal_as_integer=True, store_schema=False
        )
        self._rows = 0
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0

    @property
    def bytes(self) -> int:
        """What has been written of it."""
        return int(self._stream.tell())

    def add(self, rows: pa.RecordBatch) -> None:
        """Take rows in."""
        self._held.append(rows.cast(self._schema))
        self._held_bytes += rows.get_total_buffer_size()
        self._rows += rows.num_rows
        if self._held_bytes >= _ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            group = pa.Table.from_batches(self._held, self._schema)
            self._writer.write_table(group, row_group_size=max(group.num_rows, 1))
        self._held, self._held_bytes = [], 0

    def close(self) -> pa.RecordBatch:
        """End the file; what is told of it."""
        self._flush()
        self._writer.close()
        self._stream.close()
        return pa.RecordBatch.from_pylist(
            [{"path": self._path, "rows": self._rows, "partition": self.values}], schema=WRITTEN
        )


def _runs(keys: Sequence[pa.Array], rows: int) -> Iterator[tuple[int, int]]:
    """Where rows of equal keys begin and end."""
    changes = np.zeros(max(rows - 1, 0), dtype=bool)
    for each in keys:
        codes = pc.dictionary_encode(each, null_encoding="encode").indices.to_numpy(zero_copy_only=False)
        changes |= codes[1:] != codes[:-1]
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()] if rows else []
    yield from zip(starts, [*starts[1:], rows], strict=True)


def _text(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
