"""The commands about sample data. What they do stands in `_sample`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

sample = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Try a deployed lake with invented data."
)


def register(app: typer.Typer) -> None:
    """Make the commands some of an app's."""
    app.add_typer(sample, name="sample")


@command(sample)
def upload(
    face: Face,
    patients: Annotated[int, typer.Option("--patients", min=1, metavar="N", help="How many patients.")] = 100,
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Chooses the data.")] = 1,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="NAME", help="The bucket (default: the environment's of bronze)."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="The profile of AWS to sign by.")
    ] = None,
) -> int | None:
    """Put an invented clinic's files into landing, from where the lake takes them in."""
    from a360.cli import _sample

    return _sample.upload(face, patients=patients, seed=seed, bucket=bucket, profile=profile)
