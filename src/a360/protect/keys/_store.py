"""The key store over packs, whoever guards the keys of the packs."""

import fcntl
import os
import re
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from a360.errors import A360Error, OperatorError
from a360.failpoints import failpoint
from a360.files import DRAFTS, PRIVATE_FILE
from a360.protect.keys import _faults as faults
from a360.protect.keys._guards import KEY_BYTES, Guard, NotOpenedError
from a360.protect.keys._keyring import FILE, Keyring, Pack, read_keyring, write_keyring
from a360.protect.keys._openers import Opener
from a360.protect.keys._packs import (
    PACK_ID_BYTES,
    SLOT_BYTES,
    SLOTS,
    PackFolder,
    destroyed_at,
    destroyed_slot,
    is_destroyed,
    is_empty,
    opened_slot,
    sealed_slot,
    slots_in,
)

PACKS: Final = "packs"
LOCK: Final = ".lock"
LOST: Final = ".lost-"
_TRIES: Final = 3
_KEY_ID: Final = re.compile(r"[0-9a-f]{32}")
_PACK_ID: Final = 2 * PACK_ID_BYTES


@dataclass(frozen=True, slots=True)
class KeyStoreStatus:
    """What a key store holds."""

    store: str
    guard: str
    generation: int
    rotated_at: str
    packs: int
    data_keys: int
    destroyed: int
    unnamed_packs: int

    def to_json(self) -> dict[str, Any]:
        """The status as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Opened:
    """A keyring as it was read, and what opens it; the keys of packs are unwrapped once."""

    keyring: Keyring
    guard: Guard
    root: bytes
    stamp: tuple[int, ...]
    pack_keys: dict[str, bytes] = field(default_factory=dict)


class PackedKeyStore:
    """Keys in packs in a folder. Who writes holds its lock; readers need none."""

    def __init__(self, folder: Path, opener: Opener) -> None:
        self._folder = folder
        self._opener = opener
        self._packs = PackFolder(folder / PACKS)
        self._opened = self._open()

    @property
    def folder(self) -> Path:
        """The key folder."""
        return self._folder

    def create_data_key(self) -> tuple[str, bytes]:
        """A fresh data key and its id; the wrapped key is on the disk when this returns."""
        return self.create_data_keys(1)[0]

    def create_data_keys(self, count: int) -> list[tuple[str, bytes]]:
        """As many fresh data keys and their ids, on the disk when this returns."""
        if count < 1:
            return []
        with self._locked():
            opened = self.opened()
            made = self._fill_open_pack(opened, count)
            if len(made) < count:
                made += self._fill_new_packs(opened, count - len(made))
        return made

    def _fill_open_pack(self, opened: Opened, count: int) -> list[tuple[str, bytes]]:
        pack = opened.keyring.open_pack
        if pack is None:
            return []
        used = self._packs.used(pack.id)
        made = _new_keys(pack.id, used, min(count, SLOTS - used))
        if made:
            key = self._pack_key(opened, pack)
            self._packs.append(pack.id, used, _slots_of(key, used, made))
            failpoint("keys.create.appended")
        return made

    def _fill_new_packs(self, opened: Opened, count: int) -> list[tuple[str, bytes]]:
        """New packs come before the keyring that names them: one that it does not name holds nothing."""
        made: list[tuple[str, bytes]] = []
        added: list[Pack] = []
        try:
            while len(made) < count:
                pack_id = secrets.token_hex(PACK_ID_BYTES)
                key, wrapped = opened.guard.generate(pack_id)
                keys = _new_keys(pack_id, 0, min(count - len(made), SLOTS))
                added.append(Pack(pack_id, wrapped, SLOTS))
                self._packs.create(pack_id, _slots_of(key, 0, keys))
                made += keys
            added[-1] = Pack(added[-1].id, added[-1].wrapped)
            self._packs.sync()
            failpoint("keys.create.packed")
            keyring = opened.keyring.with_packs(added, closed=SLOTS)
            write_keyring(self._folder, keyring.to_bytes(opened.root))
        except BaseException:
            self._forget_packs(opened, added)
            raise
        self._opened = self._open()
        return made

    def _forget_packs(self, opened: Opened, added: Iterable[Pack]) -> None:
        """Take away what a failure left, unless the keyring names it: then it failed later."""
        if _stamp(self._folder) == opened.stamp:
            for pack in added:
                self._packs.path(pack.id).unlink(missing_ok=True)

    def data_key(self, key_id: str) -> bytes:
        """The data key of that id, read from the disk each time: a destroyed key is gone at once."""
        return self.data_keys([key_id])[0]

    def data_keys(self, key_ids: Sequence[str]) -> list[bytes]:
        """The data keys of those ids, in their order; a file is opened once for all of a pack.

        Raises:
            OperatorError: for the first that is not there, as `data_key`.
        """
        found: dict[str, bytes] = {}
        for pack_id, slots in self._places(key_ids).items():
            opened, pack = self._named(pack_id, slots[0])
            under = self._pack_key(opened, pack)
            for slot, held in zip(slots, self._packs.slots(pack_id, slots), strict=True):
                key_id = key_id_of(pack_id, slot)
                found[key_id] = self._key_in(under, key_id, slot, held)
        return [found[key_id] for key_id in key_ids]

    def _key_in(self, under: bytes, key_id: str, slot: int, held: bytes) -> bytes:
        if is_empty(held):
            raise faults.missing(self._folder, key_id, "its pack has no such key")
        if is_destroyed(held):
            at = destroyed_at(held)
            if at is not None:
                raise faults.destroyed(self._folder, key_id, at)
        try:
            return opened_slot(under, slot, held)
        except NotOpenedError:
            path = self._packs.path(key_id[:_PACK_ID])
            raise faults.broken(path, f"slot {slot} does not open") from None

    def destroy(self, key_id: str) -> None:
        """Overwrite the wrapped data key in its place; one that was destroyed already is no error."""
        self.destroy_data_keys([key_id])

    def destroy_data_keys(self, key_ids: Iterable[str]) -> None:
        """Destroy data keys; all of them are gone for good when this returns.

        Raises:
            OperatorError: `key-missing` for a key that the store never held: what is not there cannot be
                said to be destroyed. Then none of them is.
        """
        places = self._places(key_ids)
        mark = destroyed_slot(datetime.now(UTC))
        with self._locked():
            wanted = {pack: self._to_destroy(pack, slots) for pack, slots in places.items()}
            for pack, slots in wanted.items():
                if slots:
                    self._packs.overwrite(pack, dict.fromkeys(slots, mark))
                    failpoint("keys.destroy.overwritten")
            self._destroy_copies(places, mark)

    def _destroy_copies(self, places: Mapping[str, Sequence[int]], mark: bytes) -> None:
        """The same in folders that were put aside, whose old master may open them still, and in drafts."""
        for draft in (self._folder / PACKS).glob(DRAFTS):
            draft.unlink()
        for aside in put_aside(self._folder):
            for draft in (aside / PACKS).glob(DRAFTS):
                draft.unlink()
            packs = PackFolder(aside / PACKS)
            for pack, slots in places.items():
                if packs.path(pack).exists():
                    whole = packs.path(pack).stat().st_size // SLOT_BYTES - 1
                    packs.overwrite(pack, dict.fromkeys((slot for slot in slots if slot < whole), mark))

    def _to_destroy(self, pack: str, slots: Sequence[int]) -> list[int]:
        """Those of the slots that are not destroyed yet."""
        live = []
        for slot, held in zip(slots, self._packs.slots(pack, slots), strict=True):
            if is_empty(held):
                raise faults.missing(self._folder, key_id_of(pack, slot), "its pack has no such key")
            if not is_destroyed(held) or destroyed_at(held) is None:
                live.append(slot)
        return live

    def secret(self, name: str) -> bytes:
        """32 secret bytes of that name, derived from the root secret."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"a360 secret " + name.encode()).derive(
            self._opened.root
        )

    def key_ids(self) -> Iterator[str]:
        """The ids of all data keys that are there, in no order."""
        for pack in self.opened().keyring.packs:
            for slot, held in enumerate(slots_in(self._packs.content(pack))):
                if not (is_empty(held) or is_destroyed(held)):
                    yield key_id_of(pack, slot)

    def status(self) -> KeyStoreStatus:
        """What the store holds, counted on the disk."""
        keyring = self.opened().keyring
        live = gone = 0
        for pack in keyring.packs:
            slots = [each for each in slots_in(self._packs.content(pack)) if not is_empty(each)]
            destroyed = sum(map(is_destroyed, slots))
            live, gone = live + len(slots) - destroyed, gone + destroyed
        return KeyStoreStatus(
            store=keyring.store,
            guard=str(keyring.guard.get("kind")),
            generation=keyring.generation,
            rotated_at=keyring.rotated_at,
            packs=len(keyring.packs),
            data_keys=live,
            destroyed=gone,
            unnamed_packs=len(set(self._packs.names()) - set(keyring.packs)),
        )

    def damaged(self) -> list[str]:
        """Everything in the folder that is not what was written: files, slots and the ids of their keys.

        A destroyed key is no damage; a bit that flipped in the mark that took its place is.
        """
        try:
            opened = self._open()
        except A360Error as error:
            return [f"{error.where or self._folder}: {error.what}"]
        found: list[str] = []
        for pack in opened.keyring.packs.values():
            try:
                found += self._damage_in(opened, pack)
            except OperatorError as error:
                found.append(f"{PACKS}/{self._packs.path(pack.id).name}: {error.found or error.what}")
        return found

    def _damage_in(self, opened: Opened, pack: Pack) -> list[str]:
        under = self._pack_key(opened, pack)
        slots = slots_in(self._packs.content(pack.id))
        name = f"{PACKS}/{self._packs.path(pack.id).name}"
        found = []
        if pack.slots is not None and len(slots) != pack.slots:
            found.append(f"{name}: {len(slots)} of {pack.slots} keys are there")
        for slot, held in enumerate(slots):
            if not is_sound(under, slot, held):
                found.append(f"{name}: slot {slot}, key {key_id_of(pack.id, slot)}")
        return found

    def _places(self, key_ids: Iterable[str]) -> dict[str, list[int]]:
        places: dict[str, list[int]] = defaultdict(list)
        for key_id in dict.fromkeys(key_ids):
            if not _KEY_ID.fullmatch(key_id):
                raise faults.no_key_id(self._folder)
            places[key_id[:_PACK_ID]].append(int(key_id[_PACK_ID:], 16))
        return places

    def _named(self, pack_id: str, slot: int) -> tuple[Opened, Pack]:
        """A pack of the keyring, which another process may have added to it meanwhile."""
        opened = self._opened
        if pack_id not in opened.keyring.packs:
            opened = self.opened()
        pack = opened.keyring.packs.get(pack_id)
        if pack is None:
            raise faults.missing(self._folder, key_id_of(pack_id, slot), "the keyring names no such pack")
        return opened, pack

    def _pack_key(self, opened: Opened, pack: Pack) -> bytes:
        key = opened.pack_keys.get(pack.id)
        if key is None:
            try:
                key = opened.guard.unwrap(pack.id, pack.wrapped)
            except NotOpenedError:
                raise faults.broken(self._folder / FILE, f"the key of pack {pack.id} does not open") from None
            opened.pack_keys[pack.id] = key
        return key

    def opened(self) -> Opened:
        """The keyring as it is now: others add packs, and rotate."""
        if _stamp(self._folder) != self._opened.stamp:
            self._opened = self._open()
        return self._opened

    def _open(self) -> Opened:
        """Read and open the keyring; a rotation may come between that and what opens it, so once more."""
        for _ in range(_TRIES - 1):
            try:
                return self._open_once()
            except OperatorError as error:
                if error.code.slug not in {"key-missing", "seal-broken"}:
                    raise
        return self._open_once()

    def _open_once(self) -> Opened:
        stamp = _stamp(self._folder)
        keyring, content = read_keyring(self._folder)
        guard, root = self._opener.open(self._folder, keyring, content)
        return Opened(keyring, guard, root, stamp)

    def _rewrap(self, guard: Guard) -> None:
        """Wrap everything by another guard. The keyring is replaced as a whole; no pack is touched."""
        opened = self._opened
        try:
            keyring = opened.keyring.rewrapped(opened.guard, guard)
        except NotOpenedError:
            raise faults.broken(self._folder / FILE, "the key of a pack does not open") from None
        failpoint("keys.rotate.before-keyring")
        write_keyring(self._folder, keyring.to_bytes(opened.root))
        failpoint("keys.rotate.after-keyring")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self._folder):
            yield


