"""Commands around the catalog: its door, who may come in, and what to do when it is lost."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from a360.cli._face import Face
from a360.cli._text import number, plain
from a360.contract import LOCAL, default_contracts, load_environment
from a360.errors import UsageError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from a360.catalog import RebuildReport


def _require_own_catalog(face: Face) -> None:
    """Refuse a lake whose tables are elsewhere: what its folder has of a catalog is not its catalog."""
    face.require_lake()
    settings = face.settings
    if settings.env == LOCAL:
        return
    environment = load_environment(Path(settings.contracts or default_contracts()), settings.env)
    if environment.catalog is not None:
        raise UsageError(
            "usage",
            "The environment's tables are in Glue, and this command works on the catalog in a lake's folder",
            where=f"environment {environment.name}",
            next_step="leave --env out for a lake on this machine; Glue has its own doors (docs/aws.md)",
        )


def serve(face: Face, port: int, token: str | None, profile: str | None) -> int | None:
    """Serve the catalog until SIGTERM."""
    from a360.catalog import run_catalog_server  # noqa: PLC0415 - each command imports what it needs
    from a360.lake import with_secrets  # noqa: PLC0415 - likewise

    _require_own_catalog(face)
    filed = None if token else with_secrets(face.settings).catalog_token
    token = token or (filed.get_secret_value() if filed else None)
    run_catalog_server(face.settings.lake, port=port, token=token, profile=profile)
    return None


def add_client(face: Face, name: str, scope: str) -> int | None:
    """Add a client; nobody can show its secret again."""
    from a360.catalog import SECRET_VARIABLE, Scope, clients_of  # noqa: PLC0415

    _require_own_catalog(face)
    secret = clients_of(face.settings.lake).add(name, Scope(scope))
    face.emit(
        {"name": name, "scope": scope, "secret": secret},
        f"Added the client {plain(name)}, a {scope}. Its secret, shown this once:",
        secret,
        f"Next: put it into {SECRET_VARIABLE} where it runs. "
        f"a360 catalog connect KIND --client {plain(name)}",
    )
    return None


def list_clients(face: Face) -> int | None:
    """List names and scopes, no secrets: there are none to show."""
    from a360.catalog import clients_of  # noqa: PLC0415
    from a360.cli._render import grid  # noqa: PLC0415

    _require_own_catalog(face)
    found = clients_of(face.settings.lake).all()
    told = [
        {"name": name, "scope": each.scope.value, "created_at": each.created_at}
        for name, each in found.items()
    ]
    rows = [[each["name"], each["scope"], each["created_at"]] for each in told]
    nobody = "No clients: only the token of `a360 catalog serve` opens the catalog."
    face.emit(told, grid(["client", "scope", "since"], rows) if rows else nobody)
    return None


def remove_client(face: Face, name: str) -> int | None:
    """Remove a client."""
    from a360.catalog import clients_of  # noqa: PLC0415

    _require_own_catalog(face)
    clients_of(face.settings.lake).remove(name)
    face.emit({"name": name, "removed": True}, f"Removed the client {plain(name)}; its tokens are void.")
    return None


def rebuild(face: Face, *, force: bool) -> int | None:
    """Make the catalog anew, and say what was found and what was doubtful."""
    from a360.catalog import rebuild_catalog  # noqa: PLC0415

    _require_own_catalog(face)
    report = rebuild_catalog(face.settings.lake, force=force)
    face.emit(_told(report), *_shown(report))
    return None


def _told(report: "RebuildReport") -> dict[str, object]:
    return {
        "tables": [
            {
                "name": str(each.identifier),
                "kind": each.identifier.kind,
                "metadata": each.newest.path,
                "version": each.newest.number,
                "versions": each.versions,
                "snapshot_id": each.newest.snapshot_id,
                "doubts": each.doubts,
            }
            for each in report.found.objects
        ],
        "left_out": [{"metadata": path, "reason": reason} for path, reason in report.found.left_out],
        "unreadable": report.found.unreadable,
        "namespaces": list(report.namespaces),
        "earlier": str(report.earlier) if report.earlier else None,
        "adopted": report.adopted,
    }


def _shown(report: "RebuildReport") -> "list[RenderableType]":
    from a360.cli._render import grid  # noqa: PLC0415

    found = report.found
    rows = [
        [
            each.identifier.kind,
            str(each.identifier),
            each.newest.number,
            each.versions,
            "; ".join(each.doubts),
        ]
        for each in found.objects
    ]
    lines: list[RenderableType] = (
        [grid(["what", "name", "version", "files", "doubts"], rows, widest=110)] if rows else []
    )
    lines += [f"Left out: {plain(reason)} ({plain(path)})" for path, reason in found.left_out]
    lines += [f"Unreadable: {plain(path)}" for path in found.unreadable]
    doubtful = sum(bool(each.doubts) for each in found.objects)
    lines.append(
        f"Made the catalog anew: {number(len(rows))} tables and views, {number(doubtful)} with doubts."
    )
    if report.adopted:
        lines.append(
            f"{number(report.adopted)} files were taken as they are: no ledger told what was committed."
        )
    if report.earlier:
        lines.append(f"The earlier catalog is kept as {plain(report.earlier.name)}")
    return [*lines, "Next: a360 tables"]


def connect(face: Face, kind: str, client: str | None, uri: str, *, show_secret: bool) -> int | None:
    """Print a client's configuration."""
    from a360.catalog import ClientKind, Reach, client_configuration  # noqa: PLC0415

    _require_own_catalog(face)
    warehouse = str((face.settings.lake / "warehouse").resolve())
    reach = Reach(_checked_uri(uri), warehouse, _known(face, client))
    if show_secret:
        reach = Reach(reach.uri, warehouse, reach.client, _secret(reach.variable))
    text = client_configuration(ClientKind(kind), reach)
    if face.as_json:
        face.emit({"kind": kind, "uri": reach.uri, "warehouse": warehouse, "configuration": text})
    else:
        face.out.file.write(text)
    return None


def _known(face: Face, client: str | None) -> str | None:
    """The name of a client that exists: a configuration for nobody helps nobody."""
    from a360.catalog import clients_of  # noqa: PLC0415

    if client is not None and clients_of(face.settings.lake).get(client) is None:
        raise UsageError(
            "usage",
            "The lake has no client of this name",
            found=client,
            next_step="a360 catalog client add NAME --scope reader",
        )
    return client


def _checked_uri(uri: str) -> str:
    from urllib.parse import urlsplit  # noqa: PLC0415

    parts = urlsplit(uri)
    odd = set(uri) & set("\"'\\ \n\r\t$`")
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
        raise UsageError(
            "usage",
            "This is not the address of a catalog",
            found=uri,
            next_step="give it as http://127.0.0.1:8181",
        )
    return uri.rstrip("/")


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UsageError(
            "usage",
            "There is no secret to show",
            found=f"{variable} is not set",
            next_step="set it; the lake keeps no secret that it could show",
        )
    return value
