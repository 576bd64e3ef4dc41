"""The local key store."""

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


def test_everything_is_private(folder):
    """The key folder and its folders have mode 0700, every file in it 0600."""
    LocalKeyStore.create(folder).create_data_key()
    paths = [folder, *folder.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_keys_survive_reopening(folder):
    """A reopened store gives the same data keys and secrets; names have unrelated secrets."""
    store = LocalKeyStore.create(folder)
    key_id, key = store.create_data_key()
    again = LocalKeyStore.open(folder)
    assert again.data_key(key_id) == key
    assert again.secret("tokens") == store.secret("tokens") != store.secret("digests")
    assert len(key) == len(store.secret("tokens")) == 32


def test_create_opens_what_exists(folder):
    """Creating an existing store opens it and changes no file; an empty folder is filled."""
    folder.mkdir(mode=0o700)
    LocalKeyStore.create(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.key")}
    LocalKeyStore.create(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*.key")} == before
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
    """No file but the master key's holds a data key or the root of the secrets in clear."""
    store = LocalKeyStore.create(folder)
    _, key = store.create_data_key()
    for path in folder.rglob("*.key"):
        content = path.read_bytes()
        assert key not in content
        assert store._root not in content


def test_destroyed_key_is_gone(folder):
    """A destroyed data key has no file and is missing for every open store; destroying again is fine."""
    store, other = LocalKeyStore.create(folder), LocalKeyStore.open(folder)
    key_id, _ = store.create_data_key()
    other.data_key(key_id)
    store.destroy(key_id)
    store.destroy(key_id)
    assert not list((folder / "data").iterdir())
    with pytest.raises(OperatorError) as caught:
        other.data_key(key_id)
    assert caught.value.code.slug == "key-missing"


def test_shredding_overwrites_before_deleting(folder):
    """What another name of a destroyed key's file still shows is noise, not the wrapped key."""
    store = LocalKeyStore.create(folder)
    key_id, _ = store.create_data_key()
    file = folder / "data" / f"{key_id}.key"
    wrapped = file.read_bytes()
    (folder / "kept").hardlink_to(file)
    store.destroy(key_id)
    left = (folder / "kept").read_bytes()
    assert len(left) == len(wrapped)
    assert left != wrapped


@pytest.mark.parametrize("lost", ["master.key", "secrets.key", "."])
def test_missing_keys_are_said(folder, lost):
    """A store whose master key, secrets or folder are gone does not open, and makes no new ones."""
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


def test_changed_key_files_do_not_open(folder):
    """A key file with one bit flipped, cut short, or put under another key's name does not open."""
    store = LocalKeyStore.create(folder)
    (one, _), (two, _) = store.create_data_key(), store.create_data_key()
    file = folder / "data" / f"{one}.key"
    good = file.read_bytes()
    swapped = (folder / "data" / f"{two}.key").read_bytes()
    flipped = [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(len(good))]
    for bad in [swapped, good[:10], b"", *flipped]:
        file.write_bytes(bad)
        with pytest.raises(OperatorError) as caught:
            store.data_key(one)
        assert caught.value.code.slug == "seal-broken"


def test_open_folder_is_refused(folder):
    """A key folder that others may read is refused, with the mode found."""
    LocalKeyStore.create(folder)
    folder.chmod(0o755)
    with pytest.raises(OperatorError, match="0755") as caught:
        LocalKeyStore.open(folder)
    assert caught.value.code.slug == "environment-unfit"


@pytest.mark.parametrize("key_id", ["../master", "", "A" * 32, "0" * 31, "0" * 33 + "\n"])
def test_key_ids_are_not_paths(folder, key_id):
    """Only 32 lower hex digits name a key: nothing else reaches the file system."""
    store = LocalKeyStore.create(folder)
    for act in (store.data_key, store.destroy):
        with pytest.raises(OperatorError):
            act(key_id)
    assert (folder / "master.key").exists()
