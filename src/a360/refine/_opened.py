"""Blocks and what is asked of them, brought together by the engine, and opened where they are worked on.

Payloads travel sealed. What a block is asked for travels beside it, as one list of small values.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from a360.engine import quote_name, quote_table, quote_text
from a360.protect import Sealer, open_block
from a360.refine._payloads import lines_of
from a360.refine._reader import Workbench

# Enough for a query's fixed costs to be small beside what it works on, and little for a worker's memory.
_GROUP_BYTES = 32 * 1024 * 1024
_INSIDE = "asked_inside"
POSITION, INNER = "position", "inner_place"


def blocks_sql(table: str, asked: str, columns: Iterable[str]) -> str:
    """A query for sealed blocks, one a row, each with what it is asked for.

    `asked` names a relation of lines, by `block_id`, `position` and `inner_place`: which of the resources in
    a line is meant, null for the line itself. `columns` are what it tells of them.
    """
    names = dict.fromkeys([POSITION, INNER, *columns])
    fields = ", ".join(f"{quote_text(name)}: a.{quote_name(name)}" for name in names)
    return (
        f"SELECT b.block_id, b.plain_bytes, b.payload, g.asked FROM {quote_table(table)} AS b "
        f"JOIN (SELECT a.block_id, array_agg({{{fields}}}) AS asked FROM {asked} AS a GROUP BY a.block_id) "
        "AS g ON g.block_id = b.block_id"
    )


def opened(batches: Iterator[pa.RecordBatch], sealer: Sealer, bench: Workbench) -> Iterator[pa.Table]:
    """What `blocks_sql` asks for, with `block_id` and `payload` (JSON text) beside; some blocks at a time."""
    held: list[pa.Table] = []
    size = 0
    for batch in batches:
        for row in range(batch.num_rows):
            held.append(_answer(batch, row, sealer))
            size += batch["plain_bytes"][row].as_py()
            if size >= _GROUP_BYTES:
                yield _whole(held, bench)
                held, size = [], 0
    if held:
        yield _whole(held, bench)


def _answer(batch: pa.RecordBatch, row: int, sealer: Sealer) -> pa.Table:
    """What is asked for of one block."""
    block_id = batch["block_id"][row].as_py()
    asked = pa.Table.from_struct_array(batch["asked"][row].values)
    sealed = batch["payload"][row].as_py()
    lines = lines_of(block_id, sealed, lambda *block: open_block(sealer, *block))["payload"]
    named = asked.append_column("block_id", pa.repeat(block_id, asked.num_rows))
    return named.append_column("payload", lines.take(asked[POSITION]))


def _whole(answers: list[pa.Table], bench: Workbench) -> pa.Table:
    """Answers in one table, each resource that is meant inside a line in the place of the line."""
    found = pa.concat_tables(answers)
    inside = pc.is_valid(found[INNER])
    if not pc.any(inside).as_py():
        return found
    bench.register(_INSIDE, found.filter(inside))
    names = ", ".join(quote_name(name) for name in found.column_names if name != "payload")
    inner = bench.sql(
        f"SELECT {names}, CAST(json_extract(payload, '$.contained[*]')[{INNER}] AS VARCHAR) AS payload "
        f"FROM {_INSIDE}"
    )
    bench.unregister(_INSIDE)
    return pa.concat_tables([found.filter(pc.invert(inside)), inner.cast(found.schema)])
