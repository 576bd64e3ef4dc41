"""The tables of envelopes: what came, and of whom."""

from typing import Final

from a360.contract import Held, quote_table

RESOURCES: Final = "bronze.fhir_resource"
RECORDS: Final = "bronze.record"
BLOCKS: Final = {RESOURCES: "bronze.fhir_block", RECORDS: "bronze.record_block"}
KINDS: Final = {RESOURCES: ("resource_type", "resource_id"), RECORDS: ("record_type", "record_id")}


def units_sql(held: Held, relation: str) -> str:
    """Source, kind and id of the resources or records of which any version is, or was, of these patients."""
    kind, key = KINDS[held.dataset]
    subject = "subject_token" if held.dataset == RESOURCES else "CAST(NULL AS VARCHAR)"
    return (
        f"SELECT source, {kind}, {key} FROM {quote_table(held.dataset)} WHERE ({held.where(relation)}) "
        f"AND ({subject} IS NULL OR {subject} IN (SELECT patient_key FROM {relation}) "
        f"OR {key} IN (SELECT patient_key FROM {relation}))"
    )
