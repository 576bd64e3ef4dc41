"""The embedded catalog: requests of the Iceberg REST specification in, replies out; no sockets."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from a360.catalog._errors import CommitStateUnknownError, InternalServerError, RestError
from a360.catalog._wire import Json, Reply, Request
from a360.catalog.server._commits import Committer
from a360.catalog.server._durable import Durability
from a360.catalog.server._idempotency import HEADER, Once
from a360.catalog.server._metrics import Metrics
from a360.catalog.server._names import Call
from a360.catalog.server._namespaces import Namespaces
from a360.catalog.server._profile import Profile
from a360.catalog.server._recover import Recovery
from a360.catalog.server._routes import ROUTES, endpoints_of, find_route
from a360.catalog.server._tables import Tables
from a360.catalog.server._views import Views
from a360.catalog.store import (
    LIFETIME_SECONDS,
    CheckedFiles,
    Database,
    IdempotencyKeys,
    Ledger,
    MetricsReports,
    Store,
    Warehouse,
)

DATABASE = "catalog.db"
WAREHOUSE = "warehouse"

type _Handler = Callable[[Call], Reply]


class EmbeddedCatalog:
    """The catalog of one lake folder; any number of threads and processes may use one folder at once."""

    def __init__(self, lake_folder: Path, profile: Profile) -> None:
        lake_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.profile = profile
        self.warehouse = Warehouse(lake_folder / WAREHOUSE)
        self._database = Database(lake_folder / DATABASE, anew=self.warehouse.is_bare)
        keys = IdempotencyKeys(self._database)
        self.files = CheckedFiles(Ledger(self._database, self.warehouse.folder))
        self.warehouse.checked_by(self.files)
        self._durability = Durability(self.files)
        store = self._store = Store(self._database, self.files.ledger, keys)
        committer = Committer(store, self.warehouse, profile, self._durability)
        self._once = Once(keys)
        self._handlers: dict[str, _Handler] = _handlers_of(
            self,
            Namespaces(store),
            Tables(self.files, store, self.warehouse, committer, profile),
            Views(store, self.warehouse, committer),
            Metrics(store, MetricsReports(self._database)),
        )
        self._recovery = Recovery(self._handlers, self.warehouse)

    def close(self) -> None:
        """Close the database; no request may be under way."""
        self._database.close()

    def bringing(self, updates: Sequence[Json]) -> AbstractContextManager[None]:
        """Force the files that updates name to the disk, and have this thread's commit record them.

        Raises:
            InternalServerError: The disk failed; the commit must not be made.
        """
        return self.files.ledger.bringing(self._durability.require(updates))

    def folders(self) -> list[tuple[str, str]]:
        """The tables, each with its folder."""
        return [(str(each), folder) for each, folder, _ in self._store.pointers() if each.kind == "table"]

    def broken_rows(self) -> list[str]:
        """The parts of `catalog.db` that are not what was committed.

        Raises:
            sqlite3.DatabaseError: SQLite itself finds the file damaged.
        """
        found = [row[0] for row in self._database.connection.execute("PRAGMA integrity_check")]
        return [*(text for text in found if text != "ok"), *self._database.broken()]

    def handle(self, request: Request) -> Reply:
        """Answer one request; faults become error replies, never exceptions."""
        commits = False
        try:
            route, arguments = find_route(request.method, request.segments, self.profile)
            commits = route.commits
            call = Call(request, arguments)
            handler = self._handlers[route.name]
            if route.keyed and self.profile.idempotency and HEADER in request.headers:
                recover = self._recovery.of(route.name, call)
                return self._once.run(request, lambda: handler(call), recover)
            return handler(call)
        except RestError as error:
            return Reply.error(error)
        except Exception as broken:  # noqa: BLE001 -- the last place that can turn a fault into an answer
            name = type(broken).__name__
            unknown = CommitStateUnknownError(f"The catalog failed during a commit ({name})")
            return Reply.error(unknown if commits else InternalServerError(f"The catalog failed ({name})"))

    def get_config(self, call: Call) -> Reply:  # noqa: ARG002 -- all handlers take the call
        """What clients are told first; whatever name they use for the warehouse, it is this one."""
        overrides = {"prefix": self.profile.prefix} if self.profile.prefix else {}
        lifetime = {"idempotency-key-lifetime": f"PT{LIFETIME_SECONDS // 60}M"}
        return Reply.of(
            {
                "defaults": {},
                "overrides": {"warehouse": str(self.warehouse.folder), **overrides},
                "endpoints": endpoints_of(self.profile),
                **(lifetime if self.profile.idempotency else {}),
            }
        )


def _handlers_of(*areas: object) -> dict[str, _Handler]:
    names = ("get_config", *(route.name for route in ROUTES))
    return {name: getattr(area, name) for name in names for area in areas if hasattr(type(area), name)}
