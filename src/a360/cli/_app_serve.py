"""The commands around the lake over HTTP, with their flags. What they do stands in `_serve`."""

# The bodies bring servers and engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

token = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Say which programs are known to the served lake."
)


class ReaderName(StrEnum):
    """The programs that `connect` knows."""

    CURL = "curl"
    PANDAS = "pandas"
    POLARS = "polars"
    DUCKDB = "duckdb"
    EXCEL = "excel"
    POWERBI = "powerbi"
    TABLEAU = "tableau"


def register(app: typer.Typer) -> None:
    """Add the commands to the program's."""
    command(app)(serve)
    command(app)(connect)
    app.add_typer(token, name="token")


def serve(
    face: Face,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where to listen; beyond this machine by TLS only."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8360,
    tls_cert: Annotated[
        Path | None,
        typer.Option("--tls-cert", metavar="FILE", help="The certificate with its chain, as PEM."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's private key, as PEM.")
    ] = None,
) -> int | None:
    """Serve queries over HTTP until SIGTERM.

    Who asks logs in or has an API token, and sees what the policy shows.
    """
    from a360.cli import _serve

    return _serve.serve(face, host, port, tls_cert, tls_key)


def connect(
    face: Face,
    reader: Annotated[ReaderName, typer.Argument(metavar="READER", help=f"One of {', '.join(ReaderName)}.")],
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="A360_URL",
            show_envvar=False,
            help="Where the lake is served (default: http://127.0.0.1:8360).",
        ),
    ] = None,
    table: Annotated[
        str, typer.Option("--table", metavar="NAME", help="The table to read.")
    ] = "gold.patient_360",
    purpose: Annotated[
        str | None, typer.Option("--purpose", metavar="PURPOSE", help="What the rows are used for.")
    ] = None,
) -> int | None:
    """Print how a program reads the served lake.

    The API token is read from A360_TOKEN, or asked for, where the program runs.
    """
    from a360.cli import _serve

    return _serve.connect(face, reader.value, url, table, purpose)


@command(token)
def create(
    face: Face,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user of lake.yaml.")],
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=366, help="For how long it holds.")
    ] = 90,
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="PURPOSE", help="What it is used for, unless a query says."),
    ] = None,
) -> int | None:
    """Make an API token, and show it once."""
    from a360.cli import _serve

    return _serve.create_token(face, user, days, purpose)


@command(token, "list")
def list_(face: Face) -> int | None:
    """List the API tokens, without what is secret of them."""
    from a360.cli import _serve

    return _serve.list_tokens(face)


@command(token)
def revoke(
    face: Face, identity: Annotated[str, typer.Argument(metavar="ID", help="The token's id, as listed.")]
) -> int | None:
    """Make an API token void at once."""
    from a360.cli import _serve

    return _serve.revoke_token(face, identity)
