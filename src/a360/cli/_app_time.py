"""The commands about time: history, diff, rollback, tags, and files that time has left behind."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

Name = Annotated[str, typer.Argument(metavar="TABLE", help="A table, as gold.patient_360.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[TABLE]...", help="The tables (default: all of them).")
]
Tag = Annotated[str, typer.Argument(metavar="NAME", help="The tag; it begins with a letter, as v1.2.")]
_MOMENT = "a snapshot id, a time or a tag."


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app)(history)
    command(app)(diff)
    command(app)(rollback)
    tag = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Name states of tables for releases.")
    app.add_typer(tag, name="tag")
    command(tag, "create")(tag_create)
    command(tag, "list")(tag_list)
    command(tag, "remove")(tag_remove)
    command(app)(collect)


def history(
    face: Face,
    name: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="A table (default: all of them).")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many snapshots to show, of all tables.")
    ] = 50,
) -> int | None:
    """List what was committed, newest first."""
    from a360.cli import _time

    return _time.history(face, name, limit)


def diff(
    face: Face,
    name: Name,
    before: Annotated[str, typer.Argument(metavar="FROM", help=f"The earlier state: {_MOMENT}")],
    after: Annotated[
        str | None, typer.Argument(metavar="[TO]", help=f"The later state: {_MOMENT} (default: now)")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, max=10000, help="Rows to show of each change.")
    ] = 20,
) -> int | None:
    """Show which rows differ between two states of a table.

    Rows are matched by the table's key. Counts are exact, however few rows are shown.
    """
    from a360.cli import _time

    return _time.diff(face, name, before, after, limit)


def rollback(
    face: Face,
    name: Name,
    to: Annotated[str, typer.Argument(metavar="TO", help=f"The state to go back to: {_MOMENT}")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what is undone, and do it.")] = False,
) -> int | None:
    """Make an older state of a table current again.

    Without --yes it says what would be undone and what is computed from it, and changes nothing.
    """
    from a360.cli import _time

    return _time.rollback(face, name, to, yes=yes)


def tag_create(face: Face, tag: Tag, tables: Names = None) -> int | None:
    """Tag tables as they are now.

    A tagged snapshot does not expire, and `a360 query --at NAME` reads it.
    """
    from a360.cli import _time

    return _time.tag_create(face, tag, tables or [])


def tag_list(face: Face, tables: Names = None) -> int | None:
    """List the tags and what bears them."""
    from a360.cli import _time

    return _time.tag_list(face, tables or [])


def tag_remove(face: Face, tag: Tag, tables: Names = None) -> int | None:
    """Take a tag off tables."""
    from a360.cli import _time

    return _time.tag_remove(face, tag, tables or [])


def collect(
    face: Face,
    tables: Names = None,
    *,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them.")] = False,
) -> int | None:
    """List files that no snapshot reaches.

    They are what commits that failed or died left behind, older than a day.
    """
    from a360.cli import _time

    return _time.collect(face, tables or [], delete=delete)
