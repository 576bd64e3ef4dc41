"""Every command with its flags. What they do stands in `_prepare`, `_work`, `_look` and `_demo`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

import json
import sys
from enum import StrEnum
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from a360.cli import (
    _app_attachments,
    _app_audit,
    _app_certificate,
    _app_contract,
    _app_deid,
    _app_emergency,
    _app_erase,
    _app_evidence,
    _app_hl7v2,
    _app_integrity,
    _app_keys,
    _app_lineage,
    _app_policy,
    _app_quality,
    _app_release,
    _app_rights,
    _app_sample,
    _app_serve,
    _app_spark,
    _app_terminology,
    _app_time,
    _app_vault,
    _app_view,
)
from a360.cli._app_catalog import register as register_catalog
from a360.cli._command import EnvFlag, JsonFlag, LakeFlag, command
from a360.cli._face import Face, Flags

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The flags --lake, --env and --json may stand before or after the command. Exit codes: 0 done, "
    "1 our fault, 2 usage, 3 contract, 4 data, 5 operator or environment, 6 denied, 7 conflict.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A dataset, as gold.patient_360.")]


class EngineName(StrEnum):
    """The engines that `run` knows."""

    DUCKDB = "duckdb"
    SPARK = "spark"
    ATHENA = "athena"


class AskedEngine(StrEnum):
    """The engines that `query` knows."""

    DUCKDB = "duckdb"
    ATHENA = "athena"


@app.callback()
def globals_(
    ctx: typer.Context,
    *,
    lake: LakeFlag = None,
    env: EnvFlag = None,
    as_json: JsonFlag = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and leave.", callback=lambda on: _show_version(on=on)
        ),
    ] = False,
) -> None:
    """A healthcare lakehouse: contracts in, gold tables out."""
    ctx.obj = Flags(lake, env, as_json)


def _show_version(*, on: bool) -> None:
    if on:
        as_json = "--json" in sys.argv
        number = installed_version("a360-data-lake")
        typer.echo(json.dumps({"version": number}) if as_json else f"a360 {number}")
        raise typer.Exit


@command(app)
def init(face: Face) -> int | None:
    """Make a lake: folder, keys and catalog.

    A lake that is there stays as it is.
    """
    from a360.cli import _prepare

    return _prepare.init(face)


@command(app)
def doctor(face: Face) -> int | None:
    """Look over machine, settings and lake."""
    from a360.cli import _prepare

    return _prepare.doctor(face)


@command(app)
def settings(face: Face) -> int | None:
    """Show every setting, and where it comes from."""
    from a360.cli import _prepare

    return _prepare.settings(face)


@command(app)
def lint(
    face: Face,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="The contracts (default: ./contracts).")
    ] = None,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what has one right answer.")] = False,
) -> int | None:
    """Find every fault of every contract."""
    from a360.cli import _prepare

    return _prepare.lint(face, folder, fix=fix)


@command(app)
def plan(face: Face) -> int | None:
    """Show what the contracts would change.

    Each table is one of create, evolve, nothing and refuse.
    """
    from a360.cli import _prepare

    return _prepare.plan(face)


@command(app)
def apply(face: Face) -> int | None:
    """Change the tables as the plan says."""
    from a360.cli import _prepare

    return _prepare.apply(face)


_app_policy.register(app)
_app_emergency.register(app)
_app_audit.register(app)
_app_integrity.register(app)
_app_evidence.register(app)
_app_keys.register(app)
_app_contract.register(app)
_app_hl7v2.register(app)
_app_terminology.register(app)
_app_view.register(app)
_app_spark.register(app)


@command(app)
def ingest(
    face: Face,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="The kind of data: fhir, hl7v2, csv, parquet, events, notes, attachments."
        ),
    ],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders of this kind.")],
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="The system that sent the data (default: default)."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="NAME", help="What csv, parquet and events hold (default: by name)."
        ),
    ] = None,
) -> int | None:
    """Bring files into bronze.

    What is new lands in bronze, and what is no such data in quarantine.
    """
    from a360.cli import _work

    return _work.ingest(face, kind, paths, source, record)


@command(app)
def run(
    face: Face,
    datasets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATASET]...", help="The datasets to refresh (default: all), as silver.patient."
        ),
    ] = None,
    engine: Annotated[EngineName, typer.Option("--engine", help="What computes.")] = EngineName.DUCKDB,
    *,
    full: Annotated[bool, typer.Option("--full", help="Compute anew what has not changed, too.")] = False,
) -> int | None:
    """Refine bronze to silver, and silver to gold.

    Datasets whose upstream has not changed since they were refined are left as they are.
    """
    from a360.cli import _work

    return _work.run(face, datasets or [], engine.value, full=full)


_app_quality.register(app)
_app_release.register(app)
_app_certificate.register(app)
_app_rights.register(app)
_app_attachments.register(app)
_app_vault.register(app)
_app_erase.register(app)
_app_deid.register(app)
_app_sample.register(app)


@command(app)
def tables(face: Face) -> int | None:
    """List the tables with rows, bytes and files."""
    from a360.cli import _look

    return _look.tables(face)


@command(app)
def show(
    face: Face,
    name: Name,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, max=1000, help="How many rows to show.")
    ] = 5,
) -> int | None:
    """Show a table's columns and a few rows."""
    from a360.cli import _look

    return _look.show(face, name, rows)


