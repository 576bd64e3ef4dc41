"""Scores over time as a small drawing that says in words what it shows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

_ROOM = 4.0
_SPAN = 2.0
_BEST = 100.0


def chart(series: Sequence[tuple[datetime, float | None]], about: str, *, width: int, height: int) -> str:
    """A line of scores as SVG, each as far from the last as the next: runs, not hours, are its steps.

    The scale ends at 100 and begins a little under the lowest score, so that small losses can be seen; what
    it spans is said in the title.
    """
    points = [(when, score) for when, score in series if score is not None]
    if not points:
        return '<span class="soft">no measurement</span>'
    scores = [score for _, score in points]
    low = min([*scores, 100.0 - _SPAN])
    step = (width - 2 * _ROOM) / max(len(points) - 1, 1)
    rise = (height - 2 * _ROOM) / (100.0 - low)
    places = [(_ROOM + step * at, _ROOM + (100.0 - score) * rise) for at, score in enumerate(scores)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    (first_x, _), (last_x, last_y) = places[0], places[-1]
    base = height - _ROOM
    drawn = (
        f'<polygon class="area" points="{first_x:.1f},{base:.1f} {line} {last_x:.1f},{base:.1f}"/>'
        f'<polyline class="line" points="{line}"/>'
        if len(places) > 1
        else ""
    )
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(_words(points, about, low))}</title>"
        f'<line class="rule" x1="0" x2="{width}" y1="{_ROOM}" y2="{_ROOM}"/>{drawn}'
        f'<circle class="dot" cx="{last_x:.1f}" cy="{last_y:.1f}" r="3"/></svg>'
    )


def _words(points: Sequence[tuple[datetime, float]], about: str, low: float) -> str:
    (first, before), (last, now) = points[0], points[-1]
    if len(points) == 1:
        return f"{about}: {score_text(now)} on {_day(last)}"
    lowest = min(score for _, score in points)
    return (
        f"{about}: {score_text(before)} on {_day(first)}, {score_text(now)} on {_day(last)}, "
        f"lowest {score_text(lowest)}, {len(points)} measurements; the scale is {low:.2f} to 100"
    )


def score_text(score: float) -> str:
    """A score with two decimals, that never looks perfect where it is not."""
    return "100" if score >= _BEST else f"{min(score, 99.99):.2f}"


def _day(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d}"
