"""Seals: AES-256-GCM under the data keys of a key store."""

import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.protect._ports import BatchSealer, KeyStore

# Sealed bytes describe themselves: magic and version, the key's id, the nonce, then ciphertext and tag.
_MAGIC: Final = b"A3S\x01"
_ID_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEAD: Final = len(_MAGIC) + _ID_BYTES
_KEY_ID: Final = re.compile(r"[0-9a-f]{32}")


class LocalSealer:
    """Seals in this process, under keys of any key store.

    Args:
        keys: The key store.
        record: Told which keys are about to be destroyed; where it raises, they stay. A process elsewhere
            that a sealer is sent to seals and opens, and has none.
    """

    def __init__(self, keys: KeyStore, record: Callable[[Sequence[str]], None] | None = None) -> None:
        self._keys = keys
        self._record = record

    def __reduce__(self) -> tuple[Callable[[KeyStore], "LocalSealer"], tuple[KeyStore]]:
        return LocalSealer, (self._keys,)

    def batch(self) -> BatchSealer:
        """A sealer under a fresh data key."""
        key_id, key = self._keys.create_data_key()
        return LocalBatchSealer(key_id, key, self._keys)

    def batches(self, count: int) -> Sequence[BatchSealer]:
        """So many sealers, each under a fresh data key."""
        made = self._keys.create_data_keys(count) if count else ()
        return [LocalBatchSealer(key_id, key, self._keys) for key_id, key in made]

    def resumed(self, key_ids: Iterable[str]) -> Sequence[BatchSealer]:
        """Sealers under data keys that are there."""
        wanted = list(key_ids)
        keys = self._keys.data_keys(wanted)
        return [LocalBatchSealer(key_id, key, self._keys) for key_id, key in zip(wanted, keys, strict=True)]

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Open sealed bytes; the key is asked for each time, so that a destroyed one is gone at once."""
        return _opened(AESGCM(self._keys.data_key(_key_id_in(sealed))), sealed, context)

    def unseal_all(self, sealed: Sequence[bytes], contexts: Sequence[bytes]) -> list[bytes]:
        """Open many sealed bytes: small ones take longer to ask for their keys than to open."""
        named = [_key_id_in(each) for each in sealed]
        wanted = list(dict.fromkeys(named))
        keys = self._keys.data_keys(wanted) if wanted else ()
        ciphers = {key_id: AESGCM(key) for key_id, key in zip(wanted, keys, strict=True)}
        given = zip(named, sealed, contexts, strict=True)
        return [_opened(ciphers[key_id], each, context) for key_id, each, context in given]

    def destroy(self, *key_ids: str) -> None:
        """Destroy data keys, and with them everything that was sealed under them, once they are on record.

        A record without a destruction is made good by whoever runs again what died; a destruction without
        a record would let an older copy of the keys bring them back.
        """
        if key_ids and self._record is not None:
            self._record(key_ids)
            failpoint("keys.destroy.recorded")
        self._keys.destroy_data_keys(key_ids)

    def abandon(self, *key_ids: str) -> None:
        """Destroy data keys under which nothing landed."""
        self._keys.destroy_data_keys(key_ids)


class LocalBatchSealer:
    """Seals under one data key; GCM's random nonces are safe for four thousand million seals a key."""

    def __init__(self, key_id: str, key: bytes, keys: KeyStore) -> None:
        if not _KEY_ID.fullmatch(key_id):
            raise ValueError("a key id has 32 lower hex digits")
        self._keys = keys
        self._key_id = key_id
        self._head = _MAGIC + bytes.fromhex(key_id)
        self._cipher = AESGCM(key)

    def __reduce__(self) -> tuple[Callable[[KeyStore, str], "LocalBatchSealer"], tuple[KeyStore, str]]:
        """Another process asks the key store for the key: what is pickled names it."""
        return _resumed, (self._keys, self._key_id)

    @property
    def key_id(self) -> str:
        """The name of the data key."""
        return self._key_id

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt and authenticate; the head and the context are authenticated with it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return b"".join((self._head, nonce, self._cipher.encrypt(nonce, plain, self._head + context)))


def _key_id_in(sealed: bytes) -> str:
    """The key that sealed bytes name."""
    if sealed[: len(_MAGIC)] != _MAGIC or len(sealed) < _HEAD + _NONCE_BYTES + _TAG_BYTES:
        raise _broken("the bytes do not begin as sealed bytes do")
    return sealed[len(_MAGIC) : _HEAD].hex()


def _opened(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    nonce, head = sealed[_HEAD : _HEAD + _NONCE_BYTES], sealed[:_HEAD]
    try:
        return cipher.decrypt(nonce, sealed[_HEAD + _NONCE_BYTES :], head + context)
    except InvalidTag as error:
        raise _broken("the authentication tag does not match bytes and context") from error


def _resumed(keys: KeyStore, key_id: str) -> LocalBatchSealer:
    return LocalBatchSealer(key_id, keys.data_key(key_id), keys)


def _broken(found: str) -> OperatorError:
    return OperatorError(
        "seal-broken",
        "Sealed data does not open",
        found=found,
        next_step="it was changed or moved after it was sealed: restore it, and find out who did it",
    )
