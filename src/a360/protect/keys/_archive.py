"""Copies of a key store in one file: a backup under the same guard, an escrow under a passphrase of its own.

The file is a tar of the keyring and the packs, and holds nothing in clear. What comes back from one never
brings a destroyed key with it: destroyed on either side is destroyed.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Protocol

from a360.errors import A360Error, OperatorError
from a360.failpoints import failpoint
from a360.files import sync_folder, whole
from a360.protect._files import PRIVATE_FOLDER
from a360.protect.keys import _faults as faults
from a360.protect.keys._exchange import exchange
from a360.protect.keys._guards import Guard, NotOpenedError
from a360.protect.keys._keyring import FILE, Keyring, Pack, read_keyring, write_keyring
from a360.protect.keys._local import LocalKeyStore, is_missing_or_empty
from a360.protect.keys._openers import FILE_KIND, MASTER, LocalOpener, file_guard, guard_in, passphrase_guard
from a360.protect.keys._packs import (
    SLOT_BYTES,
    SLOTS,
    PackFolder,
    has_header,
    is_destroyed,
    slots_in,
)
from a360.protect.keys._passphrase import KIND, Passphrase, require_strong
from a360.protect.keys._slots import Slots
from a360.protect.keys._store import LOCK, LOST, PACKS, Opened, PackedKeyStore, locked, put_aside

_LARGEST_KEYRING: Final = 1 << 30
_UNFINISHED: Final = ".unfinished"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: packs looked at, keys brought back, keys kept destroyed, slots that are damaged."""

    packs: int
    restored: int
    kept_destroyed: int
    damaged: int

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive that was opened."""

    keyring: Keyring
    guard: Guard
    root: bytes
    packs: Mapping[str, Sequence[bytes]]


def back_up(store: PackedKeyStore, path: Path) -> None:
    """Write a consistent copy that opens as the store itself does; the key file is not in it.

    Raises:
        OSError: it cannot be written; FileExistsError where there is a file already.
    """
    _write(store, path, lambda opened: opened.keyring)


def export(store: PackedKeyStore, path: Path, passphrase: str) -> None:
    """Write a copy for escrow, which opens with this passphrase and nothing else.

    Raises:
        UsageError: `usage` for a short passphrase.
        OSError: it cannot be written; FileExistsError where there is a file already.
    """
    require_strong(passphrase)

    def escrow(opened: Opened) -> Keyring:
        return opened.keyring.rewrapped(
            opened.guard, passphrase_guard(passphrase, opened.keyring.store, path)
        )

    _write(store, path, escrow)


def _write(store: PackedKeyStore, path: Path, keyring_of: Callable[[Opened], Keyring]) -> None:
    """Keyring first: a pack that came later is not named, and what it names is there."""
    opened = store.opened()
    content = keyring_of(opened).to_bytes(opened.root)
    packs = PackFolder(store.folder / PACKS)
    with whole(path, replace=False) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        _add(archive, FILE, content)
        for pack in opened.keyring.packs:
            with locked(store.folder):
                held = packs.content(pack)
            _add(archive, f"{PACKS}/{packs.path(pack).name}", held)
    sync_folder(path.absolute().parent)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


class Form(Protocol):
    """A form of the key store that keys are brought back into."""

    def archived(self, keyring: Keyring, content: bytes, path: Path) -> tuple[Guard, bytes]:
        """What opens an archive, and the root of its secrets."""
        ...

    def open(self, folder: Path) -> PackedKeyStore:
        """The key store in a folder."""
        ...

    def guard(self, folder: Path, store: str) -> Guard:
        """The guard of a store that is made anew; a folder may hold a file of it."""
        ...


@dataclass(frozen=True, slots=True)
class LocalForm:
    """A local store. Archives open with a passphrase or the key file `master`, the folder with `own`."""

    passphrase: Passphrase | None
    master: Path
    own: Passphrase | None = None

    def archived(self, keyring: Keyring, content: bytes, path: Path) -> tuple[Guard, bytes]:
        """What opens an archive, and the root of its secrets."""
        if keyring.guard.get("kind") == KIND:
            return LocalOpener(self.passphrase).by_passphrase(path, keyring, content)
        if keyring.guard.get("kind") != FILE_KIND:
            raise faults.served_elsewhere(path, keyring.guard.get("kind"))
        return _by_file(self.master, keyring, content, path)

    def open(self, folder: Path) -> PackedKeyStore:
        """The key store in a folder."""
        return LocalKeyStore.open(folder, self.own)

    def guard(self, folder: Path, store: str) -> Guard:
        """A guard under a new key file."""
        return file_guard(folder, MASTER, store)


def import_keys(
    folder: Path,
    path: Path,
    passphrase: Passphrase | None = None,
    *,
    master: Path | None = None,
    anew: bool = False,
    destroyed: Collection[str] = (),
) -> ImportReport:
    """Bring keys back from a backup or an escrow, into a key folder that lost some or all of them.

    Keys that are there stay, and a key that was destroyed on either side stays destroyed. A folder that does
    not open any more is put aside as `keys.lost-…`, and made anew under a new key file.

    Args:
        folder: The key folder; made where it is missing.
        path: The backup or the escrow.
        passphrase: Where the archive's passphrase comes from; None for the setting or the terminal.
        master: The key file that a backup opens with, where it is not in the folder.
        anew: Do not try to open the folder: nobody knows its passphrase any more.
        destroyed: The ids of keys that are known to be destroyed, whatever the files say.

    Raises:
        OperatorError: `keys-foreign` where the archive is of another lake, `seal-broken` where it is damaged,
            `key-missing` where the key file of a backup is not there, `passphrase-wrong`,
            `environment-unfit` where a key service guards the archive.
    """
    form = LocalForm(passphrase, master or folder / MASTER)
    return bring_back(folder, path, form, anew=anew, destroyed=destroyed)


def bring_back(
    folder: Path, path: Path, form: Form, *, anew: bool = False, destroyed: Collection[str] = ()
) -> ImportReport:
    """Bring keys back into a folder of any form; see `import_keys`.

    At no time is there a key in the folder that was destroyed, or one missing that was there. A folder that
    opens is filled pack by pack, each as a whole; one that does not is replaced as a whole.
    """
    archive = _read(path, form)
    gone = frozenset(destroyed)
    if is_missing_or_empty(folder):
        return _make(folder, archive, form, gone)
    _require_same_store(folder, archive, path)
    store = None if anew else _opened_or_none(folder, form)
    with locked(folder):
        if store is None:
            return _make(folder, archive, form, gone)
        return _merge(folder, store.opened(), archive, [folder, *put_aside(folder)], gone)


def _opened_or_none(folder: Path, form: Form) -> PackedKeyStore | None:
    try:
        return form.open(folder)
    except A360Error as error:
        if error.code.slug not in {"key-missing", "seal-broken"}:
            raise
        return None


def _require_same_store(folder: Path, archive: _Archive, path: Path) -> None:
    try:
        here = read_keyring(folder)[0].store
    except OperatorError as error:
        if error.code.slug == "not-a-lake":
            raise
        return
    if here != archive.keyring.store:
        raise OperatorError(
            "keys-foreign",
            "The backup or escrow belongs to another lake",
            where=str(path),
            found=f"keys of the store {archive.keyring.store}, here is {here}",
            next_step="name the backup or escrow of this lake",
        )


def _read(path: Path, form: Form) -> _Archive:
    try:
        with tarfile.open(path, "r:") as archive:
            content = _member(archive, FILE, _LARGEST_KEYRING)
            keyring = Keyring.of_bytes(content, path)
            guard, root = form.archived(keyring, content, path)
            packs = {each: _slots_of(archive, each, path) for each in keyring.packs}
    except OSError as error:
        raise OperatorError(
            "input-missing",
            "The backup or escrow cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            next_step="name a file that `a360 keys backup` or `a360 keys export` wrote",
        ) from None
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise faults.broken(path, "it is no whole backup or escrow of keys") from error
    return _Archive(keyring, guard, root, packs)


def _by_file(master: Path, keyring: Keyring, content: bytes, path: Path) -> tuple[Guard, bytes]:
    guard = guard_in(master, keyring)
    try:
        return guard, keyring.root_under(guard, content, path)
    except NotOpenedError:
        raise OperatorError(
            "key-missing",
            "The backup does not open under this key file",
            where=str(path),
            found=f"the key file {master}, which is of another time or another lake",
            next_step="name the key file of the backup's time with --master, or import an escrow",
        ) from None


def _slots_of(archive: tarfile.TarFile, pack: str, path: Path) -> Sequence[bytes]:
    content = _member(archive, f"{PACKS}/{pack}.pack", (SLOTS + 1) * SLOT_BYTES)
    if not has_header(content, pack):
        raise faults.broken(path, f"pack {pack} in it is not that pack")
    return slots_in(content)


def _member(archive: tarfile.TarFile, name: str, largest: int) -> bytes:
    entry = archive.getmember(name)
    stream: IO[bytes] | None = archive.extractfile(entry)
    content = b"" if stream is None or entry.size > largest else stream.read()
    if len(content) != entry.size:
        raise ValueError(name)
    return content


def _make(folder: Path, archive: _Archive, form: Form, gone: Collection[str]) -> ImportReport:
    """A key folder of an archive, under a new guard; what was there is put aside, and is a record too."""
    for each in put_aside(folder):
        if (each / _UNFINISHED).exists():
            shutil.rmtree(each)
    part = folder.with_name(f"{folder.name}{LOST}{datetime.now(UTC):%Y%m%d%H%M%S%f}")
    try:
        (part / PACKS).mkdir(mode=PRIVATE_FOLDER, parents=True)
        part.chmod(PRIVATE_FOLDER)
        (part / _UNFINISHED).touch()
        guard = form.guard(part, archive.keyring.store)
        start = replace(archive.keyring.rewrapped(archive.guard, guard), packs={})
        before = Opened(start, guard, archive.root, ())
        report = _merge(part, before, archive, [folder, *put_aside(folder)], gone)
        _put_in_place(part, folder)
    except BaseException:
        if (part / _UNFINISHED).exists():
            shutil.rmtree(part)
        raise
    sync_folder(folder.parent)
    return report


def _put_in_place(part: Path, folder: Path) -> None:
    """Have a folder that was made take the place of one that may be there, which takes its name."""
    if (folder / LOCK).exists():
        # Who waits for the lock of the one that goes waits for the same lock in the one that comes.
        (part / LOCK).unlink(missing_ok=True)
        os.link(folder / LOCK, part / LOCK)
    (part / _UNFINISHED).unlink()
    sync_folder(part)
    failpoint("keys.import.made")
    if is_missing_or_empty(folder):
        part.rename(folder)
    else:
        exchange(part, folder)
    failpoint("keys.import.aside")


def _merge(
    folder: Path, here: Opened, archive: _Archive, records: Sequence[Path], gone: Collection[str]
) -> ImportReport:
    """What is to be destroyed first, then packs, then the keyring that names them.

    All is looked at before anything is written. `records` are folders that tell what was destroyed.
    """
    packs = PackFolder(folder / PACKS)
    merged, added, counts = {}, [], [0, 0, 0]
    for pack in archive.keyring.packs.values():
        ours = _slots_in(packs, pack.id)
        wanted = Slots(packs.path(pack.id), pack.id, _pack_key(archive, pack), ours, archive.packs[pack.id])
        slots = wanted.merged([_told_in(each, pack.id) for each in records], gone)
        counts = [sum(each) for each in zip(counts, wanted.counts, strict=True)]
        if slots != ours:
            merged[pack.id] = slots
        known = here.keyring.packs.get(pack.id)
        if known is None or len(slots) > len(ours):
            wrapped = here.guard.rewrap(pack.id, pack.wrapped, archive.guard)
            # Its next slot may have been given out after the copy was made: it takes no more keys.
            least = 0 if known is None else known.slots or 0
            added.append(Pack(pack.id, wrapped, max(len(slots), least)))
    for pack_id, slots in merged.items():
        _destroy_before(packs, pack_id, slots)
    failpoint("keys.import.destroyed")
    for pack_id, slots in merged.items():
        packs.put(pack_id, slots)
        failpoint("keys.import.pack")
    packs.sync()
    failpoint("keys.import.packed")
    names = {each.id: each for each in added}
    kept = {name: names.pop(name, each) for name, each in here.keyring.packs.items()}
    # The pack that takes new keys stays the last.
    keyring = replace(here.keyring, packs=names | kept)
    write_keyring(folder, keyring.to_bytes(here.root))
    return ImportReport(len(archive.packs), *counts)


def _destroy_before(packs: PackFolder, pack: str, slots: Sequence[bytes]) -> None:
    """Overwrite in their place the keys that are to be destroyed: a new file would leave the old bytes."""
    ours = _slots_in(packs, pack)
    marks = {
        at: slot
        for at, (held, slot) in enumerate(zip(ours, slots, strict=False))
        if is_destroyed(slot) and held != slot
    }
    if marks:
        packs.overwrite(pack, marks)


def _told_in(folder: Path, pack: str) -> list[bytes]:
    """The slots of a pack that may be damaged: the marks in it count, whatever its beginning says."""
    try:
        return slots_in(PackFolder(folder / PACKS).path(pack).read_bytes())
    except OSError:
        return []


def _slots_in(packs: PackFolder, pack: str) -> list[bytes]:
    try:
        return slots_in(packs.content(pack))
    except OperatorError:
        return []


def _pack_key(archive: _Archive, pack: Pack) -> bytes:
    return archive.guard.unwrap(pack.id, pack.wrapped)
