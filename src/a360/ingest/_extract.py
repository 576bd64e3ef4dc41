"""What the envelope takes from a payload, extracted by DuckDB over Arrow."""

import json
import threading
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

_REFERENCE: Final = {"reference": "VARCHAR"}

# The members in which resources name the patient they speak of; a resource has one of them at most.
_SUBJECTS: Final = ("subject", "patient", "beneficiary", "for", "individual")

_STRUCT: Final = {
    "resourceType": "VARCHAR",
    "id": "VARCHAR",
    "meta": {"versionId": "VARCHAR", "lastUpdated": "VARCHAR"},
    **dict.fromkeys(_SUBJECTS, _REFERENCE),
    "participant": [{"actor": _REFERENCE}],
    "contained": [{"resourceType": "VARCHAR"}],
}


def _instant(column: str) -> str:
    """SQL for an instant as FHIR writes it; a text that is none is null."""
    return (
        rf"CASE WHEN regexp_matches({column}, '^\d{{4}}-\d\d-\d\dT\d\d:\d\d') "
        f"THEN TRY_CAST({column} AS TIMESTAMPTZ) END"
    )


# A version id is text of the source's making: what does not look like one could be anything.
# TRY: what msgspec passes and DuckDB does not must not stop the batch; the rows come out null.
_QUERY: Final = f"""
SELECT
    j."resourceType" AS resource_type,
    j.id AS id,
    CASE WHEN regexp_full_match(j.meta."versionId", '[A-Za-z0-9.-]{{1,64}}') THEN j.meta."versionId" END
        AS version_id,
    {_instant('j.meta."lastUpdated"')} AS last_updated,
    coalesce({", ".join(f'j."{name}".reference' for name in _SUBJECTS)}) AS subject,
    CASE WHEN j.participant IS NOT NULL THEN
        list_filter(list_transform(j.participant, x -> x.actor.reference), x -> contains(x, 'Patient/'))[1]
    END AS participant,
    array_to_string(list_transform(j.contained, x -> x."resourceType"), ',') AS contained
FROM (SELECT TRY(from_json(text, '{json.dumps(_STRUCT)}')) AS j FROM texts)
"""


_AT_START: Final = {
    "threads": "1",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_SETTINGS: Final = (
    "SET TimeZone = 'UTC'; SET python_enable_replacements = false; SET enable_external_access = false"
)

THING_KEY: Final = "hash({kind}, {key})"

_local = threading.local()


def extract(texts: pa.Array) -> pa.Table:
    """One row for each JSON text, in order; what a text has not is null."""
    return _run(_QUERY, texts)


def instants(texts: pa.Array) -> pa.Array:
    """FHIR instants as timestamps in UTC; a text that is none is null."""
    answer = _run(f"SELECT {_instant('text')} AS instant FROM texts", texts)
    return answer["instant"].combine_chunks()


def thing_keys(kinds: pa.ChunkedArray, keys: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A number for each thing, the same wherever DuckDB of this process hashes its kind and key."""
    query = f"SELECT {THING_KEY.format(kind='kind', key='key')} AS key FROM texts"
    answer = _run(query, kind=kinds, key=keys)
    return np.asarray(answer["key"])


def run_over(query: str, **columns: object) -> pa.Table:
    """Run a query over the relation `texts` of these columns, in this thread's DuckDB."""
    return _run(query, **columns)


def _run(query: str, text: pa.Array | None = None, **columns: object) -> pa.Table:
    connection = _connection()
    connection.register("texts", pa.table(columns if text is None else {"text": text}))
    try:
        return connection.execute(query).to_arrow_table()
    finally:
        connection.unregister("texts")


def _connection() -> duckdb.DuckDBPyConnection:
    """This thread's DuckDB: in memory, without a place to spill to, without files or network."""
    if not hasattr(_local, "connection"):
        connection = duckdb.connect(":memory:", config=dict(_AT_START))
        connection.execute(_SETTINGS)
        _local.connection = connection
    held: duckdb.DuckDBPyConnection = _local.connection
    return held