def put_aside(folder: Path) -> list[Path]:
    """The key folders in whose place an import has put this one."""
    return sorted(folder.parent.glob(f"{folder.name}{LOST}*"))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a key folder against all others who write; the kernel lets go of it where a process dies."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _stamp(folder: Path) -> tuple[int, ...]:
    """What changes whenever the keyring is replaced."""
    try:
        facts = (folder / FILE).stat()
    except OSError:
        return ()
    return (facts.st_ino, facts.st_mtime_ns, facts.st_size)


def key_id_of(pack: str, slot: int) -> str:
    """The id of the key in a slot of a pack."""
    return f"{pack}{slot:04x}"


def _new_keys(pack: str, first: int, count: int) -> list[tuple[str, bytes]]:
    keys = secrets.token_bytes(KEY_BYTES * count)
    return [
        (key_id_of(pack, first + each), keys[each * KEY_BYTES : (each + 1) * KEY_BYTES])
        for each in range(count)
    ]


def _slots_of(pack_key: bytes, first: int, keys: Sequence[tuple[str, bytes]]) -> list[bytes]:
    return [sealed_slot(pack_key, slot, key) for slot, (_, key) in enumerate(keys, first)]


def is_sound(under: bytes, slot: int, held: bytes) -> bool:
    """Whether a slot holds what was written there: a key, the mark of a destroyed one, or nothing yet."""
    if is_empty(held) or (is_destroyed(held) and destroyed_at(held) is not None):
        return True
    try:
        opened_slot(under, slot, held)
    except NotOpenedError:
        return False
    return True
