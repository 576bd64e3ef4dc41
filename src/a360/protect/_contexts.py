"""The contexts under which things are sealed, and the form of a sealed block.

A context binds sealed bytes to the place they were sealed for: moved elsewhere, they do not open.
"""

import zstandard

from a360.protect._ports import BatchSealer, Sealer

_LEVEL = 3
_LARGEST_BLOCK = 1 << 30


def seal_block(sealer: BatchSealer, block_id: str, plain: bytes) -> bytes:
    """Compress (Zstandard) and seal the payload lines of a bronze block."""
    return sealer.seal(zstandard.ZstdCompressor(level=_LEVEL).compress(plain), block_id.encode())


def open_block(sealer: Sealer, block_id: str, sealed: bytes) -> bytes:
    """Open the payload lines of a bronze block.

    Raises:
        OperatorError: `key-missing` or `seal-broken`.
    """
    packed = sealer.unseal(sealed, block_id.encode())
    return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_LARGEST_BLOCK)


def quarantine_context(dataset: str, commit_id: str, file: str, offset: int) -> bytes:
    """The context of a quarantined payload: the row it stands in."""
    return f"quarantine|{dataset}|{commit_id}|{file}|{offset}".encode()
