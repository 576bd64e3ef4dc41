"""The commands about keys."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="A file with the passphrase, instead of typing it."
    ),
]
Copy = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; there must be none yet.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the keys of the lake.")
    app.add_typer(keys, name="keys")
    command(keys)(status)
    command(keys)(rotate)
    command(keys)(passphrase)
    command(keys)(export)
    command(keys, "import")(import_)
    command(keys)(backup)


def status(face: Face) -> int | None:
    """Show what keys there are, and whether each of them opens."""
    from a360.cli import _keys

    return _keys.status(face)


def rotate(face: Face) -> int | None:
    """Put a new master key in the place of the old one.

    No data is written again. Backups from before do not open any more, unless by their passphrase.
    """
    from a360.cli import _keys

    return _keys.rotate(face)


def passphrase(
    face: Face,
    *,
    passphrase_file: PassphraseFile = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Go back to a key file that opens without anybody.")
    ] = False,
) -> int | None:
    """Have the keys open with a passphrase, or with another one."""
    from a360.cli import _keys

    return _keys.passphrase(face, passphrase_file, remove=remove)


def export(face: Face, file: Copy, *, passphrase_file: PassphraseFile = None) -> int | None:
    """Write all keys to an escrow under a passphrase of its own."""
    from a360.cli import _keys

    return _keys.export(face, file, passphrase_file)


def import_(
    face: Face,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup or an escrow of this lake's keys.")],
    *,
    passphrase_file: PassphraseFile = None,
    master: Annotated[
        Path | None,
        typer.Option(
            "--master", metavar="FILE", help="The key file of a backup (default: the one in the key folder)."
        ),
    ] = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Put the key folder aside, for nobody knows its passphrase any more."),
    ] = False,
    without_audit_log: Annotated[
        bool,
        typer.Option(
            "--without-audit-log",
            help="The audit log is lost: go by the certificates of erasures alone.",
        ),
    ] = False,
) -> int | None:
    """Bring keys back from a backup or an escrow.

    Keys that are there stay. A key that was destroyed stays destroyed.
    """
    from a360.cli import _keys

    return _keys.import_(face, file, passphrase_file, master, anew=anew, without_audit_log=without_audit_log)


def backup(face: Face, file: Copy) -> int | None:
    """Write a consistent copy of the keys, which opens under the same key file or passphrase."""
    from a360.cli import _keys

    return _keys.backup(face, file)
