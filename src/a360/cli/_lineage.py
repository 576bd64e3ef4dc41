"""Lineage as a tree, as JSON or as a drawing, and what pending changes would affect."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from a360.cli._face import Face
from a360.cli._output import write_output
from a360.cli._text import listed, plain
from a360.contract import LakePlan, default_contracts, made_plan
from a360.errors import UsageError
from a360.lineage import Direction, Impact, LineageView, lineage_of, svg, tree

_SHOWN = 8


@dataclass(frozen=True)
class Asked:
    """What part of the lineage was asked for."""

    name: str | None
    up: bool = False
    down: bool = False
    depth: int | None = None
    every: bool = False

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions to look in: both, where none or both are named."""
        if self.up == self.down:
            return ("up", "down")
        return ("up",) if self.up else ("down",)


def lineage(face: Face, asked: Asked, output: Path | None, *, as_svg: bool) -> int | None:
    """Show the lineage; contracts are enough, so that it needs no lake."""
    if asked.name is None:
        raise UsageError(
            "usage",
            "lineage needs the NAME of a dataset or column",
            next_step="name one, as gold.visit_facts; or ask for --impact",
        )
    if as_svg and face.as_json:
        raise UsageError("usage", "--json and --svg are two forms of one answer", next_step="ask for one")
    view = lineage_of(_plan(face), asked.name, asked.directions, asked.depth, every=asked.every)
    if as_svg:
        _draw(face, view, output)
    else:
        face.emit(view.to_json(), "\n".join(plain(line) for line in tree(view)))
    return None


def impact(face: Face, asked: Asked) -> int | None:
    """Show what the pending changes would affect; a change without effect downstream is told as such."""
    if asked.name is not None:
        raise UsageError(
            "usage",
            "--impact looks at every pending change",
            found=asked.name,
            next_step="leave the NAME out",
        )
    with face.lake() as lake:
        found = lake.impact()
    lines = [plain(line) for each in found for line in _told(each)]
    nothing = "No pending change affects what is made from a table. 'a360 plan' lists all changes."
    face.emit([each.to_json() for each in found], "\n".join(lines) if lines else nothing)
    return None


def _told(change: Impact) -> Iterator[str]:
    yield f"{change.dataset}: {change.what}"
    if not change.affected:
        yield "  nothing downstream"
    for dataset in change.datasets:
        columns = change.columns(dataset)
        values = [each.column for each in columns if any(use.direct for use in change.affected[each])]
        others = [each.column for each in columns if each.column not in values]
        yield f"  {dataset}: {len(columns)} column{'' if len(columns) == 1 else 's'}"
        if values:
            yield f"    values: {listed(values, _SHOWN)}"
        if others:
            yield f"    through conditions, filters, joins and groups: {listed(others, _SHOWN)}"


def _plan(face: Face) -> LakePlan:
    settings = face.settings
    folder = settings.contracts or default_contracts()
    return made_plan(folder, settings.packs, settings.env, settings.cache).plan


def _draw(face: Face, view: LineageView, output: Path | None) -> None:
    drawing = svg(view)
    if output is None:
        sys.stdout.write(drawing)
        return
    path = write_output(output, drawing, private=False)
    face.emit(None, f"The lineage of {plain(view.dataset)} is in {plain(path)}")
