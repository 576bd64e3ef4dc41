"""The commands about emergencies, in which the glass is broken. What they do stands in `_emergency`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face


class FindingName(StrEnum):
    """What a review may find."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


As = Annotated[
    str | None,
    typer.Option("--as", metavar="PRINCIPAL", help="Act as a user or a role, if the policy lets you."),
]
emergency = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Break the glass, and review who did."
)


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    app.add_typer(emergency, name="emergency")


@command(emergency)
def declare(
    face: Face,
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule of breakGlass in lake.yaml.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept sealed.")],
    minutes: Annotated[
        int | None,
        typer.Option("--minutes", metavar="N", min=1, help="How long (default: as long as the rule says)."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What the data is used for.")
    ] = None,
) -> int | None:
    """Declare an emergency: on record, for a while, and to be reviewed.

    Then `a360 query --emergency RULE` sees what the rule shows.
    """
    from a360.cli import _emergency

    return _emergency.declare(face, rule, reason, minutes, purpose)


@command(emergency, "list")
def list_(
    face: Face,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were reviewed, too.")] = False,
    principal: As = None,
) -> int | None:
    """List the emergencies that wait for review."""
    from a360.cli import _emergency

    return _emergency.list_(face, principal, every=every)


@command(emergency)
def review(
    face: Face,
    number: Annotated[str, typer.Argument(metavar="ID", help="The emergency, as `list` shows it.")],
    finding: Annotated[FindingName, typer.Option("--finding", help="What the review found.")],
    remark: Annotated[
        str, typer.Option("--remark", metavar="TEXT", help="What was looked at; it is kept sealed.")
    ],
    principal: As = None,
) -> int | None:
    """Close an emergency that somebody else declared."""
    from a360.cli import _emergency

    return _emergency.review(face, number, finding.value, remark, principal)
