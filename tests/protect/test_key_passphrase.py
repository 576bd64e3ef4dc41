"""Passphrases of the local key store, and rotation of its master."""

import contextlib
import pickle
import time

import pytest

from a360.errors import A360Error
from a360.failpoints import FailpointError
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.protect.keys import _passphrase

ONE, TWO = "four words of no meaning", "four others without any"


@pytest.fixture
def folder(tmp_path):
    """Where a key store may be created."""
    return tmp_path / "keys"


@pytest.fixture
def cheap(monkeypatch):
    """Argon2id at a cost that a test can pay many times."""
    monkeypatch.setitem(_passphrase._COST, "memory_kib", 64)
    monkeypatch.setitem(_passphrase._COST, "iterations", 1)
    monkeypatch.setattr(_passphrase, "_known", {})


@pytest.fixture
def given(tmp_path, monkeypatch):
    """A file of passphrases that the setting names."""
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    monkeypatch.setenv("A360_PASSPHRASE_FILE", str(file))
    return file


def opened(folder, passphrase):
    return LocalKeyStore.open(folder, lambda: passphrase)


def refusal(act, *given):
    """The code of the error that an act ends in."""
    with pytest.raises(A360Error) as caught:
        act(*given)
    return caught.value.code.slug


def test_every_guess_costs(folder):
    """A right and a wrong passphrase take Argon2id's time and 64 MiB, and the wrong one tells nothing."""
    LocalKeyStore.create(folder, lambda: ONE)
    facts = LocalKeyStore.open(folder, lambda: ONE).opened().keyring.guard
    assert (facts["memory_kib"], facts["iterations"], facts["lanes"]) == (65536, 3, 4)
    before = time.process_time()
    with pytest.raises(A360Error) as caught:
        opened(folder, TWO)
    assert time.process_time() - before > 0.05
    told = str(caught.value) + repr(caught.value.to_json())
    assert caught.value.code.slug == "passphrase-wrong"
    assert not [each for each in (*ONE.split(), *TWO.split()) if f"{each} " in f"{told} " and len(each) > 5]


def test_no_master_lies_beside_a_passphrase(folder, cheap):
    """Setting a passphrase takes the key file away; removing it brings another; keys and secrets stay."""
    store = LocalKeyStore.create(folder)
    key_id, key = store.create_data_key()
    secret, master = store.secret("tokens"), (folder / "master.key").read_bytes()
    store.set_passphrase(ONE)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "keyring.json", "packs"]
    assert opened(folder, ONE).data_key(key_id) == store.data_key(key_id) == key
    store.set_passphrase(TWO)
    assert refusal(opened, folder, ONE) == "passphrase-wrong"
    opened(folder, TWO).set_passphrase(None)
    assert (folder / "master.key").read_bytes() != master
    again = LocalKeyStore.open(folder)
    assert (again.data_key(key_id), again.secret("tokens")) == (key, secret)


def test_composed_letters_are_the_same(folder, cheap):
    """A passphrase opens however its letters are composed: keyboards differ in that."""
    LocalKeyStore.create(folder, lambda: "caf\u00e9 words without meaning")
    assert opened(folder, "cafe\u0301 words without meaning")
    assert refusal(opened, folder, "cafe words without meaning") == "passphrase-wrong"


def test_short_passphrases_are_refused(folder, cheap):
    """A passphrase of fewer than 15 characters is not set, and the store opens as before."""
    store = LocalKeyStore.create(folder)
    assert refusal(store.set_passphrase, "fourteen chars") == "usage"
    assert LocalKeyStore.open(folder).status().guard == "file"


def test_the_passphrase_comes_from_a_private_file(folder, cheap, given):
    """The setting names the file, whose first line counts; a file that is open, empty or gone is refused."""
    given.write_text(f"{ONE}\nnot this\n")
    LocalKeyStore.create(folder, lambda: ONE)
    store = LocalKeyStore.open(folder)
    tokens = pickle.loads(pickle.dumps(LocalTokenizer(store)))
    assert tokens._secret == store.secret("tokens")
    _passphrase._known.clear()
    for content, mode, slug in (
        ("\n", 0o600, "passphrase-missing"),
        (TWO, 0o600, "passphrase-wrong"),
        (ONE, 0o640, "environment-unfit"),
    ):
        given.write_text(content)
        given.chmod(mode)
        assert refusal(LocalKeyStore.open, folder) == slug
    given.unlink()
    assert refusal(LocalKeyStore.open, folder) == "passphrase-missing"


