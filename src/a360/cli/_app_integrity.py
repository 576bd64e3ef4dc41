"""The command that verifies a lake."""

# The body brings engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    command(app)(verify)


def verify(
    face: Face,
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TABLE]...", help="The tables (default: all, with keys and audit log)."),
    ] = None,
    *,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="Read N files, drawn at random.")
    ] = None,
) -> int | None:
    """Read all files again, and name each that is not what was committed.

    Exit code 4 if there is one; what brings it back is told with it.
    """
    from a360.cli import _integrity

    return _integrity.verify(face, tables or [], sample)
