"""Processes that work in one key store and are killed."""

import os
import random
import runpy
import signal
import time
from pathlib import Path

import pytest

from a360.protect import LocalKeyStore

pytestmark = pytest.mark.faults
WORKER = Path(__file__).with_name("key_worker.py")


def begun(processes, folder, name, act, failpoints=""):
    """A worker that was started."""
    given = {"FOLDER": str(folder), "NAME": name, "ACT": act, "FAILPOINTS": failpoints}
    worker = processes.Process(target=runpy.run_path, args=(str(WORKER), given, "__main__"))
    worker.start()
    return worker


def answers(folder):
    """What workers were told: keys by id, and the ids that were destroyed or were about to be."""
    keys, destroyed, doubtful = {}, set(), set()
    for path in folder.parent.glob("*.told"):
        for line in path.read_text().splitlines():
            word, *rest = line.split()
            if word == "created" and len(rest) == 2 and len(rest[1]) == 64:
                keys[rest[0]] = bytes.fromhex(rest[1])
            elif word == "destroying":
                doubtful.add(rest[0])
            elif word == "destroyed":
                destroyed.add(rest[0])
    return keys, destroyed, doubtful


def require_kept(folder):
    """Hold a store to all that was answered."""
    keys, destroyed, doubtful = answers(folder)
    store = LocalKeyStore.open(folder)
    assert store.damaged() == []
    live = set(store.key_ids())
    kept = [key_id for key_id in keys if key_id not in doubtful]
    assert store.data_keys(kept) == [keys[key_id] for key_id in kept]
    assert not live & destroyed
    in_doubt = list((doubtful - destroyed) & live)
    assert store.data_keys(in_doubt) == [keys[key_id] for key_id in in_doubt]
    made = store.create_data_keys(2000)
    assert store.data_keys([made[0][0], made[-1][0]]) == [made[0][1], made[-1][1]]
    assert not {key_id for key_id, _ in made} & (live | keys.keys())
    return keys, destroyed


def test_nothing_that_was_answered_is_lost(tmp_path, processes):
    """Processes that create, destroy and rotate at once, and are killed, lose and bring back no key."""
    folder = tmp_path / "keys"
    LocalKeyStore.create(folder)
    acts = ["create", "create", "destroy", "destroy", "rotate"]
    workers = [begun(processes, folder, f"{act}-{at}", act) for at, act in enumerate(acts)]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and len(answers(folder)[1]) < 20:
        time.sleep(0.02)
    for _ in range(30):
        assert LocalKeyStore.open(folder).status().data_keys
    for each in random.sample(workers, len(workers)):
        os.kill(each.pid, signal.SIGKILL)
        time.sleep(random.random() / 50)
    for each in workers:
        each.join()
    keys, destroyed = require_kept(folder)
    assert len(keys) > 20
    assert len(destroyed) >= 20
    assert "rotated" in (tmp_path / "rotate-4.told").read_text()


@pytest.mark.parametrize(
    ("act", "step"),
    [
        ("create", "keys.create.appended=kill@5"),
        ("create", "keys.create.packed=kill@3"),
        ("destroy", "keys.destroy.overwritten=kill@4"),
        ("rotate", "keys.rotate.before-keyring=kill@2"),
        ("rotate", "keys.rotate.after-keyring=kill@2"),
    ],
)
def test_a_kill_between_two_steps_is_mended(tmp_path, processes, act, step):
    """Killed between two steps of making, destroying or rotating, a store has all that was answered."""
    folder = tmp_path / "keys"
    secret = LocalKeyStore.create(folder).secret("tokens")
    worker = begun(processes, folder, "worker", act, step)
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    require_kept(folder)
    store = LocalKeyStore.open(folder)
    assert store.secret("tokens") == secret
    assert not (folder / "master.key.next").exists()
