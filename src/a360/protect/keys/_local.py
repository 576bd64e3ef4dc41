"""The key store of a lake in a folder."""

import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from a360.errors import UsageError
from a360.failpoints import failpoint
from a360.files import sync_folder
from a360.protect._files import PRIVATE_FOLDER
from a360.protect._ports import KeyStore
from a360.protect.keys._guards import Guard
from a360.protect.keys._keyring import FILE, Keyring, new_store_id, read_keyring, write_keyring
from a360.protect.keys._openers import (
    MASTER,
    NEXT,
    LocalOpener,
    file_guard,
    is_unsettled,
    passphrase_guard,
    require_private_folder,
    settle,
)
from a360.protect.keys._passphrase import KIND, Passphrase, require_strong
from a360.protect.keys._store import PACKS, Opened, PackedKeyStore, locked


class LocalKeyStore(PackedKeyStore):
    """Keys in a folder of mode 0700, under a master key: a file beside them, or made of a passphrase.

    Whoever has this folder, and the passphrase where there is one, can read the lake: back it up apart.
    """

    def __init__(self, folder: Path, passphrase: Passphrase | None = None) -> None:
        require_private_folder(folder)
        self._local = LocalOpener(passphrase)
        super().__init__(folder, self._local)
        if is_unsettled(folder, self._opened.keyring):
            with locked(folder):
                self._settle()

    def __reduce__(self) -> tuple[Callable[[str], KeyStore], tuple[str]]:
        """Another process opens the folder for itself: what is pickled says where it is, and holds no key."""
        return open_key_store, (self._folder.absolute().as_uri(),)

    @classmethod
    def create(cls, folder: Path, passphrase: Passphrase | None = None) -> Self:
        """Create the key folder, or open it where it exists already.

        The folder appears whole or not at all, so that of several processes that create it at once one
        wins and all open the same keys.
        """

        def guard(part: Path, store: str) -> Guard:
            if passphrase is None:
                return file_guard(part, MASTER, store)
            return passphrase_guard(passphrase(), store, part / FILE)

        create_folder(folder, guard)
        return cls.open(folder, passphrase)

    @classmethod
    def open(cls, folder: Path, passphrase: Passphrase | None = None) -> Self:
        """Open an existing key folder; the passphrase is asked for where the keys have one.

        Raises:
            OperatorError: `key-missing` where a key file is absent or unreadable, `seal-broken` where one was
                changed, `passphrase-wrong`, `passphrase-missing`, `environment-unfit` where others than the
                owner can read the folder, `not-a-lake` for an older form.
        """
        return cls(folder, passphrase)

    def rotate(self) -> None:
        """Put a new master key in the place of the old one; no data is written again.

        Copies of the folder from before open under the old master key alone, which is overwritten. With a
        passphrase it stays the same and makes another key, so that they open as before: set another one.
        """
        with locked(self._folder):
            opened = self._current()
            if opened.keyring.guard.get("kind") != KIND:
                self._change(file_guard(self._folder, NEXT, opened.keyring.store), self._local)
                return
            passphrase = self._local.ask()
            place = self._folder / FILE
            after = LocalOpener(lambda: passphrase)
            # Mistyped now, the keys would open with what nobody knows.
            after.by_passphrase(place, opened.keyring, place.read_bytes())
            self._change(passphrase_guard(passphrase, opened.keyring.store, place), after)

    def set_passphrase(self, new: str | None) -> None:
        """Open with a new passphrase from now on, or with a key file where there is none.

        Raises:
            UsageError: `usage` where it is too short.
        """
        if new is not None:
            require_strong(new)
        with locked(self._folder):
            store = self._current().keyring.store
            if new is None:
                self._change(file_guard(self._folder, NEXT, store), LocalOpener())
            else:
                guard = passphrase_guard(new, store, self._folder / FILE)
                self._change(guard, LocalOpener(lambda: new))

    def _current(self) -> Opened:
        """The keyring as it is now, with nothing left over from a rotation that died."""
        self.opened()
        self._settle()
        return self._opened

    def _change(self, guard: Guard, after: LocalOpener) -> None:
        before = self._opened.keyring.generation
        try:
            self._rewrap(guard)
        finally:
            if read_keyring(self._folder)[0].generation > before:
                self._opener = self._local = after
            self._settle()

    def _settle(self) -> None:
        keyring, content = read_keyring(self._folder)
        settle(self._folder, keyring, content)
        failpoint("keys.rotate.settled")
        self._opened = self._open()


def open_key_store(url: str) -> KeyStore:
    """Open the key store that a URL names: `file:` for a key folder.

    Raises:
        UsageError: `usage` for any other URL.
        OperatorError: as `LocalKeyStore.open`.
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


def is_missing_or_empty(folder: Path) -> bool:
    """Whether a key store may be made in a folder."""
    return not folder.exists() or not any(folder.iterdir())


def create_folder(folder: Path, guard: Callable[[Path, str], Guard]) -> None:
    """Make a key folder with no data keys, whole or not at all, unless there is one.

    Args:
        folder: Where; of several processes that make it at once, one wins.
        guard: Makes the guard of a new store, given the folder that it may put files into and the store's id.
    """
    if not is_missing_or_empty(folder):
        return
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        part.mkdir(mode=PRIVATE_FOLDER, parents=True)
        (part / PACKS).mkdir(mode=PRIVATE_FOLDER)
        store = new_store_id()
        keyring, root = Keyring.create(store, guard(part, store))
        write_keyring(part, keyring.to_bytes(root))
        part.rename(folder)
    except OSError:
        if is_missing_or_empty(folder):
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(folder.parent)
