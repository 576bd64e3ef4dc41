"""What the commands about de-identified texts do."""

from a360.cli import _render as render
from a360.cli._face import Face
from a360.errors import UsageError
from a360.trust.deid import METHODS


def notes(face: Face, method: str) -> int | None:
    """Bring the de-identified notes up to date, and say what a person has to look at."""
    known = {str(each): each for each in METHODS}
    if method not in known:
        raise UsageError(
            "usage", "There is no such method", found=method, next_step=f"use one of: {', '.join(known)}"
        )
    with face.lake() as lake, face.progress() as progress:
        reports = lake.deidentify_notes(known[method], progress)
    rows = [report.to_json() for report in reports]
    face.emit(
        rows,
        *render.steps(rows, face.out.width),
        render.committed(rows),
        'Next: a360 query "SELECT * FROM gold.note_review"',
    )
    return None
