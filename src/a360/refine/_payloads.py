"""Bronze blocks, opened: from sealed bytes to Arrow batches of payload text, in memory only."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from a360.engine import EngineSession, quote_table, quote_text
from a360.protect import OpenBlock

# What a payload carries of its unit through the view, by names that no view's column has.
CARRIED = {
    "row_id": "row_id",
    "unit_type": "resource_type",
    "unit_id": "resource_id",
    "unit_source": "source",
    "unit_version": "version_id",
    "unit_updated": "last_updated",
    "unit_known": "known_at",
}
_GROUPS_A_FETCH = 8
# An engine's threads share Arrow data by its chunks.
CHUNK_ROWS = 4096

type SealedBlock = tuple[str, bytes]
"""A block's id and its sealed payload."""

type Opener = Callable[[str, bytes], OpenBlock]
"""Opens the payload of a block by its id."""


def sealed_blocks(
    session: EngineSession, table: str, units: str, batch_bytes: int
) -> Iterator[list[SealedBlock]]:
    """The blocks of a table that a table of units lies in, in groups of `batch_bytes` of plain text.

    They are fetched some groups at a time, so that a lake larger than memory streams through.
    """
    sizes = session.sql(
        f"SELECT block_id, plain_bytes FROM {quote_table(table)} "
        f"WHERE block_id IN (SELECT block_id FROM {units}) ORDER BY block_id"
    )
    for fetch in _grouped(_pairs(sizes), batch_bytes * _GROUPS_A_FETCH):
        names = ", ".join(quote_text(block_id) for block_id, _ in fetch)
        found = session.sql(f"SELECT block_id, payload FROM {quote_table(table)} WHERE block_id IN ({names})")
        payloads = dict(zip(found["block_id"].to_pylist(), found["payload"].to_pylist(), strict=True))
        for group in _grouped(fetch, batch_bytes):
            yield [(block_id, payloads.pop(block_id)) for block_id, _ in group]


def _pairs(sizes: pa.Table) -> list[tuple[str, int]]:
    return list(zip(sizes["block_id"].to_pylist(), sizes["plain_bytes"].to_pylist(), strict=True))


def _grouped(blocks: list[tuple[str, int]], most_bytes: int) -> Iterator[list[tuple[str, int]]]:
    group: list[tuple[str, int]] = []
    held = 0
    for block in blocks:
        if group and held + block[1] > most_bytes:
            yield group
            group, held = [], 0
        group.append(block)
        held += block[1]
    if group:
        yield group


def payload_batches(groups: Iterable[list[SealedBlock]], open_block: Opener) -> Iterator[pa.Table]:
    """Batches of `block_id`, `position` (line in the block, from 0) and `payload` (JSON text), one a group.

    The next group is opened while the caller works on the one before: two batches are in memory at a time.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="a360-unseal") as pool:
        opening: list[Future[pa.RecordBatch]] = []
        for group in groups:
            following = [pool.submit(lines_of, *block, open_block) for block in group]
            if opening:
                yield pa.Table.from_batches([block.result() for block in opening])
            opening = following
        if opening:
            yield pa.Table.from_batches([block.result() for block in opening])


def lines_of(block_id: str, sealed: bytes, open_block: Opener) -> pa.RecordBatch:
    """The lines of a block over its own text; each keeps its newline, which JSON has as white space."""
    block = open_block(block_id, sealed)
    rows = len(block.ends)
    positions = pa.py_buffer(np.arange(rows, dtype=np.int32))
    offsets = pa.py_buffer(np.concatenate([np.zeros(1, np.int64), block.ends]))
    return pa.record_batch(
        {
            "block_id": pa.repeat(block_id, rows),
            "position": pa.Array.from_buffers(pa.int32(), rows, [None, positions]),
            "payload": pa.LargeStringArray.from_buffers(rows, offsets, pa.py_buffer(block.text)),
        }
    )


def with_units(session: EngineSession, payload: pa.Table) -> pa.Table:
    """The payloads that are wanted, with what `CARRIED` names of their units beside.

    Only their places are joined: a join in SQL would copy the payloads themselves.
    """
    places = payload.select(["block_id", "position"])
    session.register("place", places.append_column("at", pa.arange(0, payload.num_rows)))
    carried = ", ".join(f"u.{column} AS {name}" for name, column in CARRIED.items())
    units = session.sql(
        f'SELECT place.at, {carried} FROM unit AS u JOIN place USING (block_id, "position") '
        "WHERE NOT u.deleted ORDER BY place.at"
    )
    session.unregister("place")
    lines = payload["payload"]
    if units.num_rows < payload.num_rows:
        lines = lines.take(units["at"])
    joined = units.combine_chunks().drop_columns("at").append_column("payload", lines)
    return pa.Table.from_batches(joined.to_batches(max_chunksize=CHUNK_ROWS), joined.schema)
