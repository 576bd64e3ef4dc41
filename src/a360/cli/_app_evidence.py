"""The commands about evidence. What they do stands in `_evidence`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command, default
from a360.cli._face import Face


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    group = typer.Typer(rich_markup_mode=None)
    app.add_typer(group, name="evidence")
    default(group)(evidence)
    command(group)(verify)


def evidence(
    face: Face,
    tests: Annotated[
        Path | None,
        typer.Option(
            "--tests", metavar="DIR", help="Run the software's tests too: the folder of a checkout."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A new folder for the bundle (default: by date)."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Read N of the lake's files again (default: all)."),
    ] = None,
) -> int | None:
    """Prove which safeguards hold, and sign what came out.

    Exit code 4 if a proof failed.
    """
    from a360.cli import _evidence

    return _evidence.evidence(face, tests, output, sample)


def verify(
    face: Face,
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The folder of a bundle.")],
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The public key, or a file with it (default: this lake's)."
        ),
    ] = None,
) -> int | None:
    """Tell whether a bundle is what was signed, and whether there is a newer one."""
    from a360.cli import _evidence

    return _evidence.verify(face, bundle, key)
