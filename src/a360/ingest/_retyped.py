"""Whether the columns of a file have values of another type than the contract's."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from a360.contract import ReceptionPlan
from a360.fhir import cast_sql
from a360.ingest._extract import run_over
from a360.records import compile_mapping, listed


def retyped(reception: ReceptionPlan, payloads: pa.Array) -> str:
    """The columns of which most values cannot be read as their type; empty if there are none."""
    fields = [
        replace(field, column=f"f{at}")
        for at, field in enumerate(reception.record.fields)
        if field.type not in {"string", "binary"} and field.reference is None
    ]
    if not fields or not len(payloads):
        return ""
    mapping = compile_mapping(reception.record, source="texts", carry=("row",), fields=fields)
    parts = [f"count({field.column}), count({cast_sql(field.column, field.type)})" for field in fields]
    told = run_over(
        f"SELECT {', '.join(parts)} FROM ({mapping.sql})", payload=payloads, row=np.arange(len(payloads))
    )
    counts = [column[0].as_py() for column in told.columns]
    there, fitting = counts[0::2], counts[1::2]
    pairs = zip(fields, there, fitting, strict=True)
    return listed(field.names[0] for field, all_, fit in pairs if all_ and fit * 2 < all_)
