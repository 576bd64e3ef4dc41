"""Commands that look: tables, show, query. None of them changes anything."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from a360.cli import _render as render
from a360.cli._ending import tidy_when_ended
from a360.cli._face import Face
from a360.cli._text import number, plain
from a360.errors import UsageError

if TYPE_CHECKING:
    from a360.lake import Lake

_ROWS_ON_SCREEN = 50


def tables(face: Face) -> int | None:
    """List the tables as they stand."""
    with face.lake() as lake:
        rows = [asdict(each) for each in lake.tables_info()]
    face.emit(rows, render.tables(rows))
    return None


def show(face: Face, name: str, rows: int) -> int | None:
    """Show the columns with their meaning, beside the values of a few rows."""
    from a360.trust.gateway import json_rows  # noqa: PLC0415 -- looking at tables asks nothing

    with face.lake() as lake:
        table = lake.lake_plan.table(name)
        sample = lake.query(f"SELECT * FROM {table.dataset} LIMIT {rows}")
    columns = [
        {"name": each.name, "type": each.type, "sensitivity": each.sensitivity, "description": each.doc}
        for each in table.columns
    ]
    values = list(json_rows(sample))
    face.emit(
        {"name": table.dataset, "description": table.doc, "columns": columns, "rows": values},
        f"{table.dataset}: {plain(table.doc)}",
        render.columns(columns),
        *([render.transposed(values)] if values else []),
    )
    return None


def query(  # noqa: PLR0913 -- a flag each
    face: Face,
    sql: str,
    output: Path | None = None,
    at: str | None = None,
    *,
    engine: str = "duckdb",
    principal: str | None = None,
    purpose: str | None = None,
    emergency: str | None = None,
    reason: str | None = None,
) -> int | None:
    """Answer on the screen, as JSON, or into a file, what a principal may see."""
    from a360.cli._export import export, require_known_ending  # noqa: PLC0415 -- as above
    from a360.trust.gateway import json_rows, write_json  # noqa: PLC0415 -- as above

    if output is not None:
        output = output.expanduser()
        require_known_ending(output)
    with face.lake(principal=principal, purpose=purpose, emergency=emergency, reason=reason) as lake:
        sql = sys.stdin.read() if sql == "-" else sql
        answer = lake.query(sql, at=at) if engine == "duckdb" else _asked_of_athena(face, lake, sql, at)
    if output is not None:
        export(answer, output)
        said = f"{number(answer.num_rows)} rows in {plain(output)}"
        face.emit({"output": str(output), "rows": answer.num_rows}, said)
    elif face.as_json:
        write_json(answer.to_reader(), sys.stdout.buffer)
    else:
        shown = list(json_rows(answer.slice(0, _ROWS_ON_SCREEN)))
        more = answer.num_rows - len(shown)
        tail = [f"{number(more)} rows more; --output FILE writes all of them"] if more else []
        face.emit(None, render.answer(answer.column_names, shown, _numeric(answer)), *tail)
    return None


def _asked_of_athena(face: Face, lake: "Lake", sql: str, at: str | None) -> pa.Table:
    """An answer of Athena; what it read, which is what it costs, is told beside it."""
    if at is not None:
        raise UsageError(
            "usage",
            "Athena is asked for tables as they are now",
            found=f"--at {at}",
            next_step="leave --at out, or --engine",
        )
    with tidy_when_ended():
        answer = lake.athena.query(sql)
    face.note(f"Athena read {number(answer.scanned_bytes)} bytes in {answer.seconds:.1f} s")
    return answer.rows


def _numeric(table: pa.Table) -> set[str]:
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return {each.name for each in table.schema if any(is_kind(each.type) for is_kind in kinds)}
