"""The commands of the group `terminology` with their flags. What they do stands in `_terminology`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

_KINDS = "icd10cm, clinic, snomed, loinc, rxnorm, cpt, fhir or omop"


def register(app: typer.Typer) -> None:
    """Make the commands a group of an app."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Load code systems and value sets, and look codes up.",
    )
    app.add_typer(group, name="terminology")

    @command(group)
    def load(
        face: Face,
        kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What it is: {_KINDS}.")],
        path: Annotated[
            Path | None,
            typer.Argument(metavar="[PATH]", help="The file or folder, as the licensor ships it."),
        ] = None,
        *,
        version: Annotated[
            str | None,
            typer.Option("--release", metavar="TEXT", help="The release, where the files do not say."),
        ] = None,
        beside: Annotated[
            bool, typer.Option("--beside", help="Leave the version current that is current now.")
        ] = False,
    ) -> int | None:
        """Load a version of a vocabulary.

        A version that is loaded is left as it is.
        """
        from a360.cli import _terminology

        return _terminology.load(face, kind, path, version, beside=beside)

    @command(group, "list")
    def list_(face: Face) -> int | None:
        """List the versions that are loaded."""
        from a360.cli import _terminology

        return _terminology.list_versions(face)

    @command(group)
    def use(
        face: Face,
        name: Annotated[str, typer.Argument(metavar="NAME", help="A vocabulary by name or URI.")],
        version: Annotated[str, typer.Argument(metavar="VERSION", help="A version that is loaded.")],
    ) -> int | None:
        """Make a loaded version the current one."""
        from a360.cli import _terminology

        return _terminology.use(face, name, version)

    @command(group)
    def show(
        face: Face,
        system: Annotated[str, typer.Argument(metavar="SYSTEM", help="A code system by name or URI.")],
        code: Annotated[str, typer.Argument(metavar="CODE", help="The code.")],
    ) -> int | None:
        """Show what a code means, in each version that is loaded."""
        from a360.cli import _terminology

        return _terminology.show(face, system, code)

    @command(group)
    def expand(
        face: Face,
        value_set: Annotated[str, typer.Argument(metavar="VALUE_SET", help="A value set by name or URI.")],
    ) -> int | None:
        """List the codes of a value set."""
        from a360.cli import _terminology

        return _terminology.expand(face, value_set)

    @command(group)
    def validate(
        face: Face,
        name: Annotated[
            str, typer.Argument(metavar="VALUE_SET", help="A value set or code system by name or URI.")
        ],
        codes: Annotated[
            list[str], typer.Argument(metavar="CODE...", help="Codes, or SYSTEM|CODE for one of a system.")
        ],
    ) -> int | None:
        """Say which codes belong to a value set or code system.

        The exit code is 4 where any does not.
        """
        from a360.cli import _terminology

        return _terminology.validate(face, name, codes)
