"""The commands about attachments. What they do stands in `_attachments`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

attachments = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Take files out of the lake.")


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    app.add_typer(attachments, name="attachments")


@command(attachments)
def get(
    face: Face,
    attachment: Annotated[
        str, typer.Argument(metavar="ID", help="The attachment, as silver.attachment has it.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Its source, where several have one of this id."),
    ] = None,
    *,
    received: Annotated[
        bool, typer.Option("--received", help="As it was received, with what its maker wrote into it.")
    ] = False,
) -> int | None:
    """Write an attachment's file, proven to be the one that was stored."""
    from a360.cli import _attachments

    return _attachments.get(face, attachment, output, source, received=received)


@command(attachments, "list")
def list_(
    face: Face,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many to show.")] = 20,
) -> int | None:
    """List the newest attachments, and whether their files are there."""
    from a360.cli import _attachments

    return _attachments.list_all(face, limit)
