"""Commits: requirements checked, updates applied, metadata written, pointers swapped."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from a360.catalog import metadata
from a360.catalog._errors import (
    BadRequestError,
    CommitFailedError,
    CommitStateUnknownError,
    FileDamagedError,
    InternalServerError,
    RestError,
)
from a360.catalog._wire import Json
from a360.catalog.server._durable import Durability
from a360.catalog.server._profile import Profile
from a360.catalog.store import Identifier, KeyTakenError, LedgerEntry, MetadataFile, Store, Swap, Warehouse
from a360.failpoints import FailpointError, failpoint

_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit asks of one table or view."""

    table: Identifier
    requirements: Sequence[Json]
    updates: Sequence[Json]


@dataclass(frozen=True, slots=True)
class _Prepared:
    change: Change
    base: MetadataFile | None
    document: Json
    expired: list[str]

    @property
    def unchanged(self) -> bool:
        return self.base is not None and self.document is self.base.document


class Committer:
    """Carries out commits on one lake; any number of threads and processes may do so at once.

    Metadata files are written before the pointers move and are never changed after; moving the pointers is
    one SQLite transaction that checks that none has moved since it was read. Who loses that race starts
    again, and fails only if a requirement does not hold any more.
    """

    def __init__(self, store: Store, warehouse: Warehouse, profile: Profile, durability: Durability) -> None:
        self._store = store
        self._durability = durability
        self._warehouse = warehouse
        self._profile = profile
        self._locks: defaultdict[Identifier, threading.Lock] = defaultdict(threading.Lock)

    def commit(self, change: Change) -> MetadataFile:
        """Commit to one table and give its metadata afterwards.

        Raises:
            RestError: The commit was refused, nothing was changed.
            CommitStateUnknownError: It may have been carried out.
        """
        # Writers of this process queue here rather than race: each lost race would cost a metadata file.
        with self._locks[change.table]:
            return self.commit_all([change])[0]

    def commit_all(self, changes: Sequence[Change]) -> list[MetadataFile]:
        """Commit to several tables, to all or to none.

        Raises:
            RestError: The commit was refused, nothing was changed.
            CommitStateUnknownError: It may have been carried out.
        """
        if len({change.table for change in changes}) != len(changes):
            raise BadRequestError("Malformed request: a transaction may change each table once")
        brought = self._store.ledger.brought
        if brought is None:  # of clients that come past the gateway
            brought = self._durability.require([update for change in changes for update in change.updates])
        for _ in range(_ATTEMPTS):
            prepared = [self._prepare(change) for change in changes]
            landed = self._publish(prepared, brought)
            if landed is not None:
                return landed
        raise CommitFailedError("Cannot commit: too many writers changed the table at the same time")

    def create(self, table: Identifier, document: Json) -> MetadataFile:
        """Make a new table or view of complete metadata.

        Raises:
            RestError: It cannot be made; nothing was changed.
        """
        failpoint("catalog.create.before-write")
        if table.kind == "table":
            self._warehouse.make_folders(document["location"])
        file = self._warehouse.write(document, after=None, limit=self._profile.metadata_limit)
        folder = str(self._warehouse.path_of(document["location"]))
        try:
            failpoint("catalog.create.before-swap")
            brought = self._entry(file)
            self._store.swap([Swap(table, None, file.location, folder, brought)])
        except (RestError, FailpointError, KeyTakenError):
            self._warehouse.discard(file.location)
            raise
        failpoint("catalog.create.after-swap")
        return file

    def require(self, table: Identifier) -> MetadataFile:
        """The metadata of a table or view as of now.

        Raises:
            NoSuchTableError: It does not exist.
            NoSuchViewError: It does not exist.
        """
        file = self.current(table)
        if file is None:
            raise table.missing()
        return file

    def current(self, table: Identifier) -> MetadataFile | None:
        """A table's metadata as of now, None where there is no such table."""
        pointer = self._store.pointer(table)
        while pointer is not None:
            try:
                return self._warehouse.read(pointer)
            except (InternalServerError, FileDamagedError):
                # Commits since we read the pointer may have pushed that file out of the metadata log.
                newer = self._store.pointer(table)
                if newer == pointer:
                    raise
                pointer = newer
        return None

    def _prepare(self, change: Change) -> _Prepared:
        base = self.current(change.table)
        if change.table.kind == "view":
            return self._prepare_view(change, base)
        if base is None and not metadata.asks_to_create(change.requirements):
            raise change.table.missing()
        metadata.check_requirements(None if base is None else base.document, change.requirements)
        if base is None:
            return _Prepared(change, None, self._created(change), [])
        document = metadata.apply_updates(base.document, change.updates)
        if document is base.document:
            return _Prepared(change, base, document, [])
        if document["location"] != base.document["location"]:
            self._warehouse.make_folders(document["location"])
        document, expired = metadata.with_predecessor(document, base.document, base.location)
        return _Prepared(change, base, document, expired)

    def _prepare_view(self, change: Change, base: MetadataFile | None) -> _Prepared:
        if base is None:
            raise change.table.missing()
        metadata.check_view_requirements(base.document, change.requirements)
        document = metadata.apply_view_updates(base.document, change.updates)
        self._warehouse.path_of(document["location"])
        return _Prepared(change, base, document, [])

    def _created(self, change: Change) -> Json:
        if not self._profile.staged_create:
            raise BadRequestError(
                "Staged creation of tables is not supported: create the table, then commit to it"
            )
        document = metadata.create_by_updates(change.updates)
        self._warehouse.make_folders(document["location"])
        return document

    def _entry(self, file: MetadataFile) -> list[LedgerEntry]:
        """What the ledger is to know of a metadata file; nothing of one outside the warehouse."""
        name = self._store.ledger.name_of(file.location)
        return [] if name is None else [LedgerEntry(name, file.size, file.sha256, None)]

    def register(self, table: Identifier, file: MetadataFile, *, old: str | None = None) -> bool:
        """Make a table or view of metadata that lies there; False where another writer was faster.

        Files that no commit here has brought are taken as they are.

        Raises:
            RestError: It cannot be made; nothing was changed.
        """
        found = self._durability.require(
            [{"snapshot": each} for each in file.document.get("snapshots") or ()]
            + [{"statistics": each} for each in file.document.get("statistics") or ()]
            + [{"partition-statistics": each} for each in file.document.get("partition-statistics") or ()]
        )
        folder = str(self._warehouse.path_of(file.document["location"]))
        return self._store.swap([Swap(table, old, file.location, folder, [*found, *self._entry(file)])])

    def _publish(
        self, prepared: Sequence[_Prepared], brought: Sequence[LedgerEntry]
    ) -> list[MetadataFile] | None:
        """Write and swap; None where another writer was faster."""
        written: dict[Identifier, MetadataFile] = {}
        try:
            failpoint("catalog.commit.before-write")
            for each in prepared:
                if not each.unchanged:
                    after = each.base.location if each.base else None
                    written[each.change.table] = self._warehouse.write(
                        each.document, after=after, limit=self._profile.metadata_limit
                    )
            failpoint("catalog.commit.before-swap")
        except BaseException:
            self._discard(written)
            raise
        if not self._swap(prepared, written, brought):
            self._discard(written)
            return None
        failpoint("catalog.commit.after-swap")
        for each in prepared:
            for location in each.expired:
                # Metadata that was registered by hand may count another table's files among its own past.
                if location.endswith(".metadata.json") and not self._store.is_current(location):
                    self._warehouse.discard(location)
        return [written.get(each.change.table) or _base(each) for each in prepared]

    def _swap(
        self,
        prepared: Sequence[_Prepared],
        written: dict[Identifier, MetadataFile],
        brought: Sequence[LedgerEntry],
    ) -> bool:
        swaps = [
            Swap(
                each.change.table,
                each.base.location if each.base else None,
                written[each.change.table].location if not each.unchanged else _base(each).location,
                str(self._warehouse.path_of(each.document["location"])),
                [*brought, *(self._entry(written[each.change.table]) if not each.unchanged else ())],
                each.expired,
            )
            for each in prepared
        ]
        try:
            return self._store.swap(swaps)
        except (RestError, KeyTakenError):
            self._discard(written)
            raise
        except Exception as broken:
            # The files stay: the database may have taken the swap before it failed.
            raise CommitStateUnknownError("The catalog failed while it committed") from broken

    def _discard(self, written: dict[Identifier, MetadataFile]) -> None:
        for file in written.values():
            self._warehouse.discard(file.location)


def _base(prepared: _Prepared) -> MetadataFile:
    if prepared.base is None:
        raise CommitStateUnknownError("A created table has no metadata")
    return prepared.base
