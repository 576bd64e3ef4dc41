"""Namespaces and pointers in SQLite: every change is one transaction, every swap a compare-and-swap."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from a360.catalog._errors import AlreadyExistsError, NamespaceNotEmptyError, NoSuchNamespaceError
from a360.catalog._wire import NAMESPACE_SEPARATOR, encode
from a360.catalog.store._database import Database
from a360.catalog.store._keys import IdempotencyKeys
from a360.catalog.store._ledger import Ledger, LedgerEntry
from a360.catalog.store._names import Identifier, Namespace, ObjectKind
from a360.catalog.store._names import namespace_key as _key


@dataclass(frozen=True, slots=True)
class Swap:
    """The pointer of a table or view moves from one metadata file to the next.

    Attributes:
        table: The table or view.
        old: The metadata file it must be at; None where it is created.
        new: The metadata file it will be at.
        location: Its folder afterwards.
        brought: Files that come with it.
        gone: Metadata files that go with it, unless they are another table's.
    """

    table: Identifier
    old: str | None
    new: str
    location: str
    brought: Sequence[LedgerEntry] = ()
    gone: Sequence[str] = ()


class Store:
    """What exists: namespaces with their properties, tables and views with their current metadata file.

    A request's idempotency key is noted in the transaction that makes its change, so that neither is ever
    there without the other.
    """

    def __init__(self, database: Database, ledger: Ledger, keys: IdempotencyKeys | None = None) -> None:
        self._database = database
        self.ledger = ledger
        self._keys = keys or IdempotencyKeys(database)

    def create_namespace(self, namespace: Namespace, properties: Mapping[str, str]) -> None:
        """Create a namespace.

        Raises:
            AlreadyExistsError: It is there already.
            NoSuchNamespaceError: Its parent is not.
        """
        with self._database.writing() as db:
            if len(namespace) > 1:
                _require_namespace(db, namespace[:-1])
            if _namespace(db, namespace) is not None:
                raise AlreadyExistsError(f"Namespace already exists: {'.'.join(namespace)}")
            db.execute(
                "INSERT INTO namespace VALUES (?, ?)", (_key(namespace), encode(dict(properties)).decode())
            )
            self._keys.mark(db)

    def namespaces(self, parent: Namespace = ()) -> list[Namespace]:
        """The children of a namespace, or those at the top.

        Raises:
            NoSuchNamespaceError: There is no such parent.
        """
        db = self._database.connection
        if parent:
            _require_namespace(db, parent)
        names = (tuple(row[0].split(NAMESPACE_SEPARATOR)) for row in db.execute("SELECT name FROM namespace"))
        return sorted(name for name in names if name[:-1] == parent)

    def namespace_properties(self, namespace: Namespace) -> dict[str, str]:
        """A namespace's properties.

        Raises:
            NoSuchNamespaceError: It does not exist.
        """
        return _require_namespace(self._database.connection, namespace)

    def update_namespace(
        self, namespace: Namespace, removals: Sequence[str], updates: Mapping[str, str]
    ) -> dict[str, str]:
        """Set and remove properties; gives those it had before.

        Raises:
            NoSuchNamespaceError: It does not exist.
        """
        with self._database.writing() as db:
            before = _require_namespace(db, namespace)
            after = {key: value for key, value in before.items() if key not in set(removals)} | dict(updates)
            db.execute(
                "UPDATE namespace SET properties = ? WHERE name = ?",
                (encode(after).decode(), _key(namespace)),
            )
            self._keys.mark(db)
        return before

    def drop_namespace(self, namespace: Namespace) -> None:
        """Drop an empty namespace.

        Raises:
            NoSuchNamespaceError: It does not exist.
            NamespaceNotEmptyError: It holds tables or namespaces.
        """
        with self._database.writing() as db:
            _require_namespace(db, namespace)
            for what, count in _held(db, namespace):
                if count:
                    raise NamespaceNotEmptyError(
                        f"Namespace {'.'.join(namespace)} is not empty. Contains {count} {what}(s)."
                    )
            db.execute("DELETE FROM namespace WHERE name = ?", (_key(namespace),))
            self._keys.mark(db)

    def tables(self, namespace: Namespace, kind: ObjectKind = "table") -> list[str]:
        """The names of a namespace's tables, or of its views.

        Raises:
            NoSuchNamespaceError: There is no such namespace.
        """
        db = self._database.connection
        _require_namespace(db, namespace)
        rows = db.execute(
            "SELECT name FROM iceberg_table WHERE namespace = ? AND kind = ? ORDER BY name",
            (_key(namespace), kind),
        )
        return [row[0] for row in rows]

    def pointer(self, table: Identifier) -> str | None:
        """Where the current metadata file lies, None where there is no such table or view."""
        return _pointer(self._database.connection, table)

    def kind_of(self, table: Identifier) -> str | None:
        """What bears this name, None where nothing does."""
        return _kind(self._database.connection, table)

    def require_free(self, table: Identifier) -> None:
        """Check that a table or view could be created under a name.

        Raises:
            NoSuchNamespaceError: Its namespace does not exist.
            AlreadyExistsError: The name is taken.
        """
        _require_free(self._database.connection, table)

    def pointers(self) -> list[tuple[Identifier, str, str]]:
        """All tables and views, each with its folder and its metadata file."""
        rows = self._database.connection.execute(
            "SELECT namespace, name, kind, location, metadata_location FROM iceberg_table"
        )
        return [
            (Identifier(tuple(space.split(NAMESPACE_SEPARATOR)), name, kind), location, pointer)
            for space, name, kind, location, pointer in rows
        ]

    def is_current(self, location: str) -> bool:
        """Whether a metadata file is the current one of any table or view."""
        return _is_current(self._database.connection, location)

    def all_namespaces(self) -> dict[Namespace, dict[str, str]]:
        """Every namespace of any level with its properties."""
        rows = self._database.connection.execute("SELECT name, properties FROM namespace")
        decode = msgspec.json.decode
        return {tuple(name.split(NAMESPACE_SEPARATOR)): decode(text) for name, text in rows}

    def swap(self, swaps: Sequence[Swap]) -> bool:
        """Move the pointers of one or more tables, all or none; False where one of them had moved already.

        Raises:
            AlreadyExistsError: A name to be created is taken, or its folder belongs to another.
            NoSuchNamespaceError: A table is to be created in a namespace that does not exist.
        """
        with self._database.writing() as db:
            if any(_pointer(db, each.table) != each.old for each in swaps if each.old is not None):
                return False
            for each in swaps:
                _move(db, each)
            for each in swaps:
                self.ledger.add(db, each.brought)
                self.ledger.remove(db, (place for place in each.gone if not _is_current(db, place)))
            self._keys.mark(db)
        return True

    def drop(self, table: Identifier, *, expected: str | None = None) -> str | None:
        """Forget a table or view; gives its folder.

        Args:
            table: The table or view.
            expected: The metadata file it must be at; else nothing happens and None is given.

        Raises:
            NoSuchTableError: It does not exist.
            NoSuchViewError: It does not exist.
        """
        with self._database.writing() as db:
            found = _require_object(db, table)
            if expected not in {None, found}:
                return None
            row = db.execute(
                "DELETE FROM iceberg_table WHERE namespace = ? AND name = ? RETURNING location", table.key
            ).fetchone()
            self._keys.mark(db, note=found)
        return str(row[0])

    def rename(self, source: Identifier, destination: Identifier) -> None:
        """Rename a table or view; its files stay where they are.

        Raises:
            NoSuchTableError: There is no such table.
            NoSuchViewError: There is no such view.
            NoSuchNamespaceError: The namespace to move it to does not exist.
            AlreadyExistsError: The new name is taken.
        """
        what = f"Cannot rename {source} to {destination}."
        with self._database.writing() as db:
            if _pointer(db, source) is None:
                raise type(source.missing())(f"{what} {source.noun} does not exist")
            if _namespace(db, destination.namespace) is None:
                missing = ".".join(destination.namespace)
                raise NoSuchNamespaceError(f"{what} Namespace does not exist: {missing}")
            taken = _kind(db, destination)
            if source != destination and taken is not None:
                raise AlreadyExistsError(f"{what} {taken.capitalize()} already exists")
            db.execute(
                "UPDATE iceberg_table SET namespace = ?, name = ? WHERE namespace = ? AND name = ?",
                (*destination.key, *source.key),
            )
            self._keys.mark(db)


def _namespace(db: sqlite3.Connection, namespace: Sequence[str]) -> dict[str, str] | None:
    row = db.execute("SELECT properties FROM namespace WHERE name = ?", (_key(namespace),)).fetchone()
    return msgspec.json.decode(row[0], type=dict[str, str]) if row else None


def _require_namespace(db: sqlite3.Connection, namespace: Sequence[str]) -> dict[str, str]:
    found = _namespace(db, namespace)
    if found is None:
        raise NoSuchNamespaceError(f"Namespace does not exist: {'.'.join(namespace)}")
    return found


def _held(db: sqlite3.Connection, namespace: Namespace) -> list[tuple[str, int]]:
    """What a namespace holds, and how much of it."""
    below = _key((*namespace, ""))
    kinds = dict(
        db.execute(
            "SELECT kind, count(*) FROM iceberg_table WHERE namespace = ? GROUP BY kind", (_key(namespace),)
        )
    )
    children = db.execute("SELECT count(*) FROM namespace WHERE substr(name, 1, ?) = ?", (len(below), below))
    return [
        ("child namespace", int(children.fetchone()[0])),
        ("table", kinds.get("table", 0)),
        ("view", kinds.get("view", 0)),
    ]


def _pointer(db: sqlite3.Connection, table: Identifier) -> str | None:
    row = db.execute(
        "SELECT metadata_location FROM iceberg_table WHERE namespace = ? AND name = ? AND kind = ?",
        (*table.key, table.kind),
    ).fetchone()
    return row[0] if row else None


def _is_current(db: sqlite3.Connection, location: str) -> bool:
    query = "SELECT 1 FROM iceberg_table WHERE metadata_location = ? LIMIT 1"
    return db.execute(query, (location,)).fetchone() is not None


def _kind(db: sqlite3.Connection, table: Identifier) -> str | None:
    row = db.execute("SELECT kind FROM iceberg_table WHERE namespace = ? AND name = ?", table.key).fetchone()
    return row[0] if row else None


def _require_object(db: sqlite3.Connection, table: Identifier) -> str:
    found = _pointer(db, table)
    if found is None:
        raise table.missing()
    return found


def _require_free(db: sqlite3.Connection, table: Identifier) -> None:
    _require_namespace(db, table.namespace)
    taken = _kind(db, table)
    if taken is not None:
        raise table.taken_by(taken)


def _is_taken(db: sqlite3.Connection, swap: Swap) -> bool:
    """Whether another table's folder is this one's, holds it, or lies in it: a purge would take both."""
    rows = db.execute(
        "SELECT namespace, name FROM iceberg_table "
        "WHERE location || '/' = substr(:it || '/', 1, length(location) + 1) "
        "OR :it || '/' = substr(location, 1, length(:it) + 1)",
        {"it": swap.location},
    )
    return any(tuple(row) != swap.table.key for row in rows)


def _move(db: sqlite3.Connection, swap: Swap) -> None:
    if swap.old is None:
        _require_free(db, swap.table)
    if _is_taken(db, swap):
        raise AlreadyExistsError("Another table or view lies at this location, inside it or around it")
    db.execute(
        "INSERT INTO iceberg_table (namespace, name, location, metadata_location, kind) "
        "VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (namespace, name) DO UPDATE "
        "SET location = excluded.location, metadata_location = excluded.metadata_location",
        (*swap.table.key, swap.location, swap.new, swap.table.kind),
    )
