"""Backups and escrows of keys, and what comes back from them."""

import os
import shutil
import signal
import stat
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from a360.errors import A360Error, OperatorError
from a360.failpoints import FailpointError
from a360.protect import LocalKeyStore
from a360.protect.keys import _exchange, _passphrase, back_up, export, import_keys

WORDS = "words for the escrow"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """Argon2id at a cost that a test can pay many times."""
    monkeypatch.setitem(_passphrase._COST, "memory_kib", 64)
    monkeypatch.setitem(_passphrase._COST, "iterations", 1)


@pytest.fixture
def folder(tmp_path):
    """Where a key store may be created."""
    return tmp_path / "keys"


@pytest.fixture
def store(folder):
    """A key store with keys in two packs, some of them destroyed."""
    made = LocalKeyStore.create(folder)
    made.known = dict(made.create_data_keys(1500))
    ids = list(made.known)
    made.destroy_data_keys([ids[3], ids[1400]])
    for gone in (ids[3], ids[1400]):
        del made.known[gone]
    return made


def again(folder, path):
    """Import an escrow."""
    return import_keys(folder, path, lambda: WORDS)


def holds(folder, known):
    """Whether the store in a folder has these keys and no others, undamaged."""
    store = LocalKeyStore.open(folder)
    assert set(store.key_ids()) == known.keys()
    assert store.data_keys(list(known)) == list(known.values())
    assert store.damaged() == []
    return store


def refusal(act, *given, **more):
    """The code of the error that an act ends in."""
    with pytest.raises(A360Error) as caught:
        act(*given, **more)
    return caught.value.code.slug


def test_an_escrow_brings_a_lost_folder_back(store, folder, tmp_path):
    """From an escrow and its passphrase alone come all keys, secrets and marks, under a new key file."""
    master, secret = (folder / "master.key").read_bytes(), store.secret("tokens")
    export(store, tmp_path / "escrow", WORDS)
    assert stat.S_IMODE((tmp_path / "escrow").stat().st_mode) == 0o600
    shutil.rmtree(folder)
    assert (
        refusal(import_keys, folder, tmp_path / "escrow", lambda: "another than that") == "passphrase-wrong"
    )
    assert not folder.exists()
    assert again(folder, tmp_path / "escrow").to_json() == {
        "packs": 2, "restored": 1498, "kept_destroyed": 0, "damaged": 0,
    }  # fmt: skip
    back = holds(folder, store.known)
    assert back.secret("tokens") == secret
    assert back.status().destroyed == 2
    assert (folder / "master.key").read_bytes() != master


def test_a_forgotten_passphrase_is_replaced_by_an_escrow(store, folder, tmp_path):
    """Asked for the folder anew, an escrow stands in for a forgotten passphrase; marks still count."""
    export(store, tmp_path / "escrow", WORDS)
    gone = next(iter(store.known))
    store.destroy(gone)
    del store.known[gone]
    store.set_passphrase("what everybody forgot")
    with pytest.raises(A360Error):
        again(folder, tmp_path / "escrow")
    import_keys(folder, tmp_path / "escrow", lambda: WORDS, anew=True)
    assert refusal(holds(folder, store.known).data_key, gone) == "key-destroyed"


def test_no_archive_holds_a_key_in_clear(store, folder, tmp_path):
    """Neither a backup nor an escrow holds the master, a secret, a data key or the key of a pack in clear."""
    back_up(store, tmp_path / "backup")
    export(store, tmp_path / "escrow", WORDS)
    secret = [*list(store.known.values())[:50], store.opened().root, (folder / "master.key").read_bytes()]
    secret += store.opened().pack_keys.values()
    for content in ((tmp_path / name).read_bytes() for name in ("backup", "escrow")):
        assert not [each for each in secret if each[:8] in content]
    with tarfile.open(tmp_path / "backup") as archive:
        assert "master.key" not in archive.getnames()


