"""The commands about the vault. What they do stands in `_vault`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

As = Annotated[
    str | None,
    typer.Option("--as", metavar="PRINCIPAL", help="Act as a user or a role, if the policy lets you."),
]
vault = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See to who patients are.")


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    command(app)(reveal)
    app.add_typer(vault, name="vault")


def reveal(
    face: Face,
    patients: Annotated[
        list[str], typer.Argument(metavar="PATIENT_KEY...", help="The patients, as patient_key has them.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept sealed.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME", help="What to learn (default: all you may); repeatable."),
    ] = None,
    *,
    history: Annotated[
        bool, typer.Option("--history", help="What was true once, too, and of records that were merged.")
    ] = False,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What the data is used for.")
    ] = None,
    principal: As = None,
) -> int | None:
    """Tell who patients are, if the policy lets you: on record, and so many in an hour."""
    from a360.cli import _vault

    return _vault.reveal(face, patients, reason, columns, purpose, principal, history=history)


@command(vault)
def status(face: Face) -> int | None:
    """Count the people whom the vault knows, and the keys that wait to be swept."""
    from a360.cli import _vault

    return _vault.status(face)


@command(vault)
def log(face: Face, *, principal: As = None) -> int | None:
    """List who learned who patients are, what for, and why."""
    from a360.cli import _vault

    return _vault.log(face, principal)
