"""Commands that move data: ingest, run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from a360.cli import _render as render
from a360.cli._ending import tidy_when_ended
from a360.cli._face import Face, require_path
from a360.cli._vocabulary_notes import vocabulary_notes
from a360.errors import UsageError
from a360.lake import KINDS, RECORD_KINDS


def ingest(
    face: Face, kind: str, paths: Sequence[Path], source: str | None, record: str | None
) -> int | None:
    """Bring files in; rejected rows are in quarantine and no failure."""
    paths = [path.expanduser() for path in paths]
    _require_input(kind, paths)
    if record is not None and kind not in RECORD_KINDS:
        raise UsageError(
            "usage",
            f"Data of the kind {kind} says itself what it is",
            found=f"--record {record}",
            next_step=f"leave --record out; it is for {', '.join(RECORD_KINDS)}",
        )
    with face.lake(create=True) as lake, face.progress() as progress:
        report = lake.ingest(paths, kind, source, progress=progress, record=record)
    _show_steps(face, report.to_json(), *report.remarks, "Next: a360 run")
    return None


def _require_input(kind: str, paths: Sequence[Path]) -> None:
    """Raise before a lake is made: a misspelt word is to leave nothing behind."""
    if kind not in KINDS:
        raise UsageError(
            "usage", "There is no such KIND of data", found=kind, next_step=f"use one of: {', '.join(KINDS)}"
        )
    require_path(paths)


def run(face: Face, datasets: Sequence[str], engine: str, *, full: bool) -> int | None:
    """Refine; a step that fails raises, so that what is reported here has been committed."""
    with face.lake() as lake, face.progress() as progress, tidy_when_ended():
        report = lake.run(*datasets, engine=engine, full=full, progress=progress)
        told = report.to_json()
        notes = vocabulary_notes(lake, {step["dataset"] for step in told})
    _show_steps(face, told, "Next: a360 check")
    for note in notes:
        face.note(note)
    return None


def _show_steps(face: Face, rows: Sequence[dict[str, Any]], *after: str) -> None:
    face.emit(
        rows,
        *render.steps(rows, face.out.width),
        *render.reconciled(rows),
        *render.rejected(rows),
        *render.ways(rows),
        render.committed(rows),
        *after,
    )
