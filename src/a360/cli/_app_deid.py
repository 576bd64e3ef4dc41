"""The commands about de-identified texts. What they do stands in `_deid`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

deid = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Take identity out of texts.")


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    app.add_typer(deid, name="deid")


@command(deid)
def notes(
    face: Face,
    method: Annotated[
        str,
        typer.Option("--method", metavar="METHOD", help="surrogate, or redact: the type in brackets."),
    ] = "surrogate",
) -> int | None:
    """Bring gold.note_deidentified up to date: notes without what tells whose they are."""
    from a360.cli import _deid

    return _deid.notes(face, method)
