"""The commands `hl7v2 convert` and `hl7v2 score` with their flags. What they do stands in `_hl7v2`."""

# The body brings the mapping tables along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

_PATHS = "Files of messages, or folders of *.hl7 files."


def register(app: typer.Typer) -> None:
    """Make the commands a group of an app."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at HL7 v2 messages as FHIR.")
    app.add_typer(group, name="hl7v2")

    @command(group)
    def convert(
        face: Face,
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_PATHS)],
        *,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", metavar="FILE", help="Write the resources there, not to the terminal."
            ),
        ] = None,
        authority: Annotated[
            str | None,
            typer.Option("--authority", metavar="URI", help="What local names of systems are put under."),
        ] = None,
        zone: Annotated[
            str | None,
            typer.Option(
                "--zone", metavar="OFFSET", help="The offset of times sent without one (default: +00:00)."
            ),
        ] = None,
        system: Annotated[
            list[str] | None,
            typer.Option(
                "--system", metavar="NAME=URI", help="What a sender's name of a system stands for. Repeats."
            ),
        ] = None,
    ) -> int | None:
        """Show what messages become as FHIR, one resource a line.

        Nothing is kept in a lake.
        """
        from a360.cli import _hl7v2

        return _hl7v2.convert(face, paths, output, authority=authority, zone=zone, systems=system or [])

    @command(group)
    def score(
        face: Face,
        messages: Annotated[Path, typer.Argument(metavar="MESSAGES_DIR", help="A folder of NAME.hl7 files.")],
        expected: Annotated[
            Path, typer.Argument(metavar="EXPECTED_DIR", help="A folder of NAME-expected.json bundles.")
        ],
        *,
        paths: Annotated[
            int,
            typer.Option(
                "--paths", metavar="N", min=0, help="List the N paths that differ most (default: 0)."
            ),
        ] = 0,
    ) -> int | None:
        """Compare the conversion of messages with bundles that were expected of them.

        Every leaf of every resource counts, by its path and value.
        """
        from a360.cli import _hl7v2

        return _hl7v2.score(face, messages, expected, paths)
