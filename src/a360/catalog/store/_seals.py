"""Digests over the rows of `catalog.db`, kept by the transactions that change them.

SQLite notices a page that makes no sense, not a bit that makes another sense. Each table's seal is the sum of
the SHA-256 digests of its rows, and how many there are: triggers move it with every row, whatever statement
writes it, so that it is committed along with the rows and costs nothing that grows with them.
"""

import hashlib
import sqlite3
import struct
from collections.abc import Sequence
from functools import cache

# One statement a table, columns in their order; seals and their triggers are made from it.
SEALED = {
    "namespace": ("name", "properties"),
    "iceberg_table": ("namespace", "name", "kind", "location", "metadata_location"),
    "idempotency_key": ("key", "fingerprint", "first_seen", "note", "status", "body"),
    "metrics_report": ("id", "received_ms", "dataset", "report", "batch"),
    "ledger": ("path", "bytes", "sha256", "snapshot_id"),
}

_MODULUS = 1 << 256
_NOTHING = bytes(32)
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"

type Value = int | float | str | bytes | None


def statements() -> list[str]:
    """What makes the seals of empty tables, and the triggers that keep them."""
    made = [
        "CREATE TABLE seal (name TEXT PRIMARY KEY, held INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID"
    ]
    for table, columns in SEALED.items():
        made.append(f"INSERT INTO seal VALUES ('{table}', 0, x'{_NOTHING.hex()}')")
        old, new = (", ".join(f"{row}.{name}" for name in columns) for row in ("OLD", "NEW"))
        taken = "digest = a360_moved(digest, -1, '{0}', {1})"
        for event, change in (
            ("INSERT", f"held = held + 1, digest = a360_moved(digest, 1, '{table}', {new})"),
            ("DELETE", f"held = held - 1, {taken.format(table, old)}"),
            (
                "UPDATE",
                f"digest = a360_moved(a360_moved(digest, -1, '{table}', {old}), 1, '{table}', {new})",
            ),
        ):
            made.append(
                f"CREATE TRIGGER seal_{table}_{event.lower()} AFTER {event} ON {table} "
                f"BEGIN UPDATE seal SET {change} WHERE name = '{table}'; END"
            )
    return made


def teach(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the triggers call; without it, nothing can be written."""
    connection.create_function("a360_moved", -1, _moved, deterministic=True)


def broken_seals(connection: sqlite3.Connection, script: str, tables: Sequence[str] = ()) -> list[str]:
    """What is not as it was committed: names of tables, `schema` for what the file says of itself.

    Args:
        connection: The file, in one state throughout.
        script: What made the file.
        tables: The tables to look at; all by default.

    Raises:
        sqlite3.DatabaseError: SQLite itself finds the file damaged.
    """
    connection.execute("SAVEPOINT looking")  # one state of the file, whoever writes meanwhile
    try:
        if connection.execute(_SCHEMA).fetchall() != _expected(script):
            return ["schema"]
        stated = {name: (held, digest) for name, held, digest in connection.execute("SELECT * FROM seal")}
        broken = [name for name in tables or SEALED if stated.get(name) != _counted(connection, name)]
        return broken + (["seal"] if stated.keys() != SEALED.keys() else [])
    finally:
        connection.execute("RELEASE looking")


def _counted(connection: sqlite3.Connection, table: str) -> tuple[int, bytes]:
    held, total = 0, 0
    for row in connection.execute(f"SELECT {', '.join(SEALED[table])} FROM {table}"):
        held, total = held + 1, total + _digest(table, *row)
    return held, (total % _MODULUS).to_bytes(32)


@cache
def _expected(script: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(":memory:") as made:
        teach(made)
        made.executescript(script)
        found = made.execute(_SCHEMA).fetchall()
    made.close()
    return found


def _moved(total: bytes, sign: int, table: str, *row: Value) -> bytes:
    return ((int.from_bytes(total) + sign * _digest(table, *row)) % _MODULUS).to_bytes(32)


def _digest(*values: Value) -> int:
    """The SHA-256 of values, each with its type and length before it."""
    digest = hashlib.sha256()
    for value in values:
        match value:
            case None:
                kind, text = b"n", b""
            case bytes():
                kind, text = b"b", value
            case str():
                kind, text = b"t", value.encode("utf-8", "surrogatepass")
            case float():
                kind, text = b"f", struct.pack(">d", value)
            case _:
                kind, text = b"i", str(value).encode()
        digest.update(kind + len(text).to_bytes(8) + text)
    return int.from_bytes(digest.digest())
