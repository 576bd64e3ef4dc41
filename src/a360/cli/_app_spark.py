"""The commands of the group `spark` with their flags. What they do stands in `_spark`."""

# The bodies bring engines and clients along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

_ARCHIVE = Path("dist/spark-environment.tar.gz")

Datasets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DATASET]...", help="The datasets to refresh (default: all), as silver.patient."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, as submit told it.")]
Minutes = Annotated[
    float, typer.Option("--minutes", metavar="N", min=1, max=10080, help="How long the run may take.")
]
Tables = Annotated[
    Path | None,
    typer.Option(
        "--tables", metavar="FILE", help="Volumes as 'a360 tables --json' tells them (default: the lake's)."
    ),
]


def register(app: typer.Typer) -> None:
    """Make the commands a group of an app."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Run the refinery on EMR Serverless: package, submit, watch.",
    )
    app.add_typer(group, name="spark")

    @command(group)
    def package(
        face: Face,
        output: Annotated[
            Path, typer.Option("--output", "-o", metavar="FILE", help="The archive to write.")
        ] = _ARCHIVE,
        release: Annotated[
            str | None,
            typer.Option("--release", metavar="LABEL", help="Of EMR (default: the environment's)."),
        ] = None,
        architecture: Annotated[
            str | None,
            typer.Option(
                "--architecture", metavar="NAME", help="x86_64 or arm64 (default: the environment's)."
            ),
        ] = None,
        python: Annotated[
            Path | None,
            typer.Option(
                "--python", metavar="DIR", help="A Python that can be moved (default: uv gets one)."
            ),
        ] = None,
    ) -> int | None:
        """Make the archive of a job's Python environment.

        Made in a checkout, without Docker: the packages of uv.lock for the workers of a release of EMR.
        """
        from a360.cli import _spark

        return _spark.package(face, output, release, architecture, python)

    @command(group)
    def size(
        face: Face,
        datasets: Datasets = None,
        minutes: Minutes = 30,
        tables: Tables = None,
        max_vcpus: Annotated[
            int | None,
            typer.Option(
                "--max-vcpus", metavar="N", min=8, max=4000, help="Default: the environment's, else 64."
            ),
        ] = None,
    ) -> int | None:
        """Propose the workers that a run needs, and say why."""
        from a360.cli import _spark

        return _spark.size(face, datasets or [], minutes, tables, max_vcpus)

    @command(group)
    def submit(  # noqa: PLR0913 - each is a flag
        face: Face,
        datasets: Datasets = None,
        *,
        archive: Annotated[
            Path, typer.Option("--archive", metavar="FILE", help="What 'spark package' made.")
        ] = _ARCHIVE,
        minutes: Minutes = 30,
        tables: Tables = None,
        executors: Annotated[
            int | None,
            typer.Option("--executors", metavar="N", min=1, max=1000, help="So many, whatever is proposed."),
        ] = None,
        worker: Annotated[
            str | None,
            typer.Option("--worker", metavar="VCPUSxGB", help="Executors of this size, as 4x16."),
        ] = None,
        attempts: Annotated[
            int,
            typer.Option("--attempts", metavar="N", min=1, max=10, help="Starts, where workers are lacking."),
        ] = 3,
        token: Annotated[
            str | None,
            typer.Option("--token", metavar="TEXT", help="Submissions with one token start one run."),
        ] = None,
        full: Annotated[bool, typer.Option("--full", help="Compute anew what has not changed, too.")] = False,
        detach: Annotated[bool, typer.Option("--detach", help="Leave the run to itself.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Print the request, and ask nothing of AWS.")
        ] = False,
    ) -> int | None:
        """Run the refinery on EMR Serverless, and wait for it.

        Ctrl-C cancels the run, and the exit code is the job's.
        """
        from a360.cli import _spark

        wanted = _spark.Wanted(
            datasets or [], archive, minutes, tables, executors, worker, attempts, token, full, detach
        )
        return _spark.submit(face, wanted, dry_run=dry_run)

    @command(group)
    def status(face: Face, run: RunId) -> int | None:
        """Show how a run stands."""
        from a360.cli import _spark

        return _spark.status(face, run)

    @command(group)
    def logs(face: Face, run: RunId) -> int | None:
        """Print what a run's driver wrote."""
        from a360.cli import _spark

        return _spark.logs(face, run)

    @command(group)
    def cancel(face: Face, run: RunId) -> int | None:
        """End a run early."""
        from a360.cli import _spark

        return _spark.cancel(face, run)
