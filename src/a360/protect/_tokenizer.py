"""Tokens and content digests, computed over Arrow arrays."""

import hashlib
from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from a360.protect._ports import KeyStore

_TOKEN_BYTES: Final = 16
_SHA256_BLOCK: Final = 64
# Values are copied out of Arrow a few at a time: a large copy costs more in page faults than in copying.
_RUN: Final = 2048
_ACCEPTED: Final = frozenset(
    (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())
)
_HEX: Final = 2 * _TOKEN_BYTES


class LocalTokenizer:
    """Tokens by HMAC-SHA256 under one key a domain, digests by keyed BLAKE2b; both of 16 bytes, in hex.

    The keys are derived from secrets of the key store and stay in this process: they are never in SQL.
    """

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._secret = keys.secret("tokens")
        self._digest_key = keys.secret("digests")
        self._domains: dict[str, bytes] = {}

    def __reduce__(self) -> tuple[type["LocalTokenizer"], tuple[KeyStore]]:
        """Another process derives the keys from the key store: what is pickled says where that is."""
        return LocalTokenizer, (self._keys,)

    def tokens(self, domain: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """One token for each string; computed once for each distinct value, then spread over the rows."""
        encoded = _one_array(values).dictionary_encode()
        plain = encoded.dictionary.cast(pa.large_binary()).to_numpy(zero_copy_only=False)
        raw = _hmac_sha256(self._domain_key(domain), plain)
        return pc.take(_hex_array(raw, len(plain)), encoded.indices)

    def digests(self, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """One content digest for each string or binary."""
        array = _one_array(values)
        raw = []
        for start in range(0, len(array), _RUN):
            run = array.slice(start, _RUN).cast(pa.large_binary()).drop_null()
            raw.append(_blake2b(self._digest_key, run.to_numpy(zero_copy_only=False)))
        digests = _hex_array(b"".join(raw), len(array) - array.null_count)
        return digests if array.null_count == 0 else _spread(digests, array)

    def _domain_key(self, domain: str) -> bytes:
        key = self._domains.get(domain)
        if key is None:
            key = HKDFExpand(SHA256(), 32, info=b"a360 token domain " + domain.encode()).derive(self._secret)
            self._domains[domain] = key
        return key


def _one_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_null(array.type):
        array = array.cast(pa.string())
    if array.type not in _ACCEPTED:
        raise TypeError(f"tokens and digests are made of strings or binaries, not of {array.type}")
    return array


def _hmac_sha256(key: bytes, values: Iterable[bytes]) -> bytes:
    """The first 16 bytes of each value's HMAC (RFC 2104), end to end.

    The two keyed hash states are prepared once and copied for each value, which halves the time that
    `hmac.digest` takes.
    """
    block = key.ljust(_SHA256_BLOCK, b"\0")
    inner_state = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer_state = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    tokens = []
    for value in values:
        inner, outer = inner_state.copy(), outer_state.copy()
        inner.update(value)
        outer.update(inner.digest())
        tokens.append(outer.digest()[:_TOKEN_BYTES])
    return b"".join(tokens)


def _blake2b(key: bytes, values: Iterable[bytes]) -> bytes:
    """Each value's keyed BLAKE2b digest of 16 bytes, end to end."""
    state = hashlib.blake2b(digest_size=_TOKEN_BYTES, key=key)
    digests = []
    for value in values:
        digest = state.copy()
        digest.update(value)
        digests.append(digest.digest())
    return b"".join(digests)


def _hex_array(raw: bytes, count: int) -> pa.Array:
    """Strings of 32 hex digits over `count` values of 16 bytes, without a Python string for each."""
    offsets = np.arange(0, (count + 1) * _HEX, _HEX, dtype=np.int64)
    wide = pa.Array.from_buffers(
        pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(raw.hex().encode())]
    )
    return wide.cast(pa.string())


def _spread(dense: pa.Array, like: pa.Array) -> pa.Array:
    valid = np.asarray(like.is_valid())
    rows = pa.array(np.cumsum(valid) - 1, mask=~valid)
    return pc.take(dense, rows)
