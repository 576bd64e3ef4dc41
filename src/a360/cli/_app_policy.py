"""The commands about the policy: `grants` and `policy`. What they do stands in `_policy` and `_carriers`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

grants = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See who may see what, and why.")
policy = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Try the policy.")
Purpose = Annotated[
    str | None, typer.Option("--purpose", metavar="NAME", help="What for (default: every purpose they have).")
]


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    app.add_typer(grants, name="grants")
    app.add_typer(policy, name="policy")


@command(grants)
def explain(
    face: Face,
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="A user or a role of lake.yaml.")],
    table: Annotated[
        str, typer.Argument(metavar="TABLE[.COLUMN]", help="A table, as gold.patient_360, or a column of it.")
    ],
    purpose: Purpose = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="An attribute to try; may be repeated."),
    ] = None,
) -> int | None:
    """Show what somebody sees of a table, and every rule that decided it."""
    from a360.cli import _policy

    return _policy.explain(face, principal, table, purpose, attribute or [])


@command(grants)
def review(
    face: Face,
    table: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="A table, as gold.patient_360 (default: all).")
    ] = None,
) -> int | None:
    """Show who can see what, and what of the policy deserves a look."""
    from a360.cli import _policy

    return _policy.review(face, table)


@command(grants)
def carriers(
    face: Face,
    principal: Annotated[
        str | None,
        typer.Argument(metavar="[PRINCIPAL]", help="One of those listed (default: all of them)."),
    ] = None,
) -> int | None:
    """Show what carries the policy to Lake Formation and Athena.

    With --json it is all there, the SQL of masked views included.
    """
    from a360.cli import _carriers

    return _carriers.carriers(face, principal)


@command(grants)
def drift(face: Face) -> int | None:
    """Show where Lake Formation differs from the policy, for an environment on AWS.

    Exits 5 where it does.
    """
    from a360.cli import _lake_formation

    return _lake_formation.drift(face)


@command(grants)
def apply(
    face: Face,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Make the changes (default: show them).")] = False,
) -> int | None:
    """Bring Lake Formation to what the policy says: what is granted besides is taken back."""
    from a360.cli import _lake_formation

    return _lake_formation.apply(face, yes=yes)


@command(grants)
def masks(face: Face) -> int | None:
    """Write what masked views on AWS look up, for an environment on AWS.

    Values that came since show as nothing there until it is run again.
    """
    from a360.cli import _lake_formation

    return _lake_formation.masks(face)


@command(policy, "test")
def run_examples(
    face: Face,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The examples (default: policy_tests.yaml beside lake.yaml)."),
    ] = None,
) -> int | None:
    """Ask the policy what its examples ask, and compare."""
    from a360.cli import _policy

    return _policy.test(face, file)
