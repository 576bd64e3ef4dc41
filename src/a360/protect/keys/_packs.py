"""Packs: files of data keys, each in a slot of its own, so that one is read or destroyed by itself.

    48 bytes        magic and version, the pack's id, zeros
    48 bytes a slot the key and the slot's number, by AES-KWP under the pack's key

A slot that was destroyed holds when, and a digest that tells a flipped bit. A pack grows at its end until it
is full. A slot of zeros, or a part of one at the end, is what a dead process left: nobody was given its key.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from a360.files import sync_folder, write_new, write_whole
from a360.protect.keys._faults import broken, unreadable
from a360.protect.keys._guards import KEY_BYTES, NotOpenedError, unwrapped

SLOTS: Final = 1024
SLOT_BYTES: Final = 48
PACK_ID_BYTES: Final = 14
_MAGIC: Final = b"A360PACK\x01"
_GONE: Final = b"A360 destroyed\x01\x00"
_EMPTY: Final = bytes(SLOT_BYTES)
_NUMBER: Final = struct.Struct(">Q")
_SUFFIX: Final = ".pack"


def sealed_slot(pack_key: bytes, slot: int, key: bytes) -> bytes:
    """A key as its slot holds it: it opens in no other."""
    return aes_key_wrap_with_padding(pack_key, key + _NUMBER.pack(slot))


def opened_slot(pack_key: bytes, slot: int, held: bytes) -> bytes:
    """The key in a slot; NotOpenedError where it is none of this pack and this slot."""
    plain = unwrapped(pack_key, held)
    if plain[KEY_BYTES:] != _NUMBER.pack(slot):
        raise NotOpenedError
    return plain[:KEY_BYTES]


def destroyed_slot(at: datetime) -> bytes:
    """What takes a destroyed key's place."""
    head = _GONE + _NUMBER.pack(int(at.timestamp() * 1000))
    return head + _digest(head)


def is_destroyed(held: bytes) -> bool:
    """Whether a slot holds the mark of a destroyed key, sound or damaged."""
    return held.startswith(_GONE)


def resembles_destroyed(held: bytes) -> bool:
    """Whether a slot that holds no key once held such a mark: most of its beginning still does.

    A wrapped key is as good as random, and shares three parts in four of it with nothing.
    """
    same = sum(one == other for one, other in zip(held, _GONE, strict=False))
    return 4 * same >= 3 * len(_GONE)


def destroyed_at(held: bytes) -> datetime | None:
    """When a key was destroyed; None where the mark is damaged."""
    head = held[: len(_GONE) + _NUMBER.size]
    if held[len(head) :] != _digest(head):
        return None
    return datetime.fromtimestamp(_NUMBER.unpack(head[len(_GONE) :])[0] / 1000, UTC)


def is_empty(held: bytes) -> bool:
    """Whether nothing was ever given out from a slot."""
    return len(held) < SLOT_BYTES or held == _EMPTY


def _digest(head: bytes) -> bytes:
    return hashlib.sha256(head).digest()[: SLOT_BYTES - len(_GONE) - _NUMBER.size]


def packed(pack: str, slots: Iterable[bytes]) -> bytes:
    """The content of a pack."""
    return _header(pack) + b"".join(slots)


def _header(pack: str) -> bytes:
    return (_MAGIC + bytes.fromhex(pack)).ljust(SLOT_BYTES, b"\0")


def slots_in(content: bytes) -> list[bytes]:
    """The slots of a whole pack's content, with a part of one at the end left out."""
    whole = len(content) - len(content) % SLOT_BYTES
    return [content[at : at + SLOT_BYTES] for at in range(SLOT_BYTES, whole, SLOT_BYTES)]


def has_header(content: bytes, pack: str) -> bool:
    """Whether content is a pack's, and of this one."""
    return content[:SLOT_BYTES] == _header(pack)


class PackFolder:
    """The folder of the packs. Who writes holds the key store's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, pack: str) -> Path:
        """The file of a pack."""
        return self.folder / f"{pack}{_SUFFIX}"

    def names(self) -> list[str]:
        """The ids of the packs that are there."""
        return sorted(each.stem for each in self.folder.glob(f"*{_SUFFIX}"))

    def create(self, pack: str, slots: Iterable[bytes]) -> None:
        """Write a new pack; it is there for good after `sync`."""
        write_new(self.path(pack), packed(pack, slots))

    def sync(self) -> None:
        """Make the names of new packs durable."""
        sync_folder(self.folder)

    def used(self, pack: str) -> int:
        """How many slots of a pack are taken."""
        try:
            size = self.path(pack).stat().st_size
        except OSError as error:
            raise unreadable(self.path(pack), error) from error
        return max(size // SLOT_BYTES - 1, 0)

    def append(self, pack: str, used: int, slots: Sequence[bytes]) -> None:
        """Write slots after the first `used`, durably; where that fails, the pack is as it was."""
        end = (used + 1) * SLOT_BYTES
        with self._changing(pack) as descriptor:
            try:
                os.ftruncate(descriptor, end)
                _write_at(descriptor, b"".join(slots), end)
            except BaseException:
                os.ftruncate(descriptor, end)
                raise

    def overwrite(self, pack: str, slots: Mapping[int, bytes]) -> None:
        """Replace slots in place, durably: the bytes that were there are not kept anywhere."""
        if not slots:
            return
        with self._changing(pack) as descriptor:
            for slot, held in slots.items():
                _write_at(descriptor, held, (slot + 1) * SLOT_BYTES)

    def slots(self, pack: str, wanted: Iterable[int]) -> Iterator[bytes]:
        """What some slots hold."""
        try:
            descriptor = os.open(self.path(pack), os.O_RDONLY)
        except OSError as error:
            raise unreadable(self.path(pack), error) from error
        try:
            for slot in wanted:
                yield os.pread(descriptor, SLOT_BYTES, (slot + 1) * SLOT_BYTES)
        finally:
            os.close(descriptor)

    def content(self, pack: str) -> bytes:
        """A whole pack.

        Raises:
            OperatorError: `key-missing` where it is not there, `seal-broken` where it is no pack, or another.
        """
        path = self.path(pack)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
        if not has_header(content, pack):
            raise broken(path, "it does not begin as this pack does")
        return content

    @contextmanager
    def _changing(self, pack: str) -> Iterator[int]:
        try:
            descriptor = os.open(self.path(pack), os.O_RDWR)
        except OSError as error:
            raise unreadable(self.path(pack), error) from error
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def put(self, pack: str, slots: Sequence[bytes]) -> None:
        """Write a pack as a whole, in the place of the one that may be there."""
        write_whole(self.path(pack), packed(pack, slots))


def _write_at(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        done = os.pwrite(descriptor, view, at)
        view, at = view[done:], at + done
