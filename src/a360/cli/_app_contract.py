"""The commands of the group `contract` with their flags. What they do stands in `_contract`."""

# The bodies bring engines and parsers along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

contract = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write contracts: schemas, other formats, drafts.",
)


class SchemaKind(StrEnum):
    """The files that have a schema."""

    CONTRACT = "contract"
    LAKE = "lake"
    ENVIRONMENT = "environment"


class FormatName(StrEnum):
    """The formats contracts are read from and written to."""

    ODCS = "odcs"
    JSON_SCHEMA = "json-schema"
    SQL = "sql"
    DBT = "dbt"


class ZoneName(StrEnum):
    """The zones that have contracts."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PATH", help="Write here, not to standard output."),
]
Dialect = Annotated[
    str, typer.Option("--dialect", metavar="NAME", help="For sql: the dialect, as postgres or spark.")
]
Zone = Annotated[ZoneName, typer.Option("--zone", help="The zone the contract is for.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def register(app: typer.Typer) -> None:
    """Make the group one of an app."""
    app.add_typer(contract, name="contract")


@command(contract)
def schema(
    face: Face,
    kind: Annotated[
        SchemaKind | None, typer.Argument(metavar="[KIND]", help="contract, lake or environment.")
    ] = None,
    output: Output = None,
) -> int | None:
    """Print the JSON Schema of a kind of file.

    Without a kind, --output names a folder that all of them are written to.
    """
    from a360.cli import _contract

    return _contract.schema(face, kind.value if kind else None, output)


@command(contract)
def export(
    face: Face,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset, as gold.patient_360.")],
    to: Annotated[FormatName, typer.Option("--to", help="The format.")],
    dialect: Dialect = "duckdb",
    output: Output = None,
    *,
    force: Force = False,
) -> int | None:
    """Write a contract in another format.

    What the format cannot say is told on standard error.
    """
    from a360.cli import _contract

    return _contract.export(face, name, to.value, dialect, _contract.Target(output, force=force))


@command(contract, "import")
def import_(  # noqa: PLR0913 - the flags of a command
    face: Face,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file; '-' reads standard input.")],
    origin: Annotated[FormatName, typer.Option("--from", help="The format of the file.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The dataset, where the file has no name.")
    ] = None,
    zone: Zone = ZoneName.SILVER,
    dialect: Dialect = "duckdb",
    output: Output = None,
    *,
    force: Force = False,
) -> int | None:
    """Draft contracts from another format.

    --output names a folder of contracts. What a contract cannot say is told on standard error.
    """
    from a360.cli import _contract

    source = _contract.Source(file, origin.value, name, zone.value, dialect)
    return _contract.import_(face, source, _contract.Target(output, force=force))


@command(contract)
def infer(
    face: Face,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, Parquet or JSON file.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The dataset (default: the file's name).")
    ] = None,
    zone: Zone = ZoneName.SILVER,
    output: Output = None,
    *,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether the first line of a CSV has names.")
    ] = None,
    force: Force = False,
) -> int | None:
    """Draft a contract from data.

    Names, types, key and small vocabularies are drafted; sensitivities are left for a person to say.
    """
    from a360.cli import _contract

    return _contract.infer(face, file, name, zone.value, header, _contract.Target(output, force=force))
