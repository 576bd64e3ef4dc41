"""Bronze blocks, opened: from sealed bytes to Arrow batches of payload text, in memory only."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

_NEWLINE = 10

type OpenBlock = Callable[[str, bytes], bytes]
"""Opens the payload of a block by its id."""


def payload_batches(
    blocks: pa.RecordBatchReader, open_block: OpenBlock, batch_bytes: int
) -> Iterator[pa.Table]:
    """Batches of `block_id`, `position` (line in the block, from 0) and `payload` (JSON text).

    `blocks` has `block_id`, `plain_bytes` and the sealed `payload`. A batch closes at `batch_bytes` of
    plain text. Opening runs on two threads, since decryption and decompression release the interpreter.
    """
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="a360-unseal") as pool:
        for group in _groups(blocks, batch_bytes):
            plain = list(pool.map(lambda block: open_block(*block), group))
            yield _lines([block_id for block_id, _ in group], plain)


def _groups(blocks: pa.RecordBatchReader, batch_bytes: int) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    held = 0
    for batch in blocks:
        columns = (batch.column(name).to_pylist() for name in ("block_id", "plain_bytes", "payload"))
        for block_id, plain_bytes, sealed in zip(*columns, strict=True):
            group.append((block_id, sealed))
            held += plain_bytes
            if held >= batch_bytes:
                yield group
                group, held = [], 0
    if group:
        yield group


def _lines(block_ids: list[str], plain: list[bytes]) -> pa.Table:
    ended = [text if text.endswith(b"\n") else text + b"\n" for text in plain]
    buffer = b"".join(ended)
    ends = np.flatnonzero(np.frombuffer(buffer, np.uint8) == _NEWLINE) + 1
    offsets = np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)])
    # Each value keeps its newline, which JSON reads as white space: the buffer is used as it is, uncopied.
    payload = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(buffer))
    block_ends = np.cumsum([len(text) for text in ended])
    block = np.searchsorted(block_ends, offsets[:-1], side="right").astype(np.int32)
    first_line = np.searchsorted(offsets[:-1], np.concatenate([[0], block_ends[:-1]]))
    position = np.arange(len(ends)) - first_line[block]
    return pa.table(
        {
            "block_id": pa.DictionaryArray.from_arrays(pa.array(block), pa.array(block_ids)),
            "position": pa.array(position.astype(np.int32)),
            "payload": payload,
        }
    )
