"""Records events until it is killed, and notes in a file of its own each id that was answered.

Run with FOLDER, KEYS and NAME as globals.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from a360.protect import AuditEvent, LocalKeyStore
from a360.trust.audit import Limits, LocalAuditLog

told_of: dict = dict(globals())
folder, keys, name = Path(told_of["FOLDER"]), Path(told_of["KEYS"]), told_of["NAME"]
limits = Limits(file_bytes=60_000, records=50, age=timedelta(seconds=1))
log = LocalAuditLog.open(folder, LocalKeyStore.open(keys), limits=limits)
with (folder.parent / f"{name}.told").open("a") as told:
    for number in range(100_000):
        event = AuditEvent(datetime.now(UTC), name, "query", [], "done", request=f"{number}")
        told.write(f"{log.record(event)}\n")
        told.flush()
