"""Commands that run views: run and test."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table
from rich.text import Text

from a360.cli import _render as render
from a360.cli._ending import tidy_when_ended
from a360.cli._face import Face
from a360.cli._output import write_output
from a360.cli._text import number, plain
from a360.cli._view_source import view_name, view_text
from a360.errors import DataError, UsageError
from a360.fhir import TestReport, run_view, run_view_tests, view_batches, view_columns

_ROWS_ON_SCREEN = 50
_PLACE = "{view}"
_NUMBERS = frozenset({"decimal", "integer", "integer64", "positiveInt", "unsignedInt"})


class Limits(TypedDict):
    """What a run may take of the machine."""

    memory_limit: str
    threads: int


def run(
    face: Face, names: Sequence[str], inputs: Sequence[Path], output: Path | None, engine: str
) -> int | None:
    """Run views into files, or one view onto the screen."""
    views = _views(face, names)
    inputs = [path.expanduser() for path in inputs]
    limits = Limits(memory_limit=face.settings.memory_limit, threads=face.settings.threads)
    if output is not None:
        outputs = {name: _place(output.expanduser(), name, many=len(views) > 1) for name in views}
        with tidy_when_ended():
            found = run_view(views, inputs, outputs, engine=engine, **limits)
        said = [f"{number(each.rows)} rows of {each.view} in {plain(each.output)}" for each in found]
        face.emit([each.to_json() for each in found], *map(Text, said))
        return None
    if len(views) > 1:
        raise UsageError(
            "usage",
            "Several views have no place on one screen",
            found=", ".join(views),
            next_step=f"name one view, or files for all of them: --output '{_PLACE}.parquet'",
        )
    [view] = views.values()
    if face.as_json:
        _write_lines(view_batches(view, inputs, engine=engine, as_json=True, **limits))
    else:
        _show(face, view, view_batches(view, inputs, engine=engine, **limits))
    return None


def _views(face: Face, names: Sequence[str]) -> dict[str, str]:
    views: dict[str, str] = {}
    for name in names:
        short = view_name(name)
        if short in views:
            raise UsageError("usage", "Two views have the same name", found=short)
        views[short] = view_text(face, name)
    return views


def _place(output: Path, name: str, *, many: bool) -> Path:
    if many and _PLACE not in str(output):
        raise UsageError(
            "usage",
            "Several views cannot be written to one file",
            where=f"--output {output}",
            next_step=f"write {_PLACE} where the name of each view shall stand: --output '{_PLACE}.parquet'",
        )
    return Path(str(output).replace(_PLACE, name))


def _write_lines(batches: Iterator[pa.RecordBatch]) -> None:
    """Write rows that are JSON already, a line each."""
    for batch in batches:
        rows = batch.column(0)
        lines = pc.binary_join(pa.ListArray.from_arrays([0, len(rows)], rows), "\n")
        sys.stdout.write(f"{lines[0].as_py()}\n")


def _show(face: Face, view: str, batches: Iterator[pa.RecordBatch]) -> None:
    """Show the first rows, and say how many there are."""
    columns = view_columns(view)
    shown: list[dict[str, Any]] = []
    total = 0
    for batch in batches:
        shown += batch.slice(0, max(_ROWS_ON_SCREEN - len(shown), 0)).to_pylist()
        total += batch.num_rows
    rows = [{name: _cell(value) for name, value in row.items()} for row in shown]
    numeric = {column.name for column in columns if column.fhir_type in _NUMBERS}
    table = render.answer([column.name for column in columns], rows, numeric)
    said = f"{number(total)} row{'' if total == 1 else 's'}"
    if total > len(rows):
        said = f"The first {len(rows)} of {said}; --output FILE writes all of them"
    face.emit(None, table, said)


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def test(face: Face, folder: Path, engine: str, report: Path | None) -> int | None:
    """Run the cases of test files; one that does not pass makes the command fail."""
    found = run_view_tests(folder.expanduser(), engine)
    if report is not None:
        write_output(report, json.dumps(found.official(), indent=2, ensure_ascii=False) + "\n", private=False)
    answer = {
        "passed": found.passed,
        "failed": found.failed,
        "files": [file.to_json() for file in found.files],
        "skipped": list(found.skipped),
    }
    notes = [f"No test file: {plain(', '.join(found.skipped))}"] if found.skipped else []
    if report is not None:
        notes.append(f"Report: {plain(report)}")
    face.emit(answer, _passes(found), *_failures(found), *map(Text, [_summary(found), *notes]))
    return DataError.exit_code if found.failed else None


def _passes(found: TestReport) -> Table:
    body = [[file.file, len(file.cases), file.passed, file.failed] for file in found.files]
    return render.grid(["file", "cases", "passed", "failed"], body)


def _failures(found: TestReport) -> list[Text]:
    return [
        Text(f"{plain(file.file)}: {plain(case.name)}\n  {plain(case.reason)}")
        for file in found.files
        for case in file.cases
        if not case.passed
    ]


def _summary(found: TestReport) -> str:
    total = found.passed + found.failed
    return f"{number(found.passed)} of {number(total)} case{'' if total == 1 else 's'} passed"
