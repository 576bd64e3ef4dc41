"""How DuckDB reads files of resources, and which line of them is at fault."""

import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import zstandard

from a360.contract import quote_text
from a360.errors import DataError
from a360.fhir._struct import StructNode

# What names the type of a resource, and what the scan says of a line that has none.
TYPE = "resourceType"
NO_RESOURCE = "a line of the input is no FHIR resource"
# The longest line that is read, as at ingest.
LINE_BYTES = 16 << 20

_LINES_AT_ONCE = 1_000
_TOO_LONG = f"more than {LINE_BYTES >> 20} MB; a resource of that size is mostly an attachment"
_NEXT = "mend or remove it; `a360 ingest fhir` quarantines such lines and goes on"


def scan_sql(files: Iterable[Path], struct: StructNode) -> str:
    """A SELECT of the column `resource` over the lines of files that hold one type of resources.

    Every column has its type, so that nothing is inferred; an element of another shape is NULL. A line that
    is broken, or no resource, ends the query.
    """
    types = {TYPE: "VARCHAR"} | {name: child.duckdb_type() for name, child in struct.children.items()}
    columns = ", ".join(f"{quote_text(name)}: {quote_text(kind)}" for name, kind in types.items())
    listed = ", ".join(quote_text(str(path)) for path in files)
    fields = ", ".join(f'{quote_text(name)}: "{name}"' for name in struct.children)
    return (
        f"SELECT {{{fields}}} AS resource FROM read_json([{listed}], columns = {{{columns}}}, "
        "format = 'newline_delimited', auto_detect = false, ignore_errors = true, hive_partitioning = false, "
        f"maximum_object_size = {LINE_BYTES}) "
        f'WHERE CASE WHEN "{TYPE}" IS NULL THEN error({quote_text(NO_RESOURCE)}) '
        f'ELSE "{TYPE}" = {quote_text(struct.type)} END'
    )


def faulty_line(files: Iterable[Path], session: duckdb.DuckDBPyConnection) -> DataError:
    """The first line that is no resource, as an error that says where it is and nothing of what it holds."""
    where, problem = "", ""
    for path in files:
        found = _first_fault(path, session)
        if found is not None:
            where, problem = f"{path}, line {found[0]}", found[1]
            break
    return DataError(
        "input-refused",
        "A line of the input is no FHIR resource",
        where=where,
        found=problem,
        next_step=_NEXT,
    )


def _first_fault(path: Path, session: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    """The number of the first line at fault and what is wrong with it, judged by the parser of the scan.

    Where all are sound, it is the first that is longer than what the scan promises to read.
    """
    before, too_long = 0, None
    with _opened(path) as stream:
        while lines := _some_lines(stream):
            texts, problem = _decoded(lines)
            fault = _judged(texts, session) or ((len(texts), problem) if problem else None)
            if fault is not None:
                return before + fault[0] + 1, fault[1]
            if too_long is None and max(map(len, lines)) > LINE_BYTES:
                place = next(n for n, line in enumerate(lines) if len(line) > LINE_BYTES)
                too_long = before + place + 1, _TOO_LONG
            before += len(lines)
    return too_long


def _some_lines(stream: IO[bytes]) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    while size < LINE_BYTES and len(lines) < _LINES_AT_ONCE and (line := stream.readline(2 * LINE_BYTES)):
        lines.append(line)
        size += len(line)
    return lines


def _decoded(lines: Iterable[bytes]) -> tuple[list[str], str]:
    """The lines as text up to the first that cannot be, and why it cannot."""
    texts: list[str] = []
    for line in lines:
        if len(line) == 2 * LINE_BYTES:
            return texts, _TOO_LONG
        try:
            texts.append(line.decode())
        except UnicodeDecodeError:
            return texts, "bytes that are no UTF-8"
    return texts, ""


def _judged(texts: list[str], session: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    lines = pa.table(
        {"position": pa.array(range(len(texts)), pa.int64()), "line": pa.array(texts, pa.string())}
    )
    session.register("lines", lines)
    problem = (
        "CASE WHEN starts_with(line, chr(65279)) THEN 'a byte order mark, which JSON must not have' "
        "WHEN NOT json_valid(line) THEN 'broken JSON' WHEN json_type(line) <> 'OBJECT' THEN 'JSON that is "
        f"no object' WHEN json_extract_string(line, '$.{TYPE}') IS NULL THEN 'an object without {TYPE}' END"
    )
    session.execute(
        f"SELECT position, problem FROM (SELECT position, {problem} AS problem FROM lines "
        "WHERE regexp_matches(line, '[^ \\t\\r\\n]')) WHERE problem IS NOT NULL ORDER BY position LIMIT 1"
    )
    return session.fetchone()


def _opened(path: Path) -> IO[bytes]:
    match path.suffix.lower():
        case ".gz":
            return gzip.open(path)  # type: ignore[return-value]
        case ".zst":
            frames = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True)
            return io.BufferedReader(frames)
        case _:
            return path.open("rb")
