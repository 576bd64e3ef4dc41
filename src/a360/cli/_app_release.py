"""The command that lets gold datasets out. What it does stands in `_release`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face


class FormName(StrEnum):
    """The forms of files that leave."""

    PARQUET = "parquet"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    command(app)(release)


def release(  # noqa: PLR0913 - one for each flag
    face: Face,
    dataset: Annotated[
        str, typer.Argument(metavar="DATASET", help="A gold dataset that its contract makes a release.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="A new folder for the files.")
    ] = None,
    recipient: Annotated[
        str | None, typer.Option("--recipient", metavar="NAME", help="Who receives it; kept on record.")
    ] = None,
    principal: Annotated[
        str | None,
        typer.Option("--as", metavar="PRINCIPAL", help="Act as a user or a role, if the policy lets you."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What it is let out for.")
    ] = None,
    form: Annotated[FormName, typer.Option("--format", help="What is written.")] = FormName.PARQUET,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure what would leave; write nothing.")
    ] = False,
) -> int | None:
    """Let a dataset out, de-identified, with a certificate.

    What does not meet the method that the contract names is refused, by columns, rules and counts.
    """
    from a360.cli import _release

    return _release.release(face, dataset, output, recipient, principal, purpose, form.value, dry_run=dry_run)