def test_a_worker_without_the_passphrase_stops(folder, cheap):
    """What was pickled does not open where nobody gives the passphrase, and does not ask there either."""
    pickled = pickle.dumps(LocalKeyStore.create(folder, lambda: ONE))
    assert refusal(pickle.loads, pickled) == "passphrase-missing"


def test_a_command_asks_once(folder, cheap, monkeypatch):
    """In one process the passphrase is asked for once, and again after a rotation elsewhere."""
    LocalKeyStore.create(folder, lambda: ONE)
    asked = []
    monkeypatch.setattr(_passphrase, "given_passphrase", lambda: asked.append(1) or ONE)
    for _ in range(3):
        LocalKeyStore.open(folder)
    assert len(asked) == 1
    opened(folder, ONE).rotate()
    LocalKeyStore.open(folder)
    assert len(asked) == 2


def test_a_mistyped_passphrase_does_not_rotate(folder, cheap):
    """Where the passphrase of a rotation is not the present one, the keys stay as they were."""
    answers = [ONE, TWO]
    LocalKeyStore.create(folder, lambda: ONE)
    store = LocalKeyStore.open(folder, lambda: answers.pop(0))
    assert refusal(store.rotate) == "passphrase-wrong"
    assert opened(folder, ONE).status().generation == 1


def test_dear_parameters_are_refused(folder, cheap):
    """A keyring that asks for terabytes of memory is damage, and costs nothing."""
    LocalKeyStore.create(folder, lambda: ONE)
    file = folder / "keyring.json"
    file.write_bytes(file.read_bytes().replace(b'"memory_kib":64', b'"memory_kib":64000000000'))
    assert refusal(opened, folder, ONE) == "seal-broken"


def test_an_old_copy_does_not_open_after_rotation(folder):
    """Keyring and master key of before are in no file, and the old keyring does not open under the new."""
    store = LocalKeyStore.create(folder)
    old, master = (folder / "keyring.json").read_bytes(), (folder / "master.key").read_bytes()
    (folder / "kept").hardlink_to(folder / "master.key")
    store.rotate()
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not [text for text in texts if master in text or old in text]
    (folder / "keyring.json").write_bytes(old)
    assert refusal(LocalKeyStore.open, folder) == "seal-broken"


@pytest.mark.parametrize("step", ["before-keyring", "after-keyring"])
@pytest.mark.parametrize("change", ["rotate", "to a passphrase", "to a key file"])
def test_a_rotation_that_breaks_off_is_settled(folder, cheap, monkeypatch, step, change):
    """Wherever a rotation breaks off, the keys open under the old master or the new; one of them is left."""
    store = LocalKeyStore.create(folder, (lambda: ONE) if change == "to a key file" else None)
    made = store.create_data_keys(3)
    new = {"to a passphrase": TWO, "to a key file": None}
    with monkeypatch.context() as patched:
        patched.setattr("a360.protect.keys._local.settle", lambda *_: None)
        patched.setenv("A360_FAILPOINTS", f"keys.rotate.{step}=raise")
        with contextlib.suppress(A360Error), pytest.raises(FailpointError):
            store.rotate() if change == "rotate" else store.set_passphrase(new[change])
    done = step == "after-keyring"
    by = {"rotate": None, "to a passphrase": TWO if done else None, "to a key file": None if done else ONE}
    again = LocalKeyStore.open(folder, by[change] and (lambda: by[change]))
    assert again.data_keys([key_id for key_id, _ in made]) == [key for _, key in made]
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {"keyring.json", "packs"} | (set() if by[change] else {"master.key"})
    again.create_data_key()
    again.rotate()
    assert again.damaged() == []
