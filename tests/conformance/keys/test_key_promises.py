"""What every form of the key store promises to who asks it for keys."""

import pickle
import re
import shutil

import pytest

from a360.errors import A360Error
from a360.protect import LocalSealer, LocalTokenizer
from a360.protect.keys import back_up, bring_back


def refusal(act, *given):
    """The code of the error that an act ends in."""
    with pytest.raises(A360Error) as caught:
        act(*given)
    return caught.value.code.slug


def test_keys_are_the_same_for_everybody(kind, folder):
    """Keys of one call, and of several packs, are the same for who opens the store later, and all differ."""
    store = kind.create(folder)
    made = [store.create_data_key(), *store.create_data_keys(1500), store.create_data_key()]
    ids = [key_id for key_id, _ in made]
    assert len(set(ids)) == len({key for _, key in made}) == 1502
    assert all(re.fullmatch("[0-9a-f]{32}", key_id) for key_id in ids)
    assert {len(key) for _, key in made} == {32}
    again = kind.open(folder)
    assert again.data_keys(ids[::-1]) == [key for _, key in made][::-1]
    assert again.data_key(ids[7]) == made[7][1]
    assert set(again.key_ids()) == set(ids)
    assert store.create_data_keys(0) == [] == again.data_keys([])


def test_secrets_stay(kind, folder):
    """A secret is the same for ever, whatever is done to the master; names have unrelated secrets."""
    store = kind.create(folder)
    secret = store.secret("tokens")
    kind.rotate(store)
    assert kind.open(folder).secret("tokens") == store.secret("tokens") == secret
    assert len(secret) == 32
    assert store.secret("digests") != secret


def test_a_key_of_another_process_is_there(kind, folder):
    """A store that was open before sees keys that another made, in packs that it did not know."""
    one = kind.create(folder)
    two = kind.open(folder)
    made = [one.create_data_key(), two.create_data_key(), *one.create_data_keys(1100), two.create_data_key()]
    for store in (one, two):
        assert store.data_keys([key_id for key_id, _ in made]) == [key for _, key in made]


def test_destroyed_is_destroyed_for_everybody(kind, folder):
    """A destroyed key is gone at once for every open store, and stays so; the others stay as they are."""
    store = kind.create(folder)
    other = kind.open(folder)
    made = store.create_data_keys(5)
    ids = [key_id for key_id, _ in made]
    assert other.data_keys(ids)
    store.destroy(ids[0])
    store.destroy_data_keys([ids[0], ids[3]])
    for each in (store, other, kind.open(folder)):
        assert refusal(each.data_key, ids[0]) == refusal(each.data_keys, ids) == "key-destroyed"
        assert each.data_keys([ids[1], ids[2], ids[4]]) == [made[at][1] for at in (1, 2, 4)]
    assert (store.status().data_keys, store.status().destroyed) == (3, 2)
    assert store.damaged() == []


def test_what_was_never_there_is_missing(kind, folder):
    """A key that the store never held is missing, and cannot be destroyed; nothing else happens to others."""
    store = kind.create(folder)
    (here, key), _ = store.create_data_keys(2)
    for never in ("0" * 32, here[:28] + "0002", here[:28] + "ffff"):
        assert refusal(store.data_key, never) == "key-missing"
        assert refusal(store.destroy_data_keys, [here, never]) == "key-missing"
    assert store.data_key(here) == key


def test_rotation_touches_no_pack(kind, folder):
    """After a rotation every key and what is sealed opens as before, for who was there before too."""
    store = kind.create(folder)
    before = kind.open(folder)
    made = store.create_data_keys(1100)
    sealed = LocalSealer(store).batch().seal(b"plain", b"here")
    packs = {path: path.read_bytes() for path in (folder / "packs").iterdir()}
    generation = store.status().generation
    kind.rotate(store)
    assert {path: path.read_bytes() for path in (folder / "packs").iterdir()} == packs
    for each in (store, before, kind.open(folder)):
        assert each.data_keys([key_id for key_id, _ in made]) == [key for _, key in made]
        assert LocalSealer(each).unseal(sealed, b"here") == b"plain"
    assert store.status().generation == generation + 1
    later = before.create_data_keys(2000)
    assert store.data_key(later[-1][0]) == later[-1][1]


def test_nothing_lies_in_clear(kind, folder):
    """No data key, no key of a pack and no secret is in a file or in a pickle of the store."""
    store = kind.create(folder)
    made = store.create_data_keys(3)
    store.data_keys([key_id for key_id, _ in made])
    secret = [key for _, key in made]
    secret += [store._opened.root, *store._opened.pack_keys.values(), store.secret("tokens")]
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts += [pickle.dumps((store, LocalTokenizer(store)))]
    for each in secret:
        assert not [text for text in texts if each[:6] in text or each[:6].hex().encode() in text]


def test_a_changed_keyring_does_not_open(kind, folder):
    """A keyring with a byte changed, cut short, or with another name of a pack opens nothing."""
    store = kind.create(folder)
    key_id, _ = store.create_data_key()
    file = folder / "keyring.json"
    good = file.read_bytes()
    renamed = good.replace(key_id[:28].encode(), b"0" * 28)
    later = good.replace(b'"generation":1', b'"generation":2')
    for bad in (good[:-9], good[: len(good) // 2], b"", b"[]", renamed, later):
        file.write_bytes(bad)
        assert refusal(kind.open, folder) == "seal-broken"
    file.write_bytes(good)
    assert kind.open(folder).damaged() == []


@pytest.mark.parametrize("lost", ["folder", "keyring", "pack"])
def test_a_backup_brings_keys_back(kind, folder, tmp_path, lost):
    """From a backup come all keys and secrets, whatever of the folder was lost, but no destroyed key."""
    store = kind.create(folder)
    made = dict(store.create_data_keys(4))
    marked, named, *others = made
    secret, master = store.secret("tokens"), folder / "master.key"
    if master.exists():
        shutil.copy(master, tmp_path / "kept.key")
    back_up(store, tmp_path / "backup")
    store.destroy(marked)
    if lost == "folder":
        shutil.rmtree(folder)
    elif lost == "keyring":
        (folder / "keyring.json").write_bytes(b"gone")
    else:
        (folder / "packs" / f"{marked[:28]}.pack").unlink()
    gone = {named} if lost == "keyring" else {marked, named}
    bring_back(folder, tmp_path / "backup", kind.form(tmp_path / "kept.key"), destroyed=gone)
    back = kind.open(folder)
    assert back.data_keys(others) == [made[each] for each in others]
    assert [refusal(back.data_key, each) for each in (marked, named)] == ["key-destroyed"] * 2
    assert back.secret("tokens") == secret
    assert back.damaged() == []
