"""Which records are one person's: past merges, as `silver.patient` knows them."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from a360.contract import SURVIVOR_COLUMN
from a360.engine import quote_name, quote_table
from a360.table import Tables

_PATIENTS: Final = "silver.patient"
_GIVEN: Final = "vault_given"
_MERGED = """
    WITH replaced AS (
        SELECT patient_key AS record_key, {survivor} AS survivor FROM {patients}
        WHERE is_current AND {survivor} IS NOT NULL
    ), given AS (
        SELECT DISTINCT g.patient_key, coalesce(r.survivor, g.patient_key) AS survivor
        FROM {given} AS g LEFT JOIN replaced AS r ON r.record_key = g.patient_key
    )
    SELECT patient_key, survivor AS record_key, TRUE AS survives FROM given
    UNION
    SELECT g.patient_key, r.record_key, FALSE AS survives FROM given AS g JOIN replaced AS r USING (survivor)
"""
_ALONE = "SELECT DISTINCT patient_key, patient_key AS record_key, TRUE AS survives FROM {given}"


def merged(tables: Tables, patient_keys: Sequence[str]) -> pa.Table:
    """The records of the people who are asked for: `patient_key`, `record_key`, `survives`."""
    known = tables.current_snapshot_id(_PATIENTS) is not None
    query = (_MERGED if known and _says_so(tables) else _ALONE).format(
        survivor=quote_name(SURVIVOR_COLUMN), patients=quote_table(_PATIENTS), given=_GIVEN
    )
    session = tables.session
    session.register(_GIVEN, pa.table({"patient_key": pa.array(patient_keys, pa.string())}))
    try:
        return session.sql(query)
    finally:
        session.unregister(_GIVEN)


def _says_so(tables: Tables) -> bool:
    names = {field.name for field in tables.load(_PATIENTS).schema().fields}
    return {SURVIVOR_COLUMN, "is_current"} <= names
