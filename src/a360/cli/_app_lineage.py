"""The command `lineage` with its flags. What it does stands in `_lineage`."""

# The body brings the SQL parser along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

_NAME = "A dataset, column or FHIR element: gold.visit_facts, gold.visit_facts.status, Patient.birthDate."


def register(app: typer.Typer) -> None:
    """Make the command one of an app."""

    @command(app)
    def lineage(  # noqa: PLR0913 - the flags of a command
        face: Face,
        name: Annotated[str | None, typer.Argument(metavar="NAME", help=_NAME)] = None,
        *,
        up: Annotated[bool, typer.Option("--up", help="Show only what it is made from.")] = False,
        down: Annotated[bool, typer.Option("--down", help="Show only what is made from it.")] = False,
        depth: Annotated[
            int | None, typer.Option("--depth", metavar="N", min=1, help="How many steps away at most.")
        ] = None,
        every: Annotated[
            bool, typer.Option("--all", help="Of a column, follow joins, groups, windows and order too.")
        ] = False,
        svg: Annotated[bool, typer.Option("--svg", help="Draw it, as SVG.")] = False,
        output: Annotated[
            Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the drawing to a file.")
        ] = None,
        impact: Annotated[
            bool, typer.Option("--impact", help="Show what the changes that 'plan' shows would affect.")
        ] = False,
    ) -> int | None:
        """Show what a dataset or column comes from and goes to."""
        from a360.cli import _lineage

        asked = _lineage.Asked(name, up=up, down=down, depth=depth, every=every)
        if impact:
            return _lineage.impact(face, asked)
        return _lineage.lineage(face, asked, output, as_svg=svg or output is not None)
