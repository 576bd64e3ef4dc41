"""The form of a sealed text: compressed, then sealed for the one place it stands in."""

import zstandard

from a360.errors import OperatorError
from a360.protect._ports import BatchSealer, Sealer

_LEVEL = 3
_LARGEST_TEXT = 1 << 30


def seal_text(sealer: BatchSealer, text: str, context: bytes) -> bytes:
    """Compress (Zstandard) and seal a text."""
    return sealer.seal(zstandard.compress(text.encode(), _LEVEL), context)


def open_text(sealer: Sealer, sealed: bytes, context: bytes) -> str:
    """Open a sealed text.

    Raises:
        OperatorError: `key-missing` or `seal-broken`.
    """
    packed = sealer.unseal(sealed, context)
    try:
        return zstandard.decompress(packed, max_output_size=_LARGEST_TEXT).decode()
    except (zstandard.ZstdError, UnicodeDecodeError) as error:
        raise OperatorError(
            "seal-broken",
            "A sealed text does not unpack",
            found=type(error).__name__,
            next_step="it was sealed by other software: find out what wrote it, and restore the table",
        ) from error
