"""The key store of a lake in a folder."""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from a360.errors import OperatorError, UsageError
from a360.files import sync_folder, write_private
from a360.protect._files import PRIVATE_FOLDER, shred
from a360.protect._ports import KeyStore

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MASTER: Final = "master.key"
_SECRETS: Final = "secrets.key"
_DATA: Final = "data"
_KEY_ID: Final = re.compile(r"[0-9a-f]{32}")
_WRAPPED: Final = b"A360KEY\x01"


class LocalKeyStore:
    """Keys in a folder of mode 0700.

    `master.key` wraps every other key with AES-256-GCM, bound to the key's name, so that one wrapped file
    cannot stand in for another. `secrets.key` is the root from which named secrets are derived; `data/`
    holds one wrapped file for each data key. Whoever has this folder can read the lake: back it up apart.
    """

    def __init__(self, folder: Path, master: bytes, root: bytes) -> None:
        self._folder = folder
        self._master = AESGCM(master)
        self._root = root

    def __reduce__(self) -> tuple[Callable[[str], KeyStore], tuple[str]]:
        """Another process opens the folder for itself: what is pickled says where it is, and holds no key."""
        return open_key_store, (self._folder.absolute().as_uri(),)

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Create the key folder, or open it where it exists already.

        The folder appears whole or not at all, so that of several processes that create it at once one
        wins and all open the same keys.
        """
        part = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
        if _is_missing_or_empty(folder):
            try:
                _fill(part)
                part.rename(folder)
            except OSError:
                if _is_missing_or_empty(folder):
                    raise
            finally:
                shutil.rmtree(part, ignore_errors=True)
            sync_folder(folder.parent)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open an existing key folder.

        Raises:
            OperatorError: `key-missing` where a key file is absent or unreadable, `environment-unfit` where
                others than the owner can read the folder.
        """
        master = _read(folder / _MASTER)
        _require_private(folder)
        if len(master) != KEY_BYTES:
            _broken(folder / _MASTER)
        root = _unwrap(AESGCM(master), folder / _SECRETS, "secrets")
        return cls(folder, master, root)

    def create_data_key(self) -> tuple[str, bytes]:
        """A fresh data key and its id; the wrapped key is on the disk when this returns."""
        key_id, key = secrets.token_hex(16), secrets.token_bytes(KEY_BYTES)
        write_private(self._data_file(key_id), _wrap(self._master, key, key_id))
        return key_id, key

    def create_data_keys(self, count: int) -> list[tuple[str, bytes]]:
        """As many fresh data keys and their ids, on the disk when this returns."""
        return [self.create_data_key() for _ in range(count)]

    def data_key(self, key_id: str) -> bytes:
        """The data key of that id, read from the disk each time: a destroyed key is gone at once."""
        return _unwrap(self._master, self._data_file(key_id), key_id)

    def destroy(self, key_id: str) -> None:
        """Overwrite and delete the wrapped data key; a key that is gone already is no error."""
        shred(self._data_file(key_id))

    def secret(self, name: str) -> bytes:
        """32 secret bytes of that name, derived from the root secret."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"a360 secret " + name.encode()).derive(self._root)

    def _data_file(self, key_id: str) -> Path:
        if not _KEY_ID.fullmatch(key_id):
            raise OperatorError(
                "key-missing",
                "A data key was asked for by something that is no key id",
                where=str(self._folder),
                next_step="find out what wrote the data that names it, or who changed it",
            )
        return self._folder / _DATA / f"{key_id}.key"


def open_key_store(url: str) -> KeyStore:
    """Open the key store that a URL names: `file:` for a key folder.

    Raises:
        UsageError: `usage` for any other URL.
        OperatorError: `key-missing`, `environment-unfit` or `seal-broken`.
    """
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc:
        raise UsageError(
            "usage",
            "there is no key store of this kind",
            found=f"a URL that begins {parts.scheme}:",
            next_step="a file: URL of this machine names a key folder",
        )
    return LocalKeyStore.open(Path(url2pathname(parts.path)))


def _is_missing_or_empty(folder: Path) -> bool:
    return not folder.exists() or not any(folder.iterdir())


def _fill(folder: Path) -> None:
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True)
    (folder / _DATA).mkdir(mode=PRIVATE_FOLDER)
    master = secrets.token_bytes(KEY_BYTES)
    write_private(folder / _MASTER, master)
    root = secrets.token_bytes(KEY_BYTES)
    write_private(folder / _SECRETS, _wrap(AESGCM(master), root, "secrets"))
    sync_folder(folder)


def _require_private(folder: Path) -> None:
    for path in (folder, folder / _MASTER):
        mode = stat.S_IMODE(path.stat().st_mode)
        if os.name == "posix" and mode & 0o077:
            raise OperatorError(
                "environment-unfit",
                "The key folder is open to others than its owner",
                where=str(path),
                found=f"mode {mode:04o}",
                next_step=f"run chmod -R go-rwx {folder}, on a file system that keeps modes, "
                "and ask who may have read the keys",
            )


def _wrap(master: AESGCM, key: bytes, name: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _WRAPPED + nonce + master.encrypt(nonce, key, _WRAPPED + name.encode())


def _unwrap(master: AESGCM, path: Path, name: str) -> bytes:
    content = _read(path)
    head, nonce, wrapped = (
        content[: len(_WRAPPED)],
        content[len(_WRAPPED) : len(_WRAPPED) + _NONCE_BYTES],
        content[len(_WRAPPED) + _NONCE_BYTES :],
    )
    if head != _WRAPPED:
        _broken(path)
    try:
        return master.decrypt(nonce, wrapped, _WRAPPED + name.encode())
    except (InvalidTag, ValueError):
        _broken(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(
            "key-missing",
            "A key could not be read from the key folder",
            where=str(path),
            found=error.strerror or "no such file",
            next_step="restore the key folder from its backup; if the key was destroyed on purpose, "
            "the data under it is gone for good",
        ) from error


def _broken(path: Path) -> NoReturn:
    raise OperatorError(
        "seal-broken",
        "A key file does not open under the master key",
        where=str(path),
        next_step="restore the whole key folder from one backup: its files belong together",
    )
