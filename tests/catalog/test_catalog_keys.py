"""Idempotency keys where it hurts: between the change and the note of it, across processes, and over time."""

import contextlib
import json
import sqlite3
import threading
import uuid

import pytest

from a360.catalog._wire import Request
from a360.catalog.server import FULL, EmbeddedCatalog
from a360.catalog.store import LIFETIME_SECONDS, Database, IdempotencyKeys, Ledger, Store
from a360.errors import OperatorError

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}
TABLES = "/v1/namespaces/silver/tables"


class Peer:
    """One process's catalog on a lake that others may have open too; requests without a socket."""

    def __init__(self, folder):
        self.catalog = EmbeddedCatalog(folder, FULL)

    def post(self, path, body, key=None):
        headers = {} if key is None else {"idempotency-key": key}
        reply = self.catalog.handle(Request("POST", path, body=json.dumps(body).encode(), headers=headers))
        return reply.status, json.loads(reply.body) if reply.body else None

    def get(self, path):
        return json.loads(self.catalog.handle(Request("GET", path)).body)


@pytest.fixture
def folder(tmp_path):
    """A lake with a namespace and a table."""
    peer = Peer(tmp_path / "lake")
    peer.post("/v1/namespaces", {"namespace": ["silver"]})
    peer.post(TABLES, {"name": "visit", "schema": SCHEMA})
    peer.catalog.close()
    return tmp_path / "lake"


@pytest.fixture
def peers(folder):
    """Opens the lake as further processes would."""
    opened = []

    def open_lake():
        opened.append(Peer(folder))
        return opened[-1]

    yield open_lake
    for peer in opened:
        peer.catalog.close()


def commit_of(snapshot_id=1):
    snapshot = {
        "snapshot-id": snapshot_id,
        "sequence-number": 1,
        "timestamp-ms": 1,
        "manifest-list": "m",
        "summary": {"operation": "append"},
    }
    return {
        "requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None}],
        "updates": [
            {"action": "add-snapshot", "snapshot": snapshot},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot_id},
        ],
    }


@pytest.mark.parametrize("step", ["before-write", "before-swap", "after-swap"])
@pytest.mark.parametrize("what", ["commit", "create"])
def test_a_key_survives_a_fault_at_every_step(peers, monkeypatch, step, what):
    """Whatever a fault left behind, the same key sent again succeeds, and the effect is there once."""
    path, body = (
        (f"{TABLES}/visit", commit_of()) if what == "commit" else (TABLES, {"name": "new", "schema": SCHEMA})
    )
    key, peer = str(uuid.uuid4()), peers()
    monkeypatch.setenv("A360_FAILPOINTS", f"catalog.{what}.{step}=raise")
    status, error = peer.post(path, body, key)
    assert (status, error["error"]["type"]) == (500, "CommitStateUnknownException")
    monkeypatch.delenv("A360_FAILPOINTS")
    status, found = peers().post(path, body, key)
    assert status == 200
    if what == "commit":
        assert len(found["metadata"]["snapshots"]) == 1
    assert peers().post(path, body)[0] == 409


def test_processes_share_a_key(peers):
    """One key sent to several processes at once has one effect, and every answer tells of it."""
    key, several, answers = str(uuid.uuid4()), [peers() for _ in range(6)], []
    start = threading.Barrier(len(several))

    def send(peer):
        start.wait()
        answers.append(peer.post(f"{TABLES}/visit", commit_of(), key))

    threads = [threading.Thread(target=send, args=(peer,)) for peer in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [200] * len(several)
    assert len(peers().get(f"{TABLES}/visit")["metadata"]["snapshots"]) == 1


def test_a_lost_race_is_not_remembered_as_refusal(peers):
    """Different keys race for one place: one lands and stays landed, the others stay refused."""
    several, answers = [(peers(), str(uuid.uuid4()), number) for number in range(1, 7)], {}
    start = threading.Barrier(len(several))

    def send(peer, key, number):
        start.wait()
        answers[key] = peer.post(f"{TABLES}/visit", commit_of(number), key)[0]

    threads = [threading.Thread(target=send, args=each) for each in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200] + [409] * 5
    again = {key: peer.post(f"{TABLES}/visit", commit_of(number), key)[0] for peer, key, number in several}
    assert again == answers


def test_keys_expire(tmp_path):
    """A key is known for as long as it was promised, and forgotten after a grace."""
    now = [1_000_000.0]
    database = Database(tmp_path / "catalog.db")
    keys = IdempotencyKeys(database, clock=lambda: now[0])
    store = Store(database, Ledger(database, tmp_path), keys)
    with keys.pending("k", "first"):
        store.create_namespace(("a",), {})
    keys.answered("k", "first", 200, b"{}")
    now[0] += LIFETIME_SECONDS
    assert keys.find("k").body == b"{}"
    now[0] += LIFETIME_SECONDS
    assert keys.find("k") is None
    with keys.pending("k", "second"):
        store.create_namespace(("b",), {})
    assert keys.find("k").fingerprint == "second"
    assert keys.find("k").status is None
    database.close()


def test_forgotten_keys_leave_the_file(tmp_path):
    """Expired keys are deleted when others come, so that the catalog does not grow with its past."""
    now = [1_000_000.0]
    database = Database(tmp_path / "catalog.db")
    keys = IdempotencyKeys(database, clock=lambda: now[0])
    for number in range(10):
        assert keys.refused(f"k{number}", "f", 404, b"{}")
    now[0] += 3 * LIFETIME_SECONDS
    keys.answered("last", "f", 204, b"")
    assert database.connection.execute("SELECT count(*) FROM idempotency_key").fetchone() == (1,)
    database.close()


def test_a_catalog_of_another_version_is_refused(tmp_path):
    """A file that an earlier or a later version wrote is left alone, and the error names both versions."""
    for version in (3, 9):
        with contextlib.closing(sqlite3.connect(tmp_path / f"{version}.db")) as db:
            db.execute("CREATE TABLE namespace (name TEXT)")
            db.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(OperatorError, match=f"version {version}, this software knows 4") as refused:
            Database(tmp_path / f"{version}.db")
        assert refused.value.code.slug == "not-a-lake"
