"""The commands that take patients out of a lake, and those that keep them in. What they do is in `_erase`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

Source = Annotated[
    str, typer.Option("--source", metavar="NAME", help="The source that the ids of --id are of.")
]
Ids = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="ID", help="A patient by the id of a source; repeatable. It is not kept."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app)(erase)
    command(app)(retention)
    hold = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keep patients' data for a matter.")
    app.add_typer(hold, name="hold")
    command(hold, "add")(hold_add)
    command(hold, "list")(hold_list)
    command(hold, "release")(hold_release)


def erase(  # noqa: PLR0913 - options of one command
    face: Face,
    patients: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATIENT_KEY]...", help="The patients, as patient_key has them."),
    ] = None,
    ids: Ids = None,
    source: Source = "default",
    cause: Annotated[
        str, typer.Option("--cause", metavar="TEXT", help="What for: the number of a request, and no name.")
    ] = "request",
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what goes for good, and do it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Complete erasures that were cut short.")] = False,
) -> int | None:
    """Take patients out of the lake for good: every row, sealed line, file and past state, and their keys.

    Without --yes it says what would go, and changes nothing. Records that were merged go together.
    """
    from a360.cli import _erase

    if resume:
        return _erase.resume(face)
    return _erase.erase(face, patients or (), ids or (), source, cause, yes=yes and not dry_run)


def retention(
    face: Face,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what goes for good, and do it.")] = False,
) -> int | None:
    """Let go of rows and snapshots that are older than their contracts keep them.

    Without --yes it says which rows would go, and changes nothing. Legal holds win.
    """
    from a360.cli import _erase

    return _erase.retention(face, yes=yes)


def hold_add(
    face: Face,
    matter: Annotated[
        str, typer.Option("--matter", metavar="TEXT", help="What for: the number of a case, and no name.")
    ],
    patient: Annotated[
        str | None, typer.Argument(metavar="[PATIENT_KEY]", help="The patient, as patient_key has them.")
    ] = None,
    ids: Ids = None,
    source: Source = "default",
) -> int | None:
    """Hold a patient's data: nothing erases it while the hold stands."""
    from a360.cli import _erase

    return _erase.hold_add(face, [patient] if patient else [], ids or (), source, matter)


def hold_list(
    face: Face,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
) -> int | None:
    """List the holds that stand."""
    from a360.cli import _erase

    return _erase.hold_list(face, released=all_)


def hold_release(
    face: Face, hold: Annotated[str, typer.Argument(metavar="HOLD", help="The hold, by its id.")]
) -> int | None:
    """Release a hold, once its matter is closed."""
    from a360.cli import _erase

    return _erase.hold_release(face, hold)
