"""`a360 catalog serve`: a lake's catalog for an operator's own clients, gateway included."""

import json
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from a360.catalog._session import CatalogSession


def run_catalog_server(
    lake_folder: Path | str, port: int = 0, token: str | None = None, profile: str | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; print one JSON line `{"uri", "token", "warehouse"}` when ready.

    Args:
        lake_folder: The lake; created where it is missing.
        port: The port on loopback; 0 for any free one.
        token: The bearer token; None for a random one.
        profile: None for everything, or `glue` for what AWS Glue offers.
    """
    told = threading.Event()

    def stop(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the shape of a handler
        told.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    with CatalogSession.open(lake_folder, port=port, token=token, profile=profile) as session:
        at = session.endpoint
        line = json.dumps({"uri": at.uri, "token": at.token, "warehouse": at.warehouse})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        told.wait()
