"""How a local key store is opened: with the key file beside it, or with a passphrase."""

import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from a360.errors import OperatorError
from a360.files import sync_folder, write_new
from a360.protect._files import shred
from a360.protect.keys import _passphrase
from a360.protect.keys._faults import broken, served_elsewhere, unreadable, wrong_passphrase
from a360.protect.keys._guards import KEY_BYTES, Guard, MasterGuard, NotOpenedError
from a360.protect.keys._keyring import FILE, Keyring
from a360.protect.keys._passphrase import Passphrase

MASTER: Final = "master.key"
# The master key of a rotation until that is through.
NEXT: Final = "master.key.next"
FILE_KIND: Final = "file"
_FILE_FACTS: Final = {"kind": FILE_KIND}


class Opener(Protocol):
    """Finds the guard that a keyring names."""

    def open(self, folder: Path, keyring: Keyring, content: bytes) -> tuple[Guard, bytes]:
        """The guard, and the root of the secrets that it opened.

        Raises:
            OperatorError: `key-missing`, `seal-broken`, `passphrase-wrong`, `passphrase-missing`.
        """
        ...


class LocalOpener:
    """Opens with `master.key`, or with a passphrase."""

    def __init__(self, passphrase: Passphrase | None = None) -> None:
        self._passphrase = passphrase

    def open(self, folder: Path, keyring: Keyring, content: bytes) -> tuple[Guard, bytes]:
        """The guard of the keyring, and the root of the secrets."""
        kind = keyring.guard.get("kind")
        if kind == FILE_KIND:
            return self._by_file(folder, keyring, content)
        if kind == _passphrase.KIND:
            return self.by_passphrase(folder / FILE, keyring, content)
        raise served_elsewhere(folder / FILE, kind)

    @staticmethod
    def _by_file(folder: Path, keyring: Keyring, content: bytes) -> tuple[Guard, bytes]:
        for guard in _file_guards(folder, keyring):
            try:
                return guard, keyring.root_under(guard, content, folder / FILE)
            except NotOpenedError:
                continue
        raise broken(folder / MASTER, "it does not open the keyring beside it")

    def by_passphrase(self, place: Path, keyring: Keyring, content: bytes) -> tuple[Guard, bytes]:
        """The guard that the passphrase makes; what was typed once in this process is not asked for again."""
        facts = keyring.guard
        known = _passphrase.known_master(facts) if self._passphrase is None else None
        master = known or _passphrase.derived(self.ask(), facts, place)
        guard = MasterGuard(master, keyring.store, facts)
        try:
            root = keyring.root_under(guard, content, place)
        except NotOpenedError:
            raise wrong_passphrase(place) from None
        if self._passphrase is None:
            _passphrase.remember(facts, master)
        return guard, root

    def ask(self) -> str:
        """The passphrase, from whoever has it."""
        return (self._passphrase or _passphrase.given_passphrase)()


def file_guard(folder: Path, name: str, store: str) -> Guard:
    """A guard under a new master key, which is in a file of that name; sync the folder to keep it."""
    master = secrets.token_bytes(KEY_BYTES)
    write_new(folder / name, master)
    return MasterGuard(master, store, _FILE_FACTS)


def passphrase_guard(passphrase: str, store: str, place: Path) -> Guard:
    """A guard under the master key of a passphrase, with a fresh salt."""
    facts = _passphrase.new_facts()
    return MasterGuard(_passphrase.derived(passphrase, facts, place), store, facts)


def settle(folder: Path, keyring: Keyring, content: bytes) -> None:
    """Bring an interrupted rotation to its end, or undo it; what the keyring says is what counts.

    Who calls it holds the lock, and has opened the keyring.
    """
    if keyring.guard.get("kind") != FILE_KIND:
        shred(folder / MASTER)
        shred(folder / NEXT)
        return
    if not (folder / NEXT).exists():
        return
    if _is_opened_by(folder / NEXT, folder, keyring, content):
        # The keyring's new name may not be on the disk yet, and the old one opens under the old key alone.
        sync_folder(folder)
        shred(folder / MASTER)
        (folder / NEXT).rename(folder / MASTER)
        sync_folder(folder)
    elif _is_opened_by(folder / MASTER, folder, keyring, content):
        shred(folder / NEXT)
    # A key that could not be read just now may be the only one: both stay until one is seen to open.


def _is_opened_by(master: Path, folder: Path, keyring: Keyring, content: bytes) -> bool:
    """Whether the keyring opens under a master key, which is read anew."""
    try:
        keyring.root_under(guard_in(master, keyring), content, folder / FILE)
    except (NotOpenedError, OperatorError):
        return False
    return True


def is_unsettled(folder: Path, keyring: Keyring) -> bool:
    """Whether a rotation left something to do."""
    by_file = keyring.guard.get("kind") == FILE_KIND
    return (folder / NEXT).exists() or (not by_file and (folder / MASTER).exists())


def _file_guards(folder: Path, keyring: Keyring) -> Iterator[Guard]:
    """The guards that may be meant: while a rotation is under way, or after one that died, there are two."""
    if (folder / NEXT).exists():
        yield guard_in(folder / NEXT, keyring)
    yield guard_in(folder / MASTER, keyring)


def guard_in(path: Path, keyring: Keyring) -> Guard:
    """The guard of a key file.

    Raises:
        OperatorError: `key-missing`, `seal-broken` or `environment-unfit`.
    """
    try:
        master = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    _require_private(path)
    if len(master) != KEY_BYTES:
        raise broken(path, f"it has {len(master)} bytes, not {KEY_BYTES}")
    return MasterGuard(master, keyring.store, keyring.guard)


def require_private_folder(folder: Path) -> None:
    """Raise where others than the owner can read the key folder.

    Raises:
        OperatorError: `environment-unfit`, or `key-missing` where there is none.
    """
    if not folder.exists():
        raise unreadable(folder, FileNotFoundError(2, os.strerror(2)))
    _require_private(folder)


def _require_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        folder = path if path.is_dir() else path.parent
        raise OperatorError(
            "environment-unfit",
            "The key folder is open to others than its owner",
            where=str(path),
            found=f"mode {mode:04o}",
            next_step=f"run chmod -R go-rwx {folder}, on a file system that keeps modes, "
            "and ask who may have read the keys",
        )
