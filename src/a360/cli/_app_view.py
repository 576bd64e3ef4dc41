"""The commands of the group `view` with their flags. What they do stands in `_view` and `_view_run`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

view = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="From FHIR to columns: check, test and run ViewDefinitions.",
)


class DialectName(StrEnum):
    """The SQL dialects that views are compiled to."""

    DUCKDB = "duckdb"
    SPARK = "spark"
    TRINO = "trino"


class ViewEngine(StrEnum):
    """The engines that views run on."""

    DUCKDB = "duckdb"
    SPARK = "spark"


_VIEW = "A file with a ViewDefinition, or the name of a view of the contracts"

One = Annotated[str, typer.Argument(metavar="VIEW", help=f"{_VIEW}.")]
Many = Annotated[list[str], typer.Argument(metavar="VIEW...", help=f"{_VIEW}; one or several.")]
Engine = Annotated[ViewEngine, typer.Option("--engine", help="What computes.")]


def register(app: typer.Typer) -> None:
    """Make the group one of an app."""
    app.add_typer(view, name="view")


@command(view, "compile")
def compile_(
    face: Face,
    name: One,
    dialect: Annotated[DialectName, typer.Option("--dialect", help="The SQL to write.")] = DialectName.DUCKDB,
) -> int | None:
    """Print the SQL of a view."""
    from a360.cli import _view

    return _view.compile_(face, name, dialect.value)


@command(view)
def run(
    face: Face,
    names: Many,
    inputs: Annotated[
        list[Path],
        typer.Option("--input", metavar="PATH", help="NDJSON, or a folder of it; may be given again."),
    ],
    engine: Engine = ViewEngine.DUCKDB,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to .parquet, .csv, .ndjson or .json; {view} in it stands for the view's name.",
        ),
    ] = None,
) -> int | None:
    """Run views over files of resources.

    Resources of other types are passed over. Without --output the first rows are shown.
    """
    from a360.cli import _view_run

    return _view_run.run(face, names, inputs, output, engine.value)


@command(view)
def lint(face: Face, names: Many) -> int | None:
    """Find every fault of views.

    Columns that may stop a query are warnings.
    """
    from a360.cli import _view

    return _view.lint(face, names)


@command(view)
def explain(face: Face, name: One) -> int | None:
    """Show what a view reads and makes."""
    from a360.cli import _view

    return _view.explain(face, name)


@command(view, "test")
def run_tests(
    face: Face,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Test files in the format of SQL on FHIR, or one of them.")
    ],
    engine: Engine = ViewEngine.DUCKDB,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write SQL on FHIR's test report.")
    ] = None,
) -> int | None:
    """Test views against the rows they must give."""
    from a360.cli import _view_run

    return _view_run.test(face, folder, engine.value, report)
