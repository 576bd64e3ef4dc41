"""The rows of a release in the form in which they leave: masked, moved by days, coded, and in no order."""

import secrets
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import ReleasePlan, mask_sql, quote_name, quote_table
from a360.engine import EngineSession
from a360.protect import Tokenizer, shift_days

_BY: Final = "a360 by"
_CODE_BYTES: Final = 8
_SHIFTED: Final = "date_shift"


def read_rows(session: EngineSession, plan: ReleasePlan, snapshot: str, tokenizer: Tokenizer) -> pa.Table:
    """The columns that leave, under their masks, of one snapshot; patients still have their tokens."""
    selected = []
    for column in plan.leaving:
        name = quote_name(column.name)
        masked = column.method and column.method != _SHIFTED
        sql = mask_sql(column.method, name, column.type) if masked and column.method else name
        selected.append(f"{sql} AS {name}")
    if plan.subject:
        selected.append(f"{quote_name(plan.subject)} AS {quote_name(_BY)}")
    table = f"{quote_table(plan.dataset)} AT (VERSION => {int(snapshot)})"
    rows = session.sql(f"SELECT {', '.join(selected)} FROM {table}").combine_chunks()
    shifted = [column.name for column in plan.leaving if column.method == _SHIFTED]
    if shifted and plan.subject:
        days = tokenizer.tokens(f"release:{plan.dataset}:days", rows[_BY])
        for name in shifted:
            index = rows.column_names.index(name)
            moved = shift_days(rows[name].combine_chunks(), days)
            rows = rows.set_column(index, rows.schema.field(name), moved)
    return rows.drop_columns([_BY]) if plan.subject else rows


def coded(rows: pa.Table, plan: ReleasePlan, tokenizer: Tokenizer) -> pa.Table:
    """The rows with a code in place of each patient's token.

    What is de-identified gets codes that are drawn for one release and kept nowhere: they are derived from
    nothing, as 164.514(c)(1) asks; a keyed digest of an identifier would be. A limited data set may be linked
    with a later one: its codes are keyed tokens of the dataset's own domain.
    """
    if plan.subject is None:
        return rows
    tokens = rows[plan.subject].combine_chunks()
    if plan.profile == "limited":
        codes = tokenizer.tokens(f"release:{plan.dataset}:patient", tokens)
    else:
        encoded = tokens.dictionary_encode()
        codes = pc.take(_drawn(len(encoded.dictionary)), encoded.indices)
    index = rows.column_names.index(plan.subject)
    return rows.set_column(index, rows.schema.field(plan.subject), codes)


def shuffled(rows: pa.Table) -> pa.Table:
    """The rows in an order that tells nothing of the one in which they lay."""
    drawn = np.frombuffer(secrets.token_bytes(8 * rows.num_rows), np.uint64)
    return rows.take(pa.array(np.argsort(drawn)))


def _drawn(count: int) -> pa.Array:
    """Codes that are all different, from the system's source of randomness."""
    while True:
        drawn = secrets.token_hex(_CODE_BYTES * count).encode()
        wide = 2 * _CODE_BYTES
        offsets = np.arange(0, (count + 1) * wide, wide, dtype=np.int64)
        texts = pa.Array.from_buffers(
            pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(drawn)]
        )
        if len(texts.unique()) == count:
            return texts.cast(pa.string())
