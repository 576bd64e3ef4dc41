"""The contexts under which things are sealed, and the form of a sealed block.

A context binds sealed bytes to the place they were sealed for: moved elsewhere, they do not open.
"""

import threading
from typing import Final

import zstandard

from a360.errors import OperatorError
from a360.protect._ports import BatchSealer, Sealer

_LEVEL: Final = 3
_LARGEST_BLOCK: Final = 1 << 30

# A form of zstandard serves one thread at a time, and making one for each block is dear.
_local = threading.local()


def seal_block(sealer: BatchSealer, block_id: str, plain: bytes | bytearray | memoryview) -> bytes:
    """Compress (Zstandard) and seal the payload lines of a bronze block."""
    return sealer.seal(_compressor().compress(plain), block_id.encode())


def open_block(sealer: Sealer, block_id: str, sealed: bytes) -> bytes:
    """Open the payload lines of a bronze block.

    Raises:
        OperatorError: `key-missing` or `seal-broken`.
    """
    packed = sealer.unseal(sealed, block_id.encode())
    try:
        return _decompressor().decompress(packed, max_output_size=_LARGEST_BLOCK)
    except zstandard.ZstdError as error:
        raise OperatorError(
            "seal-broken",
            "A sealed block does not unpack",
            where=f"block {block_id}",
            found=str(error),
            next_step="it was sealed by other software: find out what wrote it, and restore the block",
        ) from error


def quarantine_context(dataset: str, commit_id: str, file: str, offset: int) -> bytes:
    """The context of a quarantined payload: the row it stands in."""
    return f"quarantine|{dataset}|{commit_id}|{file}|{offset}".encode()


def path_context(commit_id: str, digest: str) -> bytes:
    """The context of an ingested file's path: the batch and the digest beside it."""
    return f"ingested_file|{commit_id}|{digest}".encode()


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
