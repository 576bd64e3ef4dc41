"""Commands that look at views: compile, lint and explain. None of them reads data."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import plain
from a360.cli._view_source import view_name, view_text
from a360.errors import ContractError
from a360.fhir import CompiledView, Dialect, Explanation, check_view, compile_view, explain_view


def compile_(face: Face, name: str, dialect: Dialect) -> int | None:
    """Print the SQL, or with --json all that a program needs to run it."""
    compiled = compile_view(view_text(face, name), dialect)
    if face.as_json:
        face.emit({"view": view_name(name), **_compiled(compiled)})
    else:
        # As it stands where it is piped; a literal must not command a terminal.
        lines = compiled.sql.split("\n")
        sys.stdout.writelines(f"{plain(line) if sys.stdout.isatty() else line}\n" for line in lines)
        _note_stops(face, compiled.may_stop)
    return None


def _compiled(compiled: CompiledView) -> dict[str, Any]:
    return {
        "dialect": compiled.dialect,
        "sql": compiled.sql,
        "schema": [
            {
                "name": column.name,
                "fhir_type": column.fhir_type,
                "sql_type": column.sql_type,
                "collection": column.collection,
            }
            for column in compiled.schema
        ],
        "struct": _struct(compiled),
        "sources": list(compiled.sources),
        "resource_type": compiled.resource_type,
        "may_stop": list(compiled.may_stop),
    }


def _struct(compiled: CompiledView) -> str:
    node = compiled.struct
    types = {"duckdb": node.duckdb_type, "spark": node.spark_type, "trino": node.trino_type}
    return types[compiled.dialect]()


def lint(face: Face, names: Sequence[str]) -> int | None:
    """List every fault of every view, and as warnings the columns that may stop a query."""
    found = [finding for name in names for finding in _findings(face, name)]
    faults = sum(finding["severity"] == "error" for finding in found)
    views = f"{len(names)} view{'' if len(names) == 1 else 's'}"
    summary = f"{faults or 'no'} fault{'' if faults == 1 else 's'} in {views}"
    warnings = len(found) - faults
    if warnings:
        summary += f", {warnings} warning{'' if warnings == 1 else 's'}"
    face.emit(found, *(Text(line) for each in found for line in _lines(each)), summary)
    return ContractError.exit_code if faults else None


def _findings(face: Face, name: str) -> Iterator[dict[str, str]]:
    text = view_text(face, name)
    faults = check_view(text)
    for fault in faults:
        yield {
            "view": name,
            "severity": "error",
            "pointer": fault.pointer,
            "found": fault.found,
            "allowed": fault.allowed,
        }
    if faults:
        return
    for column in explain_view(text).columns:
        if column.may_stop:
            yield {
                "view": name,
                "severity": "warning",
                "pointer": next(iter(column.sources)),
                "found": f"{column.name} stops a run where a resource has several values for it",
                "allowed": 'first(), or "collection": true',
            }


def _lines(finding: dict[str, str]) -> Iterator[str]:
    where = f"{finding['view']}#{finding['pointer']}"
    yield plain(f"{finding['severity']}: {where}: {finding['found']}; {finding['allowed']}")


def explain(face: Face, name: str) -> int | None:
    """Show rows, columns and paths."""
    found = explain_view(view_text(face, name))
    face.emit(
        found.to_json(),
        Text("Rows", style="bold"),
        *(Text(f"  {plain(line)}") for line in found.row_lines()),
        _columns(found),
        Text("Reads, and nothing else", style="bold"),
        Text(f"  {found.resource_type}"),
        *(Text(f"  {plain(line)}") for line in found.tree_lines()),
    )
    _note_stops(face, [column.name for column in found.columns if column.may_stop])
    return None


def _columns(found: Explanation) -> Table:
    body = [
        [
            column.name,
            f"{column.fhir_type}{' []' if column.collection else ''}",
            *column.types.values(),
            " | ".join(column.paths),
        ]
        for column in found.columns
    ]
    names = ["column", "FHIR type", "DuckDB", "Spark", "Trino", "path"]
    return render.grid(names, body, title="Columns", widest=100)


def _note_stops(face: Face, names: Sequence[str]) -> None:
    if names:
        face.note(
            f"note: a resource with several values for {', '.join(names)} stops a run; "
            'first() or "collection": true would not'
        )
