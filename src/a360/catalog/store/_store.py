"""Namespaces and table pointers in SQLite: every change is one transaction, every swap a compare-and-swap."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from a360.catalog._errors import (
    AlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
)
from a360.catalog._wire import NAMESPACE_SEPARATOR, encode
from a360.catalog.store._database import Database

type Namespace = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A table's full name."""

    namespace: Namespace
    name: str

    def __str__(self) -> str:
        return ".".join((*self.namespace, self.name))

    @property
    def key(self) -> tuple[str, str]:
        """How the database names it."""
        return _key(self.namespace), self.name


@dataclass(frozen=True, slots=True)
class Swap:
    """A table's pointer moves from one metadata file to the next.

    Attributes:
        table: The table.
        old: The metadata file it must be at; None where the table is created.
        new: The metadata file it will be at.
        location: The folder of the table afterwards.
    """

    table: Identifier
    old: str | None
    new: str
    location: str


def _key(namespace: Sequence[str]) -> str:
    return NAMESPACE_SEPARATOR.join(namespace)


class Store:
    """What exists: namespaces with their properties, tables with their current metadata file."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        return before

    def drop_namespace(self, namespace: Namespace) -> None:
        """Drop an empty namespace.

        Raises:
            NoSuchNamespaceError: It does not exist.
            NamespaceNotEmptyError: It holds tables or namespaces.
        """
        with self._database.writing() as db:
            _require_namespace(db, namespace)
            below = _key((*namespace, ""))
            held = db.execute(
                "SELECT 1 FROM iceberg_table WHERE namespace = ? UNION ALL "
                "SELECT 1 FROM namespace WHERE substr(name, 1, ?) = ? LIMIT 1",
                (_key(namespace), len(below), below),
            ).fetchone()
            if held:
                raise NamespaceNotEmptyError(f"Namespace is not empty: {'.'.join(namespace)}")
            db.execute("DELETE FROM namespace WHERE name = ?", (_key(namespace),))

    def tables(self, namespace: Namespace) -> list[str]:
        """The names of a namespace's tables.

        Raises:
            NoSuchNamespaceError: There is no such namespace.
        """
        db = self._database.connection
        _require_namespace(db, namespace)
        rows = db.execute(
            "SELECT name FROM iceberg_table WHERE namespace = ? ORDER BY name", (_key(namespace),)
        )
        return [row[0] for row in rows]

    def pointer(self, table: Identifier) -> str | None:
        """Where a table's current metadata file lies, None where there is no such table."""
        return _pointer(self._database.connection, table)

    def swap(self, swaps: Sequence[Swap]) -> bool:
        """Move the pointers of one or more tables, all or none; False where one of them had moved already.

        Raises:
            AlreadyExistsError: A table to be created is there already, or its folder belongs to another.
            NoSuchNamespaceError: A table is to be created in a namespace that does not exist.
        """
        with self._database.writing() as db:
            if any(_pointer(db, each.table) != each.old for each in swaps if each.old is not None):
                return False
            for each in swaps:
                _move(db, each)
        return True

    def drop(self, table: Identifier) -> str:
        """Forget a table; gives its location.

        Raises:
            NoSuchTableError: It does not exist.
        """
        with self._database.writing() as db:
            _require_table(db, table)
            row = db.execute(
                "DELETE FROM iceberg_table WHERE namespace = ? AND name = ? RETURNING location", table.key
            ).fetchone()
        return str(row[0])

    def rename(self, source: Identifier, destination: Identifier) -> None:
        """Rename a table; its files stay where they are.

        Raises:
            NoSuchTableError: There is no such table.
            NoSuchNamespaceError: The namespace to move it to does not exist.
            AlreadyExistsError: The new name is taken.
        """
        with self._database.writing() as db:
            _require_table(db, source)
            _require_namespace(db, destination.namespace)
            if source != destination and _pointer(db, destination) is not None:
                raise AlreadyExistsError(f"Table already exists: {destination}")
            db.execute(
                "UPDATE iceberg_table SET namespace = ?, name = ? WHERE namespace = ? AND name = ?",
                (*destination.key, *source.key),
            )


def _namespace(db: sqlite3.Connection, namespace: Sequence[str]) -> dict[str, str] | None:
    row = db.execute("SELECT properties FROM namespace WHERE name = ?", (_key(namespace),)).fetchone()
    return msgspec.json.decode(row[0], type=dict[str, str]) if row else None


def _require_namespace(db: sqlite3.Connection, namespace: Sequence[str]) -> dict[str, str]:
    found = _namespace(db, namespace)
    if found is None:
        raise NoSuchNamespaceError(f"Namespace does not exist: {'.'.join(namespace)}")
    return found


def _pointer(db: sqlite3.Connection, table: Identifier) -> str | None:
    row = db.execute(
        "SELECT metadata_location FROM iceberg_table WHERE namespace = ? AND name = ?", table.key
    ).fetchone()
    return row[0] if row else None


def _require_table(db: sqlite3.Connection, table: Identifier) -> str:
    found = _pointer(db, table)
    if found is None:
        raise NoSuchTableError(f"Table does not exist: {table}")
    return found


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
        _require_namespace(db, swap.table.namespace)
        if _pointer(db, swap.table) is not None:
            raise AlreadyExistsError(f"Table already exists: {swap.table}")
    if _is_taken(db, swap):
        raise AlreadyExistsError("Another table lies at this location, inside it or around it")
    db.execute(
        "INSERT INTO iceberg_table (namespace, name, location, metadata_location) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (namespace, name) DO UPDATE "
        "SET location = excluded.location, metadata_location = excluded.metadata_location",
        (*swap.table.key, swap.location, swap.new),
    )
