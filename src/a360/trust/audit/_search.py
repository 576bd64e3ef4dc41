"""The log as rows: for search, for reports, and as the dataset `ops.audit`."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from a360._duckdb import connect
from a360.contract import ops_relations, quote_text
from a360.trust.audit._folder import LogFolder

_TYPES: Final = {"string": pa.string(), "long": pa.int64(), "timestamptz": pa.timestamp("us", "UTC")}
[_PLAN] = [each for each in ops_relations() if each.name == "audit"]

AUDIT_SCHEMA: Final = pa.schema(
    [pa.field(each.name, _TYPES[each.type], nullable=not each.required) for each in _PLAN.columns]
)
"""The columns of `ops.audit`, as the plan has them."""

_BATCH_ROWS = 65_536
_JOINED = {"objects": ",", "column_names": ",", "rules": "; ", "subjects": ","}
_FIELDS = {
    "acting_for": "VARCHAR",
    "action": "VARCHAR",
    "at": "TIMESTAMPTZ",
    "bytes": "BIGINT",
    "columns": "VARCHAR[]",
    "details": "JSON",
    "objects": "VARCHAR[]",
    "outcome": "VARCHAR",
    "principal": "VARCHAR",
    "purpose": "VARCHAR",
    "request": "VARCHAR",
    "rows": "BIGINT",
    "rules": "VARCHAR[]",
    "source": "VARCHAR",
    "subjects": "VARCHAR[]",
}
# Where a member's name is a word of SQL, its column is called otherwise.
_COLUMNS = {"at": "event_time", "bytes": "byte_count", "columns": "column_names", "rows": "row_count"}


@dataclass(frozen=True, slots=True)
class Search:
    """What records to look for; each part that is given must hold.

    `principal` is also found as the one who really asked; `object` names a dataset or a column.
    """

    principal: str | None = None
    object: str | None = None
    action: str | None = None
    outcome: str | None = None
    purpose: str | None = None
    request: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition over the log's rows, and the values of its parameters."""
        conditions = {
            "principal": "$principal IN (principal, acting_for)",
            "object": "(list_contains(objects, $object) OR list_contains(column_names, $object))",
            "action": "(action = $action OR starts_with(action, $action || '.'))",
            "outcome": "outcome = $outcome",
            "purpose": "purpose = $purpose",
            "request": "request = $request",
            "since": "event_time >= $since",
            "until": "event_time < $until",
        }
        given = {name: getattr(self, name) for name in conditions if getattr(self, name) is not None}
        return " AND ".join(conditions[name] for name in given) or "true", given


EVERYTHING: Final = Search()


def search(folder: Path, wanted: Search = EVERYTHING, *, newest: int | None = None) -> pa.RecordBatchReader:
    """The records that a search finds, in the columns of `AUDIT_SCHEMA` and in their order.

    Args:
        folder: The log's folder.
        wanted: What to look for.
        newest: How many of the newest to keep, the newest first; None for all, the oldest first.
    """
    condition, values = wanted.where()
    order = "" if newest is None else f" ORDER BY sequence DESC LIMIT {newest:d}"
    return stream(folder, f"SELECT {_shown()} FROM log WHERE {condition}{order}", values, AUDIT_SCHEMA)


def rows_of(folder: Path) -> pa.RecordBatchReader:
    """All records of a log."""
    return search(folder)


def stream(
    folder: Path, sql: str, values: Mapping[str, Any], schema: pa.Schema | None = None
) -> pa.RecordBatchReader:
    """Rows of a query over `log`, which has the records with their lists as lists.

    A line that is being written has no end yet and is left out; so is one that is no record, which `verify`
    finds.
    """
    connection = connect(spill="", extensions=(), memory_limit=None, threads=None)
    connection.execute(f"CREATE TEMP VIEW log AS {_relation(LogFolder(folder).files())}")
    reader = connection.execute(sql, dict(values)).to_arrow_reader(_BATCH_ROWS)

    def batches() -> Iterator[pa.RecordBatch]:
        with closing(connection):
            for batch in reader:
                yield batch if schema is None else batch.cast(schema)

    return pa.RecordBatchReader.from_batches(schema or reader.schema, batches())


def _relation(files: list[Path]) -> str:
    names = ", ".join(quote_text(str(path)) for path in files)
    if not files:
        absent = ", ".join(f'NULL::{kind} AS "{_COLUMNS.get(name, name)}"' for name, kind in _FIELDS.items())
        return f"SELECT NULL::BIGINT AS sequence, NULL::VARCHAR AS hash, {absent} WHERE false"
    fields = ", ".join(f'"{name}" {kind}' for name, kind in _FIELDS.items())
    columns = f"{{event: 'STRUCT({fields})', hash: 'VARCHAR', sequence: 'BIGINT'}}"
    source = f"read_json([{names}], format = 'newline_delimited', columns = {columns}, ignore_errors = true)"
    shown = ", ".join(f'event."{name}" AS "{_COLUMNS.get(name, name)}"' for name in _FIELDS)
    return f"SELECT sequence, hash, {shown} FROM {source} WHERE sequence IS NOT NULL"


def _shown() -> str:
    def one(name: str) -> str:
        if name in _JOINED:
            return f'array_to_string("{name}", {quote_text(_JOINED[name])}) AS "{name}"'
        return f'"{name}"::VARCHAR AS "{name}"' if name == "details" else f'"{name}"'

    return ", ".join(map(one, AUDIT_SCHEMA.names))
