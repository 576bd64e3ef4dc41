"""What opened records tell, as rows: read by views in a database of its own, which no query ever shares."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

import duckdb
import pyarrow as pa

from a360._duckdb import connect_bare
from a360.contract import quote_name, quote_text
from a360.trust.vault._views import ROW, IdentityView

_COLUMNS: Final = pa.schema([(ROW, pa.int64()), ("column", pa.string()), ("value", pa.string())])

KNOWN_VALUES: Final = pa.schema([("patient_key", pa.string()), ("kind", pa.string()), ("value", pa.string())])
"""What `Vault.known_values` gives."""

_PHONES = "('phone', 'fax', 'pager', 'sms')"
_TEXTS: Final = {
    "name": (
        "$.name[*].family",
        "$.name[*].given[*]",
        "$.name[*].suffix[*]",
        "$.name[*].text",
        "$.contact[*].name.family",
        "$.contact[*].name.given[*]",
        "$.contact[*].name.suffix[*]",
        "$.contact[*].name.text",
    ),
    "date": ("$.birthDate",),
    "address": (
        "$.address[*].line[*]",
        "$.address[*].city",
        "$.address[*].district",
        "$.address[*].postalCode",
        "$.address[*].text",
        "$.contact[*].address.line[*]",
        "$.contact[*].address.city",
        "$.contact[*].address.district",
        "$.contact[*].address.postalCode",
        "$.contact[*].address.text",
    ),
    "number": ("$.id", "$.identifier[*].value"),
}
_TELECOM: Final = ("$.telecom[*]", "$.contact[*].telecom[*]")


def values(views: Sequence[IdentityView], wanted: Collection[str], rows: pa.Table) -> pa.Table:
    """The wanted columns of rows with a `payload`: what `rows` have else, `column` and `value`."""
    with _database(rows) as database:
        found = [_COLUMNS.empty_table()]
        for view in views:
            names = [name for name in view.columns if f"{view.dataset}.{name}" in wanted]
            if names:
                found.append(database.execute(_view_sql(view, names)).to_arrow_table().cast(_COLUMNS))
        database.register("found", pa.concat_tables(found))
        return database.execute(
            f"SELECT o.* EXCLUDE (payload, {ROW}), f.column, f.value FROM found AS f "
            f"JOIN opened AS o USING ({ROW}) ORDER BY {ROW}, f.column, f.value"
        ).to_arrow_table()


def _view_sql(view: IdentityView, names: Sequence[str]) -> str:
    """A view's columns as rows of `column` and `value`; what a record does not tell is left out."""
    compiled = view.compiled
    resources = (
        f"SELECT {ROW}, from_json(payload, {quote_text(compiled.struct.duckdb_json())}) AS resource "
        "FROM opened "
        f"WHERE json_extract_string(payload, '$.resourceType') = {quote_text(compiled.resource_type)}"
    )
    told = ", ".join(
        f"{{'column': {quote_text(f'{view.dataset}.{name}')}, 'value': CAST({quote_name(name)} AS VARCHAR)}}"
        for name in names
    )
    return (
        f"WITH resources AS ({resources}), viewed AS ({compiled.sql}) "
        f"SELECT DISTINCT {ROW}, told.column, told.value FROM "
        f"(SELECT {ROW}, unnest([{told}]) AS told FROM viewed) WHERE told.value IS NOT NULL"
    )


def known_values(rows: pa.Table) -> pa.Table:
    """All that rows with a `payload` say a person may be called by."""
    parts = [
        f"SELECT patient_key, {quote_text(kind)} AS kind, {_found(path)} AS value FROM opened"
        for kind, paths in _TEXTS.items()
        for path in paths
    ]
    contacts = " UNION ALL ".join(
        f"SELECT patient_key, unnest(json_extract(payload, {quote_text(path)})) AS told FROM opened"
        for path in _TELECOM
    )
    parts.append(
        "SELECT patient_key, CASE WHEN system = 'email' THEN 'email' "
        f"WHEN system IN {_PHONES} OR system IS NULL THEN 'phone' ELSE 'address' END, value FROM ("
        "SELECT patient_key, json_extract_string(told, '$.system') AS system, "
        f"json_extract_string(told, '$.value') AS value FROM ({contacts}))"
    )
    with _database(rows) as database:
        query = f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)}) WHERE trim(value) <> '' ORDER BY ALL"
        return database.execute(query).to_arrow_table().cast(KNOWN_VALUES)


def _found(path: str) -> str:
    found = f"json_extract_string(payload, {quote_text(path)})"
    return f"unnest({found})" if "*" in path else found


@contextmanager
def _database(rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect_bare()) as database:
        database.register("opened", rows)
        yield database
