"""The commands about keys, as an operator uses them."""

import contextlib
import json
import shutil

import pytest

from a360.cli._main import run
from a360.protect import LocalKeyStore
from a360.protect.keys import _passphrase
from a360.trust.audit import LocalAuditLog, record_destruction, search

WORDS = "words for the escrow"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a lake that has no data, and a passphrase."""
    path = tmp_path_factory.mktemp("keyed")
    with contextlib.chdir(path):
        assert run(["init"]) == 0
    (path / "words").touch(mode=0o600)
    (path / "words").write_text(WORDS)
    return path


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy of that folder to work in; passphrases cost little."""
    monkeypatch.setitem(_passphrase._COST, "memory_kib", 64)
    monkeypatch.setitem(_passphrase._COST, "iterations", 1)
    monkeypatch.setattr(_passphrase, "_known", {})
    shutil.copytree(made, tmp_path / "folder")
    monkeypatch.chdir(tmp_path / "folder")
    return tmp_path / "folder"


@pytest.fixture
def a360(folder, capsys):
    """Run a command in this process, and give what it told."""

    def call(*arguments, code=0):
        assert run([*arguments, "--json"]) == code
        told = capsys.readouterr()
        return json.loads(told.out if code in {0, 5} and told.out else told.err)

    return call


def test_status_names_what_is_damaged(folder, a360):
    """The status counts keys, and exits 5 with the place of each that does not open."""
    store = LocalKeyStore.open(folder / "lake/keys")
    (one, _), (two, _) = store.create_data_keys(2)
    store.destroy(one)
    told = a360("keys", "status")
    assert (told["guard"], told["data_keys"], told["destroyed"], told["damaged"]) == ("file", 1, 1, [])
    pack = next((folder / "lake/keys/packs").iterdir())
    pack.write_bytes(pack.read_bytes()[:-1] + b"x")
    (damage,) = a360("keys", "status", code=5)["damaged"]
    assert two in damage


def test_keys_come_back_from_an_escrow_and_stay_destroyed(folder, a360):
    """A lost folder comes back from an escrow, less what the audit log says was destroyed since."""
    keys = folder / "lake/keys"
    store = LocalKeyStore.open(keys)
    kept, gone = (key_id for key_id, _ in store.create_data_keys(2))
    assert a360("keys", "export", "escrow", "--passphrase-file", "words")["file"] == "escrow"
    with LocalAuditLog.open(folder / "lake/audit", store) as log:
        record_destruction(log, "somebody", [gone, "0" * 32])
    store.destroy(gone)
    shutil.rmtree(keys)
    told = a360("keys", "import", "escrow", "--passphrase-file", "words")
    assert (told["restored"], told["kept_destroyed"]) == (1, 1)
    assert list(LocalKeyStore.open(keys).key_ids()) == [kept]


def test_no_key_comes_back_without_the_audit_log(folder, a360):
    """Who says that it is lost goes by certificates of erasures: nothing else knows what was destroyed."""
    keys = folder / "lake/keys"
    store = LocalKeyStore.open(keys)
    kept, gone = (key_id for key_id, _ in store.create_data_keys(2))
    a360("keys", "export", "escrow", "--passphrase-file", "words")
    store.destroy(gone)
    shutil.rmtree(keys)
    shutil.rmtree(folder / "lake/audit")
    erasures = folder / "lake/erasures"
    erasures.mkdir()
    (erasures / "1.json").write_text(json.dumps({"destroyed_keys": [gone]}))
    asked = ("keys", "import", "escrow", "--passphrase-file", "words")
    assert a360(*asked, code=5)["code"] == "audit-broken"
    assert not keys.exists()
    told = a360(*asked, "--without-audit-log")
    assert (told["restored"], told["kept_destroyed"]) == (1, 1)
    assert list(LocalKeyStore.open(keys).key_ids()) == [kept]
    (erasures / "2.json").write_text("{")
    assert a360(*asked, "--without-audit-log", code=5)["code"] == "erasure-unreadable"


def test_a_lake_works_with_a_passphrase(folder, a360, monkeypatch):
    """Once a passphrase is set a lake opens with the file that holds it, and without says what is missing."""
    assert a360("keys", "passphrase", "--passphrase-file", "words")["guard"] == "passphrase"
    _passphrase._known.clear()
    assert a360("keys", "status", code=5)["code"] == "passphrase-missing"
    monkeypatch.setenv("A360_PASSPHRASE_FILE", "words")
    assert a360("keys", "status")["guard"] == "passphrase"
    assert a360("audit", "key")["key"]
    assert a360("keys", "passphrase", "--remove")["guard"] == "file"
    monkeypatch.delenv("A360_PASSPHRASE_FILE")
    assert a360("keys", "status")["generation"] == 3


def test_what_is_done_to_keys_is_on_record(folder, a360):
    """Rotation, backup, export, import and passphrases are in the audit log, with how each ended."""
    assert a360("keys", "backup", "nowhere/backup", code=5)["where"] == "nowhere/backup"
    a360("keys", "rotate")
    a360("keys", "backup", "backup")
    a360("keys", "export", "escrow", "--passphrase-file", "words")
    a360("keys", "import", "backup")
    a360("keys", "passphrase", "--passphrase-file", "words")
    rows = search(folder / "lake/audit").read_all().to_pylist()
    told = [(row["action"].removeprefix("keys."), row["outcome"]) for row in rows if "keys." in row["action"]]
    wanted = [(each, how) for each in ("rotate", "backup", "export") for how in ("allowed", "done")]
    wanted += [("import", "done"), ("passphrase.set", "allowed"), ("passphrase.set", "done")]
    assert told == [("backup", "allowed"), ("backup", "failed"), *wanted]


def test_no_copy_is_written_over(folder, a360):
    """A backup or an escrow is never written over another file."""
    (folder / "here").write_text("x")
    assert a360("keys", "backup", "here", code=2)["code"] == "usage"
    assert a360("keys", "export", "here", "--passphrase-file", "words", code=2)["code"] == "usage"
    assert (folder / "here").read_text() == "x"


def test_typed_passphrases_are_typed_twice(folder, a360, monkeypatch):
    """A new passphrase that was typed differently the second time is not set."""
    typed = [WORDS, "other than the first", WORDS, WORDS]
    monkeypatch.setattr("a360.cli._keys.typed_passphrase", lambda _prompt: typed.pop(0))
    assert a360("keys", "passphrase", code=2)["code"] == "usage"
    assert a360("keys", "passphrase")["guard"] == "passphrase"
