"""Writing a query's answer to a file, in the format that the file's name asks for."""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from a360.cli._output import output
from a360.errors import UsageError
from a360.trust.gateway import write_csv, write_json


def export(table: pa.Table, path: Path) -> None:
    """Write the whole table to `path`, or nothing: an interrupted write leaves what was there.

    Raises:
        UsageError: usage, where the name's ending is none of those known.
        OperatorError: input-missing, where the file cannot be written.

    """
    writer = _writer(path)
    with output(path) as stream:
        writer(table, stream)


def require_known_ending(path: Path) -> None:
    """Raise where `export` could not write this file, before the query is run for nothing."""
    _writer(path)


def _writer(path: Path) -> Callable[[pa.Table, IO[bytes]], None]:
    try:
        return _WRITERS[path.suffix.lower()]
    except KeyError:
        raise UsageError(
            "usage",
            "The ending of the file's name says no format",
            where=f"--output {path}",
            found=path.suffix or "no ending",
            next_step=f"end it in one of {', '.join(_WRITERS)}",
        ) from None


def _write_csv(table: pa.Table, stream: IO[bytes]) -> None:
    write_csv(table.to_reader(), stream)


def _write_json(table: pa.Table, stream: IO[bytes]) -> None:
    write_json(table.to_reader(), stream)


def _write_parquet(table: pa.Table, stream: IO[bytes]) -> None:
    pq.write_table(table, stream, compression="zstd")


def _write_arrow(table: pa.Table, stream: IO[bytes]) -> None:
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)


_WRITERS: MappingProxyType[str, Callable[[pa.Table, IO[bytes]], None]] = MappingProxyType(
    {".csv": _write_csv, ".parquet": _write_parquet, ".json": _write_json, ".arrow": _write_arrow}
)
