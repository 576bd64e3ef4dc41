"""A process's way to a lake's tables: a catalog with the commit gateway in front."""

import contextlib
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from a360.catalog._asgi import CatalogApp
from a360.catalog._direct import DirectTables
from a360.catalog._endpoint import Endpoint
from a360.catalog._http_server import LoopbackServer
from a360.catalog._storage import S3Storage
from a360.catalog._wire import Json
from a360.catalog.access import Gate
from a360.catalog.gateway import CommitStamp, EmbeddedUpstream, Gateway, Lane, Policy, Upstream
from a360.catalog.server import EmbeddedCatalog, profile_named, require_past
from a360.catalog.store import LedgerEntry

if TYPE_CHECKING:
    from pyiceberg.catalog.rest import RestCatalog

    from a360.catalog._s3_io import S3Reading


class CatalogSession:
    """The gateway of this process, on loopback; a context manager."""

    def __init__(
        self,
        upstream: Upstream,
        warehouse: str,
        *,
        policy: Policy | None = None,
        port: int = 0,
        gate: Gate | None = None,
        storage: S3Storage | None = None,
        location: Callable[[str, str], str] | None = None,
    ) -> None:
        """Open a session over a catalog, which is closed with it.

        Args:
            upstream: The catalog.
            warehouse: What it calls its warehouse.
            policy: How long outcomes are sought.
            port: The gateway's port; 0 for any free one.
            gate: Who may come; None for whoever has the session's own, random token.
            storage: How files in S3 are opened; None where they are not there.
            location: Where a new table of a namespace goes; None for a folder of the warehouse.
        """
        self._upstream = upstream
        self.storage = storage
        self._location = location
        # What readers of ours open must be what was committed, as far as this catalog keeps a ledger.
        self.files = upstream.files
        self._gateway = Gateway(upstream, policy or Policy())
        self._direct = DirectTables(self._gateway.handle, warehouse)
        gate = gate or Gate(secrets.token_urlsafe(32))
        self._app = CatalogApp(self._gateway.handle, gate)
        self._clients: dict[str, RestCatalog] = {}
        self._s3: S3Reading | None = None
        self._lock = threading.Lock()
        try:
            self._server = LoopbackServer(self._app, port).start()
        except BaseException:
            self._app.close()
            upstream.close()
            raise
        self.endpoint = Endpoint(self._server.uri, gate.token, warehouse)
        # Engines open files by themselves: they are shown a table after its files have been looked at.
        self.engines = Endpoint(f"{self._server.uri}{self._gateway.open_lane(Lane())}", gate.token, warehouse)

    @classmethod
    def open(  # noqa: PLR0913 -- everything but the folder has a default
        cls,
        lake_folder: Path | str,
        *,
        profile: str | None = None,
        upstream_uri: str | None = None,
        upstream_token: str | None = None,
        upstream_warehouse: str | None = None,
        policy: Policy | None = None,
        port: int = 0,
        gate: Gate | None = None,
    ) -> Self:
        """Open the catalog of a lake folder, or the one at an address.

        Args:
            lake_folder: The lake; created where it is missing, not touched where an address is given.
            profile: Of the embedded catalog: None for everything, `glue` for what AWS Glue offers.
            upstream_uri: Address of another Iceberg REST catalog to use in place of the embedded one.
            upstream_token: Its bearer token.
            upstream_warehouse: What that catalog calls its warehouse.
            policy: How long outcomes are sought.
            port: The gateway's port; 0 for any free one.
            gate: Who may come; None for whoever has the session's own, random token.
        """
        limits = policy or Policy()
        if upstream_uri is not None:
            from a360.catalog.gateway._http_upstream import HttpUpstream  # noqa: PLC0415 -- slow to import

            other = HttpUpstream(upstream_uri, token=upstream_token, seconds=limits.upstream)
            return cls(other, upstream_warehouse or "", policy=limits, port=port, gate=gate)
        catalog = EmbeddedCatalog(Path(lake_folder), profile_named(profile))
        warehouse = str(catalog.warehouse.folder)
        return cls(EmbeddedUpstream(catalog), warehouse, policy=limits, port=port, gate=gate)

    @contextlib.contextmanager
    def stamped(
        self, stamp: CommitStamp, *, base: Mapping[str, int | None] | None = None
    ) -> Iterator[Endpoint]:
        """An endpoint of its own for the commits of one writer, closed on leaving.

        Args:
            stamp: Written into the summary of every snapshot added through the endpoint.
            base: Snapshot id that `main` of a table (`namespace.name`) must be at for a commit to succeed;
            None for a
                table without snapshots. After each commit of this endpoint the fence stands on that commit.
        """
        path = self._gateway.open_lane(Lane(stamp, base))
        try:
            yield Endpoint(f"{self.endpoint.uri}{path}", self.endpoint.token, self.endpoint.warehouse)
        finally:
            self._gateway.close_lane(path)
            with self._lock:
                client = self._clients.pop(f"{self.endpoint.uri}{path}", None)
            if client is not None:
                client.close()

    def client(self, endpoint: Endpoint | None = None) -> "RestCatalog":
        """A PyIceberg catalog for an endpoint, by default the unstamped one; closed along with it."""
        from pyiceberg.catalog.rest import RestCatalog  # noqa: PLC0415 -- costs a second, and not all need it

        at = endpoint or self.endpoint
        with self._lock:
            client = self._clients.get(at.uri)
            if client is None:
                client = RestCatalog(
                    "a360", uri=at.uri, token=at.token, warehouse=at.warehouse, **self._reading()
                )
                self._clients[at.uri] = client
        return client

    def _reading(self) -> dict[str, str]:
        if self.storage is not None:
            if self._s3 is None:
                from a360.catalog._s3_io import S3Reading  # noqa: PLC0415 -- likewise

                self._s3 = S3Reading(self.storage)
            return self._s3.properties
        if self.files is None:
            return {}
        from a360.catalog._file_io import checked_properties  # noqa: PLC0415 -- likewise

        return checked_properties(self.files)

    def location_of(self, namespace: str, table: str) -> str | None:
        """Where a new table goes; None where the catalog decides, whose warehouse is a mere name."""
        if self._location is not None:
            return self._location(namespace, table)
        warehouse = self.endpoint.warehouse
        return f"{warehouse.rstrip('/')}/{namespace}/{table}" if "/" in warehouse else None

    def load_table(self, name: str) -> Json:
        """How a table, `namespace.name`, stands: the specification's LoadTableResult as it is.

        It costs far less than a client's answer, which types every snapshot there ever was.

        Raises:
            TableRefusedError: There is no such table, or the catalog did not answer.
        """
        return self._direct.load(name)

    def commit_table(self, endpoint: Endpoint, name: str, body: bytes) -> None:
        """Send the specification's CommitTableRequest to an endpoint of this session.

        Raises:
            TableRefusedError: It was refused, or its outcome is not known.
        """
        self._direct.commit(endpoint.uri.removeprefix(self.endpoint.uri), name, body)

    def folders(self) -> list[tuple[str, str]]:
        """The tables of a catalog that keeps a ledger, each with its folder; no metadata is read."""
        return self._upstream.folders()

    def broken_rows(self) -> list[str]:
        """What of the embedded catalog's own file is not as it was committed.

        Raises:
            sqlite3.DatabaseError: SQLite itself finds the file damaged.
        """
        return self._upstream.broken_rows()

    def require_past(self) -> None:
        """Return if nothing is damaged that past snapshots of the tables shown to engines lead to.

        Raises:
            DataError: `file-damaged`.
        """
        if self.files is not None:
            require_past(self.files)

    def forget_files(self, locations: Iterable[str]) -> None:
        """Take files out of the ledger, if there is one: they have been deleted, nothing leads to them."""
        if self.files is not None:
            self.files.ledger.forget(locations)

    def recorded_files(self, location: str) -> Sequence[LedgerEntry]:
        """What the ledger has of a table's folder; nothing where there is none."""
        name = None if self.files is None else self.files.ledger.name_of(location)
        return () if self.files is None or name is None else self.files.ledger.below(name)

    def close(self) -> None:
        """Answer what is under way, then close everything."""
        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            client.close()
        self._direct.close()
        self._gateway.stop()
        self._server.stop()
        self._app.close()
        self._upstream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
