"""The commands about quality: `check` and `quarantine`. What they do stands in `_quality`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

quarantine = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="See what the lake refused, and try it again."
)

_REFUSER = "The dataset that refused them, as silver.encounter or bronze.fhir_resource"


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    command(app)(check)
    app.add_typer(quarantine, name="quarantine")


def check(
    face: Face,
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATASET]...", help="The datasets (default: all), as silver.patient."),
    ] = None,
    *,
    stored: Annotated[
        bool, typer.Option("--stored", help="Judge by what was counted before; read no data.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a report to look at, too.")
    ] = None,
) -> int | None:
    """Measure every quality rule."""
    from a360.cli import _quality

    return _quality.check(face, datasets or [], html, stored=stored)


@command(quarantine, "list")
def list_(
    face: Face,
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help=f"{_REFUSER} (default: all).")
    ] = None,
) -> int | None:
    """Count what was refused, by dataset, source and rule."""
    from a360.cli import _quality

    return _quality.list_refused(face, dataset)


@command(quarantine)
def show(
    face: Face,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help=f"{_REFUSER}.")],
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only rows of this rule.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only rows of this source.")
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, max=1000, help="How many rows to show.")
    ] = 20,
    opened: Annotated[
        str | None,
        typer.Option(
            "--open", metavar="ROW", help="Open this row's payload, a patient's data; goes on record."
        ),
    ] = None,
) -> int | None:
    """List refused rows, or open one of them."""
    from a360.cli import _quality

    if opened is not None:
        return _quality.open_refused(face, dataset, opened)
    return _quality.show_refused(face, dataset, rule, source, rows)


@command(quarantine)
def replay(
    face: Face,
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help=f"{_REFUSER} (default: all).")
    ] = None,
) -> int | None:
    """Try again what was refused, after a fix.

    What is accepted now lands and leaves the quarantine; what is refused again stays there.
    Refused rows of extracts and events, and whole files, are not tried: mend them and ingest them again.
    """
    from a360.cli import _quality

    return _quality.replay(face, datasets or [])
