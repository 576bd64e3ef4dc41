"""The local key store: its folder, its files, and what is wrong with them."""

import itertools
import stat
import subprocess
import sys
import time

import pytest

from a360.errors import OperatorError
from a360.protect import LocalKeyStore

_CREATE = """
import pathlib, sys, time
from a360.protect import LocalKeyStore
folder, go = map(pathlib.Path, sys.argv[1:])
while not go.exists():
    time.sleep(0.001)
print(LocalKeyStore.create(folder).secret("tokens").hex(), end="")
"""


@pytest.fixture
def folder(tmp_path):
    """Where a key store may be created."""
    return tmp_path / "keys"


def files(folder):
    """Every file of the keys with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_private(folder):
    """The key folder and its folders have mode 0700, every file in it 0600."""
    LocalKeyStore.create(folder).create_data_key()
    paths = [folder, *folder.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_create_opens_what_exists(folder):
    """Creating an existing store opens it and changes no file; an empty folder is filled."""
    folder.mkdir(mode=0o700)
    LocalKeyStore.create(folder)
    before = files(folder)
    LocalKeyStore.create(folder)
    assert files(folder) == before
    assert not [path for path in folder.parent.iterdir() if path != folder]


def test_processes_creating_at_once_agree(folder):
    """Processes that create the store at the same moment all end up with the same keys."""
    go = folder.parent / "go"
    command = [sys.executable, "-c", _CREATE, str(folder), str(go)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    time.sleep(1)
    go.touch()
    secrets = {process.communicate(timeout=60)[0] for process in processes}
    assert len(secrets) == 1
    assert len(secrets.pop()) == 64
    go.unlink()
    assert [path.name for path in folder.parent.iterdir()] == ["keys"]


def test_no_key_lies_in_clear(folder):
    """No file but the master key's holds a data key, the key of a pack or the root of the secrets."""
    store = LocalKeyStore.create(folder)
    _, key = store.create_data_key()
    store.data_keys(list(store.key_ids()))
    secret = [key, store._opened.root, *store._opened.pack_keys.values()]
    for content in files(folder).values():
        assert not [each for each in secret if each in content]


def test_a_destroyed_key_is_overwritten_in_its_place(folder):
    """The bytes of a destroyed key are in no file, and not under another name that its pack had."""
    store = LocalKeyStore.create(folder)
    (key_id, _), _ = store.create_data_keys(2)
    (pack,) = (folder / "packs").iterdir()
    wrapped = pack.read_bytes()[48:96]
    (folder / "kept").hardlink_to(pack)
    store.destroy(key_id)
    assert not [path for path, content in files(folder).items() if wrapped in content]


@pytest.mark.parametrize("lost", ["master.key", "keyring.json", "."])
def test_missing_keys_are_said(folder, lost):
    """A store whose master key, keyring or folder are gone does not open, and makes no new ones."""
    LocalKeyStore.create(folder)
    target = folder / lost
    if target.is_dir():
        target.rename(folder.parent / "elsewhere")
    else:
        target.unlink()
    with pytest.raises(OperatorError) as caught:
        LocalKeyStore.open(folder)
    assert caught.value.code.slug == "key-missing"
    if lost != ".":
        with pytest.raises(OperatorError):
            LocalKeyStore.create(folder)


def test_a_destroyed_key_is_told_from_a_missing_one(folder):
    """Destroyed, never there, pack lost: three answers, and a key that never was cannot be destroyed."""
    store = LocalKeyStore.create(folder)
    (gone, _), (other, _) = store.create_data_keys(2)
    store.destroy(gone)
    never = other[:28] + "03ff"
    slugs = {}
    for name, key_id in (("gone", gone), ("never", never), ("no pack", "0" * 32)):
        with pytest.raises(OperatorError) as caught:
            store.data_key(key_id)
        slugs[name] = caught.value.code.slug
    assert slugs == {"gone": "key-destroyed", "never": "key-missing", "no pack": "key-missing"}
    for key_ids in ([other, never], [other, "0" * 32]):
        with pytest.raises(OperatorError):
            store.destroy_data_keys(key_ids)
    assert store.data_key(other)
    next((folder / "packs").iterdir()).unlink()
    with pytest.raises(OperatorError) as caught:
        store.data_key(other)
    assert caught.value.code.slug == "key-missing"


