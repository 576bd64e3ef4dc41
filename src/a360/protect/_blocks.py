"""The sealed forms that bronze and quarantine hold: how payload blocks and refused rows are written and read."""

import threading
from typing import Final

import zstandard

from a360.errors import OperatorError
from a360.protect._ports import BatchSealer, Sealer

_LEVEL: Final = 3
_local = threading.local()


def seal_block(sealer: BatchSealer, block_id: str, text: bytes | bytearray | memoryview) -> bytes:
    """Compress and seal the NDJSON text of one block; it opens only as the block of this id."""
    return sealer.seal(_compressor().compress(text), _block_context(block_id))


def open_block(sealer: Sealer, block_id: str, sealed: bytes, plain_bytes: int) -> bytes:
    """The NDJSON text of a block: one resource a line, each ended by a newline.

    Raises:
        OperatorError: `key-missing` where its key is gone, `seal-broken` where it is not what was sealed.
    """
    packed = sealer.unseal(sealed, _block_context(block_id))
    try:
        text = _decompressor().decompress(packed, max_output_size=plain_bytes)
    except zstandard.ZstdError as error:
        raise _not_as_told(block_id, str(error)) from error
    if len(text) != plain_bytes:
        raise _not_as_told(block_id, f"{len(text)} bytes where {plain_bytes} were told")
    return text


def row_context(dataset: str, commit_id: str, file: str | None, offset: int | None) -> bytes:
    """The context under which a single row's payload is sealed: quarantined rows, paths of ingested files."""
    return "|".join((dataset, commit_id, file or "", "" if offset is None else str(offset))).encode()


def _block_context(block_id: str) -> bytes:
    return b"bronze.fhir_block|" + block_id.encode()


def _not_as_told(block_id: str, found: str) -> OperatorError:
    return OperatorError(
        "seal-broken",
        "A block does not hold what its row tells",
        where=f"bronze.fhir_block, block {block_id}",
        found=found,
        next_step="Restore bronze.fhir_block from a backup, and find out who changed it.",
    )


# Neither form of zstandard may be used by two threads at once, and making one for each block is dear.
def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    compressor: zstandard.ZstdCompressor = _local.compressor
    return compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    decompressor: zstandard.ZstdDecompressor = _local.decompressor
    return decompressor
