"""`a360 catalog serve`: a lake's catalog for an operator's own clients, gateway included."""

import json
import secrets
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from a360.catalog._session import CatalogSession
from a360.catalog.access import Clients, Gate

_CLIENTS = "clients"
_KEYS = "keys"


def clients_of(lake_folder: Path | str) -> Clients:
    """The clients that may reach a lake's catalog where it is served.

    Raises:
        OperatorError: The lake's key store cannot be opened.
    """
    return Clients(Path(lake_folder) / _CLIENTS, _secret(lake_folder, "catalog client secrets"))


def _secret(lake_folder: Path | str, name: str) -> bytes:
    from a360.protect import LocalKeyStore  # noqa: PLC0415 -- a session needs no keys

    return LocalKeyStore.open(Path(lake_folder) / _KEYS).secret(name)


def gate_of(lake_folder: Path | str, token: str | None = None) -> Gate:
    """The gate of a served catalog: the token that may do everything, and the lake's clients.

    Args:
        lake_folder: The lake; one without keys has no clients.
        token: The token; None for a random one.
    """
    own = token or secrets.token_urlsafe(32)
    if not (Path(lake_folder) / _KEYS).is_dir():
        return Gate(own)
    return Gate(own, clients_of(lake_folder), _secret(lake_folder, "catalog access tokens"))


def run_catalog_server(
    lake_folder: Path | str, port: int = 0, token: str | None = None, profile: str | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; print one JSON line `{"uri", "token", "warehouse"}` when ready.

    Args:
        lake_folder: The lake; created where it is missing.
        port: The port on loopback; 0 for any free one.
        token: The bearer token that may do everything; None for a random one.
        profile: None for everything, or `glue` for what AWS Glue offers.
    """
    told = threading.Event()

    def stop(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the shape of a handler
        told.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    gate = gate_of(lake_folder, token)
    with CatalogSession.open(lake_folder, port=port, gate=gate, profile=profile) as session:
        at = session.endpoint
        line = json.dumps({"uri": at.uri, "token": at.token, "warehouse": at.warehouse})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        told.wait()
