"""The ports of protection: what the rest of the lake may ask for, whoever keeps the keys.

What implements `Tokenizer`, `BatchSealer`, `Sealer` or `KeyStore` can be pickled, so that processes elsewhere
can do a part of the work: the pickle says which keys are meant, and holds none of them.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import pyarrow as pa


class Tokenizer(Protocol):
    """Turns identifiers into tokens that join but do not tell."""

    def tokens(self, domain: str, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """One token (32 lower hex digits) for each string; null stays null.

        The same value has the same token within a domain, and unrelated tokens in two domains.
        """
        ...

    def digests(self, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """One keyed content digest (32 lower hex digits) for each string or binary; null stays null."""
        ...


class BatchSealer(Protocol):
    """Seals under one data key, which can be destroyed without touching any other batch."""

    @property
    def key_id(self) -> str:
        """The name of the data key, as the sealed bytes carry it."""
        ...

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypt and authenticate `plain`; it opens again only with the same `context`. Safe in threads."""
        ...


class Sealer(Protocol):
    """Seals and opens data under keys of a key store."""

    def batch(self) -> BatchSealer:
        """A sealer under a fresh data key, which is durable in the key store before this returns."""
        ...

    def batches(self, count: int) -> Sequence[BatchSealer]:
        """So many sealers at once, each under a fresh data key; the keys are durable before this returns."""
        ...

    def resumed(self, key_ids: Iterable[str]) -> Sequence[BatchSealer]:
        """Sealers under data keys that are there.

        Raises:
            OperatorError: `key-missing` where one of the keys is gone.
        """
        ...

    def unseal(self, sealed: bytes, context: bytes) -> bytes:
        """Open sealed bytes with the key that they name.

        Raises:
            OperatorError: `key-missing` where the key is gone, `seal-broken` where the bytes or the context
                are not those that were sealed.
        """
        ...

    def unseal_all(self, sealed: Sequence[bytes], contexts: Sequence[bytes]) -> list[bytes]:
        """Open many sealed bytes, each with its context, in their order; each key is asked for once.

        Raises:
            OperatorError: for the first that does not open, as `unseal`.
        """
        ...

    def destroy(self, *key_ids: str) -> None:
        """Make everything sealed under keys unreadable for good; in a lake, which keys is on record first."""
        ...

    def abandon(self, *key_ids: str) -> None:
        """Destroy keys under which nothing landed: who restores one has nothing to open with it."""
        ...


class KeyStore(Protocol):
    """Keeps keys. It alone sees how they are wrapped and where they lie."""

    def create_data_key(self) -> tuple[str, bytes]:
        """A fresh 32-byte data key and its id (32 lower hex digits), durable before this returns."""
        ...

    def create_data_keys(self, count: int) -> list[tuple[str, bytes]]:
        """As many fresh data keys and their ids, all durable before this returns; cheaper than one by one."""
        ...

    def data_key(self, key_id: str) -> bytes:
        """The data key of that id.

        Raises:
            OperatorError: `key-missing` where the store holds no such key, `key-destroyed` where it was
                destroyed, `seal-broken` where what the store holds was changed.
        """
        ...

    def data_keys(self, key_ids: Sequence[str]) -> list[bytes]:
        """The data keys of those ids, in their order; cheaper than one by one.

        Raises:
            OperatorError: for the first that is not there, as `data_key`.
        """
        ...

    def destroy(self, key_id: str) -> None:
        """Destroy a data key for good; one that was destroyed already is no error, so that a retry is safe.

        Raises:
            OperatorError: `key-missing` where the store never held it.
        """
        ...

    def destroy_data_keys(self, key_ids: Iterable[str]) -> None:
        """Destroy data keys, as `destroy`; cheaper than one by one. Where one is missing, none is."""
        ...

    def secret(self, name: str) -> bytes:
        """32 secret bytes of that name: the same for ever in one store, unrelated between names."""
        ...
