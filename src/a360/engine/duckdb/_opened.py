"""Which files DuckDB opens, and that they are what was committed.

DuckDB alone knows which files a query reads once its filters have been held against the bounds in the
manifests. Its log tells, so that no file is looked at that the query does not touch, and none is missed,
however the query came to it. What it opened is held against the ledger before a row leaves the session, and
before a commit: by then the system has the file in memory.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from a360.catalog import CheckedFiles
from a360.contract import quote_text

_ENTRIES = "duckdb_log_entries.csv"
_OPENED, _WRITTEN = '""op"":""OPEN""', '""op"":""WRITE""'
_MESSAGE = 4
_LONGEST = 16 * 1024 * 1024


class _Message(msgspec.Struct):
    path: str
    op: str


class OpenedFiles:
    """The files that one DuckDB opens.

    Its log goes to a file: kept in its memory, it would wait for itself where that runs short, as making
    room for the log by writing to disk is on the log.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, files: CheckedFiles | None, folder: Path
    ) -> None:
        self._connection = connection
        self._files = files
        self._folder = folder
        self._decode = msgspec.json.Decoder(_Message).decode
        self._number = 0
        if files is not None:
            self._begin()

    def _begin(self) -> None:
        """Log to a new file; each line is in it before DuckDB goes on."""
        self._number += 1
        self._log, self._read = self._folder / f"opened{self._number}" / _ENTRIES, 0
        self._connection.execute(
            "CALL enable_logging('FileSystem', storage = 'file', storage_buffer_size = 1, "
            f"storage_path = {quote_text(str(self._log.parent))})"
        )

    def expect(self, paths: Iterable[str]) -> None:
        """Files that no commit has brought yet are about to be read."""
        if self._files is not None:
            self._files.expect(paths)

    def require(self, *, ended: bool = True) -> None:
        """Return if what was opened since the last call is what was committed.

        Args:
            ended: Whether no statement is under way.

        Raises:
            DataError: `file-damaged`.
        """
        if self._files is None:
            return
        seen = [self._decode(message) for message in self._messages()]
        if ended and self._read > _LONGEST:
            self._connection.execute("CALL disable_logging()")
            self._log.unlink()
            self._begin()
        self._files.expect(each.path for each in seen if each.op == "WRITE")
        self._files.require({each.path for each in seen})

    def _messages(self) -> Iterator[str]:
        """What the log tells of files opened or written to since it was last read."""
        try:
            with self._log.open("rb") as log:
                log.seek(self._read)
                text = log.read()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        lines = whole.decode("utf-8", "surrogateescape").splitlines()
        told = (line for line in lines if _OPENED in line or _WRITTEN in line)
        yield from {row[_MESSAGE] for row in csv.reader(told)}

    def watched(self, rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        """The same stream, each batch of which leaves after what it was read from has been looked at."""
        if self._files is None:
            return rows

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                self.require(ended=False)
                yield batch
            self.require(ended=False)

        return pa.RecordBatchReader.from_batches(rows.schema, batches())