@command(app)
def query(  # noqa: PLR0913 - a flag each
    face: Face,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; '-' reads it from standard input.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to .csv, .parquet, .json or .arrow."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="Read as of a snapshot id, a time (UTC) or a tag."),
    ] = None,
    *,
    engine: Annotated[AskedEngine, typer.Option("--engine", help="What computes.")] = AskedEngine.DUCKDB,
    principal: Annotated[
        str | None,
        typer.Option("--as", metavar="PRINCIPAL", help="Act as a user or a role, if the policy lets you."),
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What the answer is used for.")
    ] = None,
    emergency: Annotated[
        str | None,
        typer.Option("--emergency", metavar="RULE", help="Ask under an emergency that was declared."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why: declares the emergency first.")
    ] = None,
) -> int | None:
    """Answer a SELECT over the tables, as far as the policy shows them."""
    from a360.cli import _look

    return _look.query(
        face,
        sql,
        output,
        at,
        engine=engine.value,
        principal=principal,
        purpose=purpose,
        emergency=emergency,
        reason=reason,
    )


_app_time.register(app)


_app_lineage.register(app)


@command(app)
def synth(
    face: Face,
    patients: Annotated[int, typer.Option("--patients", metavar="N", min=1, help="How many patients.")],
    output: Annotated[Path, typer.Option("--output", metavar="DIR", help="The folder to write to.")],
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same files.")] = 1,
    dirty: Annotated[
        float, typer.Option("--dirty", metavar="SHARE", min=0, max=1, help="The share of faulty records.")
    ] = 0.02,
    kinds: Annotated[
        str, typer.Option("--kinds", metavar="LIST", help="What is written beside FHIR, or 'none'.")
    ] = "extracts,events,notes,photos",
) -> int | None:
    """Write an invented clinic's data: FHIR R4, extracts, events, notes and pictures."""
    from a360.cli import _prepare

    return _prepare.synth(face, patients, seed, output, dirty, kinds)


@command(app)
def demo(
    face: Face,
    folder: Annotated[
        Path | None,
        typer.Option("--input", metavar="DIR", help="Your own FHIR files (default: generated ones)."),
    ] = None,
    patients: Annotated[
        int, typer.Option("--patients", metavar="N", min=1, help="How many patients to generate.")
    ] = 1000,
) -> int | None:
    """Run it all once, from files to gold tables."""
    from a360.cli._demo import run_demo

    return run_demo(face, folder, patients)


_app_serve.register(app)
register_catalog(app)
