"""The commands about certificates. What they do stands in `_certificate`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

certificate = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Hold what was handed out against its certificate."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(certificate, name="certificate")


@command(certificate)
def verify(
    face: Face,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="The folder of a release or export, or a certificate.")
    ],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The log's public key or its file (default: that of the lake)."
        ),
    ] = None,
) -> int | None:
    """Check signature, files and, of a release, its figures.

    With --key no lake is needed: whoever received it can check it.
    """
    from a360.cli import _certificate

    return _certificate.verify(face, path, key)