def test_a_destroyed_key_never_comes_back(store, folder, tmp_path):
    """What was destroyed after a copy was made stays so, in a folder that opens and in one that does not."""
    export(store, tmp_path / "escrow", WORDS)
    gone = list(store.known)[:2]
    for key_id in gone:
        del store.known[key_id]
    store.destroy_data_keys(gone)
    assert again(folder, tmp_path / "escrow").to_json()["kept_destroyed"] == 2
    holds(folder, store.known)
    (folder / "master.key").unlink()
    assert again(folder, tmp_path / "escrow").to_json()["kept_destroyed"] == 2
    assert refusal(holds(folder, store.known).data_key, gone[0]) == "key-destroyed"
    assert len(list(folder.parent.glob("keys.lost-*"))) == 1


def test_a_newer_copy_destroys_what_it_says_was(store, folder, tmp_path):
    """A copy that says a key was destroyed destroys it in a folder that is older."""
    shutil.copytree(folder, tmp_path / "older")
    gone = next(iter(store.known))
    store.destroy(gone)
    export(store, tmp_path / "escrow", WORDS)
    again(tmp_path / "older", tmp_path / "escrow")
    del store.known[gone]
    holds(tmp_path / "older", store.known)


def test_only_what_is_missing_comes_back(store, folder, tmp_path):
    """Lost packs, cut packs and damaged slots come back; keys that came after the copy stay as they are."""
    back_up(store, tmp_path / "backup")
    later = dict(store.create_data_keys(700))
    one, two, _ = sorted((folder / "packs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    content = two.read_bytes()
    one.unlink()
    two.write_bytes(content[:48] + b"x" * 480 + content[528:])
    assert len(store.damaged()) > 5
    report = import_keys(folder, tmp_path / "backup")
    assert report.damaged == 0
    holds(folder, store.known | later)


def test_ids_are_never_given_out_twice(store, folder, tmp_path):
    """After an import new keys go to a new pack: ids that were given out after the copy stay unused."""
    export(store, tmp_path / "escrow", WORDS)
    lost = {key_id for key_id, _ in store.create_data_keys(300)}
    shutil.rmtree(folder)
    again(folder, tmp_path / "escrow")
    back = LocalKeyStore.open(folder)
    made = {key_id for key_id, _ in back.create_data_keys(1500)}
    assert not made & (lost | store.known.keys())
    assert refusal(back.data_key, lost.pop()) == "key-missing"


def test_a_backup_opens_under_its_own_key_file(store, folder, tmp_path):
    """After a rotation a backup of before opens with the key file of then alone, wherever that lies."""
    back_up(store, tmp_path / "backup")
    shutil.copy(folder / "master.key", tmp_path / "kept.key")
    store.rotate()
    assert refusal(import_keys, folder, tmp_path / "backup") == "key-missing"
    import_keys(folder, tmp_path / "backup", master=tmp_path / "kept.key")
    holds(folder, store.known)


def test_keys_of_another_lake_are_refused(store, folder, tmp_path):
    """An escrow of another lake changes nothing here."""
    other = LocalKeyStore.create(tmp_path / "other")
    export(other, tmp_path / "escrow", WORDS)
    assert refusal(again, folder, tmp_path / "escrow") == "keys-foreign"
    (folder / "master.key").unlink()
    assert refusal(again, folder, tmp_path / "escrow") == "keys-foreign"


def test_a_copy_of_another_history_is_refused(store, folder, tmp_path):
    """Where folder and copy have two keys under one id, as twins that live apart have, nothing is done."""
    shutil.copytree(folder, tmp_path / "twin")
    twin = LocalKeyStore.open(tmp_path / "twin")
    twin.create_data_key()
    export(twin, tmp_path / "escrow", WORDS)
    made = dict([store.create_data_key()])
    assert refusal(again, folder, tmp_path / "escrow") == "seal-broken"
    holds(folder, store.known | made)


def test_garbage_is_refused(store, folder, tmp_path):
    """A copy that was cut short, changed, or is no copy at all brings nothing back and changes nothing."""
    export(store, tmp_path / "escrow", WORDS)
    good = (tmp_path / "escrow").read_bytes()
    at = good.index(b'"generation"')
    pack = good.index(b"A360PACK")
    bad = {
        "cut": good[: len(good) // 2],
        "empty": b"",
        "noise": bytes(range(256)) * 100,
        "keyring": good[:at] + b'"Generation"' + good[at + 12 :],
        "pack": good[:pack] + b"X" + good[pack + 1 :],
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        assert refusal(again, folder, tmp_path / name) == "seal-broken", name
        assert refusal(again, tmp_path / "new", tmp_path / name) == "seal-broken", name
    assert refusal(again, folder, tmp_path / "nowhere") == "input-missing"
    assert not (tmp_path / "new").exists()
    holds(folder, store.known)


def test_no_copy_replaces_another(store, tmp_path):
    """A file that is there is not written over: the older copy may be the only one that has a key."""
    (tmp_path / "here").write_text("x")
    for act in (lambda: back_up(store, tmp_path / "here"), lambda: export(store, tmp_path / "here", WORDS)):
        with pytest.raises(FileExistsError):
            act()
    assert (tmp_path / "here").read_text() == "x"
    assert refusal(export, store, tmp_path / "there", "too short") == "usage"


@pytest.mark.parametrize("step", ["packed", "aside"])
def test_an_import_that_breaks_off_is_run_again(store, folder, tmp_path, monkeypatch, step):
    """Wherever an import breaks off, running it again brings back all, and no destroyed key."""
    export(store, tmp_path / "escrow", WORDS)
    gone = next(iter(store.known))
    store.destroy(gone)
    del store.known[gone]
    (folder / "keyring.json").write_bytes(b"gone")
    with monkeypatch.context() as patched:
        patched.setenv("A360_FAILPOINTS", f"keys.import.{step}=raise")
        with pytest.raises(FailpointError):
            again(folder, tmp_path / "escrow")
    again(folder, tmp_path / "escrow")
    holds(folder, store.known)


@pytest.mark.parametrize(
    ("opens", "step"),
    [
        (True, "destroyed"),
        (True, "pack"),
        (True, "packed"),
        (False, "pack"),
        (False, "made"),
        (False, "aside"),
    ],
)
def test_a_killed_import_leaves_a_whole_folder(store, folder, tmp_path, processes, step, opens):
    """Killed at any step, an import leaves the folder that was or the one that is to be.

    No key is missing that was there, none is there that was destroyed, and a second import has all.
    """
    export(store, tmp_path / "escrow", WORDS)
    known = dict(store.known)
    ids = list(known)
    gone = {ids[0], ids[-1]}
    first = folder / "packs" / f"{ids[0][:28]}.pack"
    content = first.read_bytes()
    first.write_bytes(content[:480] + b"x" * 48 + content[528:])
    if not opens:
        (folder / "keyring.json").write_bytes(b"gone")
    before = set(ids) - {f"{ids[0][:28]}0009"} - gone
    given = (folder, tmp_path / "escrow", gone, f"keys.import.{step}=kill")
    worker = processes.Process(target=killed_import, args=given)
    worker.start()
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    if opens or step == "aside":
        found = LocalKeyStore.open(folder)
        live = set(found.key_ids())
        assert before <= live
        assert found.data_keys(list(before)) == [known[each] for each in before]
        assert not live & gone
    else:
        assert (folder / "keyring.json").read_bytes() == b"gone"
    import_keys(folder, tmp_path / "escrow", lambda: WORDS, destroyed=gone)
    holds(folder, {name: key for name, key in known.items() if name not in gone})
    assert not [each for each in folder.parent.glob("keys.lost-*") if (each / ".unfinished").exists()]


def killed_import(folder, path, gone, failpoints):
    """Import with failpoints that kill."""
    os.environ["A360_FAILPOINTS"] = failpoints
    _passphrase._COST.update(memory_kib=64, iterations=1)
    import_keys(folder, path, lambda: WORDS, destroyed=gone)


def test_marks_in_folders_put_aside_count(store, folder, tmp_path):
    """A key that a folder put aside says was destroyed stays so when a folder that opens gets keys back."""
    export(store, tmp_path / "escrow", WORDS)
    gone = next(iter(store.known))
    shutil.copytree(folder, tmp_path / "keys.lost-2026")
    LocalKeyStore.open(tmp_path / "keys.lost-2026").destroy(gone)
    (folder / "packs" / f"{gone[:28]}.pack").unlink()
    again(folder, tmp_path / "escrow")
    del store.known[gone]
    holds(folder, store.known)


@pytest.mark.parametrize("damaged", ["mark", "header"])
def test_a_damaged_mark_is_one_still(store, folder, tmp_path, damaged):
    """A bit that flips in a mark's or a pack's beginning brings no destroyed key back."""
    export(store, tmp_path / "escrow", WORDS)
    gone = next(iter(store.known))
    store.destroy(gone)
    path = folder / "packs" / f"{gone[:28]}.pack"
    content = bytearray(path.read_bytes())
    content[(int(gone[28:], 16) + 1) * 48 + 3 if damaged == "mark" else 2] ^= 4
    path.write_bytes(content)
    again(folder, tmp_path / "escrow")
    del store.known[gone]
    holds(folder, store.known)


def test_a_folder_is_replaced_where_the_system_cannot_exchange(store, folder, tmp_path, monkeypatch):
    """Where no kernel exchanges two folders, renames do, and what was there is put aside all the same."""
    monkeypatch.setattr(_exchange, "_swap", lambda: None)
    export(store, tmp_path / "escrow", WORDS)
    (folder / "keyring.json").write_bytes(b"gone")
    again(folder, tmp_path / "escrow")
    holds(folder, store.known)
    [aside] = folder.parent.glob("keys.lost-*")
    assert (aside / "keyring.json").read_bytes() == b"gone"


def test_two_imports_at_once_are_one_after_the_other(store, folder, tmp_path, monkeypatch):
    """Two imports into one folder that does not open leave one that has all keys."""
    back_up(store, tmp_path / "backup")
    shutil.copy(folder / "master.key", tmp_path / "kept.key")
    (folder / "keyring.json").write_bytes(b"gone")
    monkeypatch.setenv("A360_FAILPOINTS", "keys.import.packed=sleep:0.2")
    with ThreadPoolExecutor(2) as pool:
        kept = tmp_path / "kept.key"
        list(pool.map(lambda _: import_keys(folder, tmp_path / "backup", master=kept), range(2)))
    holds(folder, store.known)


def test_keys_made_after_a_copy_come_back_from_the_folder(store, folder, tmp_path):
    """A lost keyring costs no key: those younger than the backup stand whole in the folder's packs."""
    back_up(store, tmp_path / "backup")
    younger = dict(store.create_data_keys(2))
    (folder / "keyring.json").write_bytes(b"gone")
    import_keys(folder, tmp_path / "backup")
    holds(folder, {**store.known, **younger})


def test_destruction_reaches_folders_that_were_put_aside(store, folder, tmp_path):
    """A key that is destroyed opens from no folder that was put aside, and no draft of a pack stays."""
    gone = next(iter(store.known))
    pack = f"{gone[:28]}.pack"
    aside = tmp_path / "keys.lost-2026"
    shutil.copytree(folder, aside)
    draft = folder / "packs" / "a360-0123.tmp"
    shutil.copy(folder / "packs" / pack, draft)
    LocalKeyStore.open(folder).destroy(gone)
    assert not draft.exists()
    with pytest.raises(OperatorError) as caught:
        LocalKeyStore.open(aside).data_key(gone)
    assert caught.value.code.slug == "key-destroyed"