def test_every_flipped_bit_is_found(folder):
    """A bit that flips in any file of the keys, in a destroyed key's place too, shows as damage."""
    store = LocalKeyStore.create(folder)
    (gone, _), _ = store.create_data_keys(2)
    store.destroy(gone)
    assert store.damaged() == []
    missed = []
    for path, good in files(folder).items():
        for at, bit in itertools.product(range(len(good)), (0, 3, 7)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
            missed += [] if store.damaged() else [(path.name, at, bit)]
        path.write_bytes(good)
    assert missed == []
    assert store.damaged() == []


def test_cut_packs_are_found(folder):
    """A full pack that lost keys at its end is damaged, and so is one that became another file."""
    store = LocalKeyStore.create(folder)
    store.create_data_keys(1025)
    full = max((folder / "packs").iterdir(), key=lambda path: path.stat().st_size)
    good = full.read_bytes()
    for bad in (good[:-48], good[:-1], good[:48], b"", b"x" * len(good)):
        full.write_bytes(bad)
        assert full.name in store.damaged()[0]


def test_keys_do_not_open_in_another_place(folder):
    """Two slots that change places, in a pack or between packs, open nothing."""
    store = LocalKeyStore.create(folder)
    made = store.create_data_keys(1025)
    one, two = (folder / "packs" / f"{made[at][0][:28]}.pack" for at in (0, 1024))
    content = one.read_bytes()
    one.write_bytes(content[:48] + content[96:144] + content[48:96] + content[144:])
    two.write_bytes(two.read_bytes()[:48] + content[48:96])
    for key_id in (made[0][0], made[1][0], made[1024][0]):
        with pytest.raises(OperatorError) as caught:
            store.data_key(key_id)
        assert caught.value.code.slug == "seal-broken"
    assert store.data_key(made[2][0]) == made[2][1]


def test_a_half_written_slot_is_written_over(folder):
    """What a process that died left at the end of a pack is no damage, and the next key takes its place."""
    store = LocalKeyStore.create(folder)
    first = store.create_data_key()
    (pack,) = (folder / "packs").iterdir()
    pack.write_bytes(pack.read_bytes() + b"half")
    assert store.damaged() == []
    second = store.create_data_key()
    assert store.data_keys([first[0], second[0]]) == [first[1], second[1]]
    assert pack.stat().st_size == 3 * 48


def test_open_folder_is_refused(folder):
    """A key folder that others may read is refused, with the mode found."""
    LocalKeyStore.create(folder)
    folder.chmod(0o755)
    with pytest.raises(OperatorError, match="0755") as caught:
        LocalKeyStore.open(folder)
    assert caught.value.code.slug == "environment-unfit"


def test_an_older_form_is_told(folder):
    """A key folder of a form that this version does not know says so, and is left as it is."""
    folder.mkdir(mode=0o700)
    (folder / "secrets.key").write_bytes(b"x")
    with pytest.raises(OperatorError) as caught:
        LocalKeyStore.create(folder)
    assert caught.value.code.slug == "not-a-lake"


@pytest.mark.parametrize("key_id", ["../master", "", "A" * 32, "0" * 31, "0" * 33 + "\n"])
def test_key_ids_are_not_paths(folder, key_id):
    """Only 32 lower hex digits name a key: nothing else reaches the file system."""
    store = LocalKeyStore.create(folder)
    for act in (store.data_key, store.destroy):
        with pytest.raises(OperatorError):
            act(key_id)
    assert (folder / "master.key").exists()


def test_a_full_disk_leaves_the_store_as_it_was(folder, monkeypatch):
    """Where the disk takes no more, no key is given out and all keys from before stay."""
    store = LocalKeyStore.create(folder)
    made = store.create_data_keys(1000)
    before = files(folder)

    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    for place in ("_packs._write_at", "_packs.write_new", "_store.write_keyring"):
        with monkeypatch.context() as patched:
            patched.setattr(f"a360.protect.keys.{place}", full)
            with pytest.raises(OSError, match="No space"):
                store.create_data_keys(1200)
    assert files(folder).keys() == before.keys()
    assert store.damaged() == []
    assert store.data_keys([key_id for key_id, _ in made]) == [key for _, key in made]
