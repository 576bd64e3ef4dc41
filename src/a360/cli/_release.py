"""What the command about releases does."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain
from a360.errors import UsageError

if TYPE_CHECKING:
    from a360.trust.release import ReleaseReport

_REFUSED = 4


def release(  # noqa: PLR0913 - one for each flag
    face: Face,
    dataset: str,
    output: Path | None,
    recipient: str | None,
    principal: str | None,
    purpose: str | None,
    form: Literal["parquet", "csv"],
    *,
    dry_run: bool,
) -> int | None:
    """Measure a release, and write it."""
    if dry_run == (output is not None):
        raise UsageError(
            "usage",
            "A release is written into a folder, or measured",
            next_step="name one of --output DIR and --dry-run",
        )
    with face.lake(principal=principal, purpose=purpose) as lake:
        if output is None:
            report = lake.releases.measure(dataset)
        else:
            report = lake.releases.write(dataset, output.expanduser(), recipient=recipient or "", form=form)
    _show(face, report)
    return None if report.passes else _REFUSED


def _show(face: Face, report: "ReleaseReport") -> None:
    figures = report.figures
    facts = {
        "method": report.profile,
        "rows": number(figures.rows),
        "patients": "unknown" if figures.patients is None else number(figures.patients),
        "rows left out": number(figures.suppressed_rows),
        "values taken out": number(figures.suppressed_values),
        "smallest class (k)": "no classes" if figures.k is None else number(figures.k),
        "values in a class (l)": "none sensitive" if figures.l is None else number(figures.l),
    }
    shown: list[object] = [render.grid(["of " + report.dataset, ""], [list(each) for each in facts.items()])]
    shown += [plain(f"REFUSED  {finding}") for finding in report.findings]
    if report.folder is not None:
        shown.append(plain(f"Wrote {', '.join(report.files)} to {report.folder}"))
    elif report.passes:
        shown.append(f"It may leave: a360 release {report.dataset} --output DIR --recipient NAME")
    face.emit(report.to_json(), *shown)  # type: ignore[arg-type]
