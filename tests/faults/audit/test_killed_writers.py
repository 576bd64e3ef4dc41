"""Writers of the audit log that are killed."""

import json
import os
import random
import runpy
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from a360.protect import AuditEvent, LocalKeyStore
from a360.trust.audit import LocalAuditLog, verify

pytestmark = pytest.mark.faults
WRITERS = 50
WRITER = Path(__file__).with_name("audit_writer.py")


def test_no_answered_record_is_lost(tmp_path, processes):
    """Fifty writers killed at once leave every record that was answered, in a log that verifies."""
    keys = LocalKeyStore.create(tmp_path / "keys")
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    LocalAuditLog.open(folder, keys).close()
    names = [f"writer-{number}" for number in range(WRITERS)]
    given = {"FOLDER": str(folder), "KEYS": str(tmp_path / "keys")}
    writers = [
        processes.Process(target=runpy.run_path, args=(str(WRITER), {**given, "NAME": name}, "__main__"))
        for name in names
    ]
    for each in writers:
        each.start()
    told = [tmp_path / f"{name}.told" for name in names]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not all(path.exists() and path.stat().st_size for path in told):
        time.sleep(0.02)
    for each in random.sample(writers, WRITERS):
        os.kill(each.pid, signal.SIGKILL)
    for each in writers:
        each.join()
    answered = {line for path in told for line in path.read_text().splitlines()}
    with LocalAuditLog.open(folder, keys) as log:
        log.record(AuditEvent(datetime.now(UTC), "after", "query", [], "done"))
    found = [
        json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()
    ]
    ids = {f"{each['sequence']}-{each['hash'][:16]}" for each in found}
    assert len(answered) >= WRITERS
    assert answered - ids == set()
    assert verify(folder, log.key, [log.place]).findings == []
    assert {each["event"]["principal"] for each in found} >= set(names)
