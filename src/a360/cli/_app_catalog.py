"""The commands around the catalog, with their flags. What they do stands in `_catalog`."""

# The bodies bring servers and engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face

catalog = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Serve the catalog to other programs."
)
client = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Say who may reach it, and what for.")
catalog.add_typer(client, name="client")

ClientName = Annotated[str, typer.Argument(metavar="NAME", help="The client's name.")]


class ProfileName(StrEnum):
    """The catalogs whose refusals `catalog serve` can imitate."""

    GLUE = "glue"


class ScopeName(StrEnum):
    """What a client may do."""

    READER = "reader"
    WRITER = "writer"
    ADMIN = "admin"


class KindName(StrEnum):
    """The clients that `connect` knows."""

    PYICEBERG = "pyiceberg"
    DUCKDB = "duckdb"
    SPARK = "spark"
    POLARS = "polars"
    TRINO = "trino"


def register(app: typer.Typer) -> None:
    """Add the commands to the program's."""
    app.add_typer(catalog, name="catalog")


@command(catalog)
def serve(
    face: Face,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="T",
            envvar="A360_CATALOG_TOKEN",
            show_envvar=False,
            help="The bearer token that may do everything (default: a random one).",
        ),
    ] = None,
    profile: Annotated[
        ProfileName | None, typer.Option("--profile", help="Refuse what this catalog would refuse.")
    ] = None,
) -> int | None:
    """Serve the catalog until SIGTERM.

    One line of JSON on standard output says where: uri, token, warehouse. Clients of the lake come with their
    own secrets.
    """
    from a360.cli import _catalog

    return _catalog.serve(face, port, token, profile.value if profile else None)


@command(catalog)
def rebuild(
    face: Face,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even where the catalog is good.")] = False,
) -> int | None:
    """Make catalog.db anew from the tables' files.

    The earlier file is kept beside it.
    """
    from a360.cli import _catalog

    return _catalog.rebuild(face, force=force)


@command(client)
def add(
    face: Face,
    name: ClientName,
    scope: Annotated[
        ScopeName, typer.Option("--scope", help="What it may do: read; also write; also drop and rename.")
    ] = ScopeName.READER,
) -> int | None:
    """Add a client, and show its secret once."""
    from a360.cli import _catalog

    return _catalog.add_client(face, name, scope.value)


@command(client, "list")
def list_(face: Face) -> int | None:
    """List the clients."""
    from a360.cli import _catalog

    return _catalog.list_clients(face)


@command(client)
def remove(face: Face, name: ClientName) -> int | None:
    """Remove a client; its tokens end at once."""
    from a360.cli import _catalog

    return _catalog.remove_client(face, name)


@command(catalog)
def connect(
    face: Face,
    kind: Annotated[KindName, typer.Argument(metavar="KIND", help=f"One of {', '.join(KindName)}.")],
    name: Annotated[
        str | None,
        typer.Option("--client", metavar="NAME", help="The client (default: whoever has the token)."),
    ] = None,
    uri: Annotated[
        str, typer.Option("--uri", metavar="URI", help="Where the catalog is served.")
    ] = "http://127.0.0.1:8181",
    *,
    show_secret: Annotated[
        bool, typer.Option("--show-secret", help="Write the secret out, not the variable's name.")
    ] = False,
) -> int | None:
    """Print how a program reaches the served catalog.

    The secret is read from A360_CATALOG_SECRET, the token from A360_CATALOG_TOKEN.
    """
    from a360.cli import _catalog

    return _catalog.connect(face, kind.value, name, uri, show_secret=show_secret)
