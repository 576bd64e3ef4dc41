"""Appending to a log, by one thread of each process at a time."""

import contextlib
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fcntl import fcntl
from typing import Final

from a360.failpoints import failpoint
from a360.protect import AuditEvent
from a360.trust.audit import _record
from a360.trust.audit._checkpoint import Checkpoint, SigningKey, open_note
from a360.trust.audit._faults import broken, unwritable
from a360.trust.audit._folder import LogFolder, file_name
from a360.trust.audit._places import CheckpointPlace, note_name
from a360.trust.audit._record import record_id
from a360.trust.audit._tail import Tail, tail_at

ITSELF: Final = "a360"
BEGIN: Final = "audit.begin"
RECOVER: Final = "audit.recover"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a file ends, and how much may be without a checkpoint before the next record waits for one."""

    file_bytes: int = 64 << 20
    records: int = 10_000
    age: timedelta = timedelta(minutes=1)


LIMITS: Final = Limits()


class Writer:
    """Follows a log to its end, whoever writes on it, and appends."""

    def __init__(
        self, folder: LogFolder, place: CheckpointPlace, key: SigningKey, limits: Limits = LIMITS
    ) -> None:
        self._folder = folder
        self._place = place
        self._key = key
        self._limits = limits
        self._stopped: str | None = None
        self._checkpoint: Checkpoint | None = None
        with folder.locked():
            if not self._find():
                self._begin()

    def append(self, events: Sequence[bytes]) -> list[str]:
        """Append events as records that are on the disk when this returns; their ids.

        Raises:
            OperatorError: they are not on record; `audit-broken`, `audit-unwritable`, `storage-full`.
        """
        with self._folder.locked():
            self._follow()
            if self._is_due():
                self._sign()
            self._turn_over()
            ids = self._write(events)
        failpoint("audit.append.written")
        self._sync()
        return ids

    def checkpoint(self) -> Checkpoint:
        """Sign what the log has now; what the last checkpoint has is not signed again."""
        with self._folder.locked():
            self._follow()
            return self._sign()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._tail.descriptor)

    def _find(self) -> bool:
        """Go to the end of the log that is there; false where none is."""
        files, notes = self._folder.files(), self._place.names()
        first = _first_line(files[0]) if files else b""
        if not first:
            if notes:
                raise broken(self._folder.path, f"no record is there; {self._place.label} has checkpoints")
            if len(files) > 1:
                raise broken(files[0], "the first file is empty")
            return False
        if files[0].name != file_name(1) or not _begins(first, self._key.name):
            raise broken(files[0], f"the log does not begin as that of {self._key.name}")
        self._checkpoint = self._newest(notes)
        self._tail = tail_at(self._folder, self._checkpoint)
        self._follow()
        if self._checkpoint is None:  # a place that is new
            self._sign()
        return True

    def _begin(self) -> None:
        """Begin a new log: its first record has its name and its key, and its first checkpoint is signed."""
        name = file_name(1)
        there = (self._folder.path / name).exists()  # a beginning that was cut short told nobody anything
        descriptor = self._folder.open(name) if there else self._folder.create(name)
        os.ftruncate(descriptor, 0)
        self._tail = Tail(name, descriptor)
        self._write([_own(BEGIN, {"log": self._key.name, "key": self._key.verifier.text})])
        self._sign()

    def _follow(self) -> None:
        """Read what others have appended; what was cut short gives way to a record that says so."""
        if self._stopped is not None:
            raise unwritable("The audit log cannot be written", self._folder.path, self._stopped)
        while True:
            tail, where = self._tail, self._folder.path / self._tail.file
            size = self._folder.require_same(tail.file, tail.descriptor)
            if size < tail.offset:
                raise broken(where, f"{tail.offset - size} bytes that were written are gone")
            if size > tail.offset:
                data = os.pread(tail.descriptor, size - tail.offset, tail.offset)
                self._tail, torn = tail.following(data, where)
            else:
                torn = b""
            later = file_name(self._tail.sequence + 1)
            if later == tail.file or not (self._folder.path / later).exists():
                break
            if torn:
                raise broken(where, f"the line after record {self._tail.sequence} has no end")
            self._go_on_in(later, self._folder.open(later))
        if torn:
            self._recover(torn)

    def _recover(self, torn: bytes) -> None:
        """Put a record of it in the place of a line that has no end: it was never answered.

        The record is written over the line before the rest is cut off, so that who dies here hides nothing.
        """
        digest = hashlib.sha256(torn).hexdigest()
        self._write([_own(RECOVER, {"torn_bytes": len(torn), "torn_sha256": digest})])
        os.ftruncate(self._tail.descriptor, self._tail.offset)

    def _turn_over(self) -> None:
        """Begin a new file where the one in use is large or of another day."""
        tail = self._tail
        written = datetime.fromtimestamp(os.fstat(tail.descriptor).st_mtime, UTC).date()
        if tail.offset == 0 or (
            tail.offset < self._limits.file_bytes and written == datetime.now(UTC).date()
        ):
            return
        self._sync()
        name = file_name(tail.sequence + 1)
        self._go_on_in(name, self._folder.create(name))

    def _go_on_in(self, name: str, descriptor: int) -> None:
        old, self._tail = self._tail.descriptor, self._tail.in_file(name, descriptor)
        os.close(old)

    def _write(self, events: Sequence[bytes]) -> list[str]:
        tail, lines, ids, head = self._tail, [], [], self._tail.head
        for sequence, event in enumerate(events, start=tail.sequence + 1):
            line, head = _record.write(event, head, sequence)
            lines.append(line)
            ids.append(record_id(sequence, head))
        try:
            _pwrite(tail.descriptor, b"\n".join(lines) + b"\n", tail.offset)
        except OSError as error:
            with contextlib.suppress(OSError):  # what stays is recovered from as from a death
                os.ftruncate(tail.descriptor, tail.offset)
            where = self._folder.path / tail.file
            raise unwritable("The audit log cannot be written", where, error) from error
        self._tail = tail.after(lines, head)
        return ids

    def _sync(self) -> None:
        """Bring the file to the disk.

        After a failure nobody knows what is there, and a second try may be told that all is well: this
        writer writes nothing more.
        """
        try:
            if sys.platform == "darwin":
                from fcntl import F_FULLFSYNC  # noqa: PLC0415 -- macOS alone has it

                fcntl(self._tail.descriptor, F_FULLFSYNC)
            else:
                os.fdatasync(self._tail.descriptor)
        except OSError as error:
            self._stopped = f"it could not be brought to the disk: {error.strerror}"
            where = self._folder.path / self._tail.file
            raise unwritable("The audit log cannot be brought to the disk", where, error) from error

    def _is_due(self) -> bool:
        if self._lacks_checkpoint():
            self._checkpoint = self._newest(self._place.names())  # another process may have signed
        return self._lacks_checkpoint()

    def _lacks_checkpoint(self) -> bool:
        last = self._checkpoint
        if last is None:
            return True
        waiting = self._tail.sequence - last.size
        return waiting >= self._limits.records or (
            waiting > 0 and datetime.now(UTC) - last.at >= self._limits.age
        )

    def _sign(self) -> Checkpoint:
        """Sign what is there, once it is on the disk."""
        tail = self._tail
        if self._checkpoint is not None and self._checkpoint.size == tail.sequence:
            return self._checkpoint
        self._sync()
        now = datetime.now(UTC)
        mine = Checkpoint(self._key.name, tail.tree.copy(), tail.head, now, tail.file, tail.offset)
        name = note_name(mine.size)
        if not self._place.write(name, self._key.sign(mine)):
            other = self._opened(name)
            if other.tree.root != mine.tree.root:
                raise broken(self._folder.path, f"a checkpoint has another root for {mine.size} records")
        self._checkpoint = mine
        return mine

    def _newest(self, notes: Sequence[str]) -> Checkpoint | None:
        return self._opened(notes[-1]) if notes else None

    def _opened(self, name: str) -> Checkpoint:
        checkpoint = open_note(self._place.read(name), self._key.verifier)
        if checkpoint is None or note_name(checkpoint.size) != name:
            raise broken(self._folder.path, f"the checkpoint {name} is not one of this log under its key")
        return checkpoint


def _begins(line: bytes, name: str) -> bool:
    """Whether a line is the first record of the log of a name."""
    link = _record.read(line)
    if link is None or not link.whole or link.sequence != 1:
        return False
    try:
        event = _record.decode(link.event)
    except ValueError:
        return False
    return event.action == BEGIN and event.details.get("log") == name


def _first_line(path: os.PathLike[str]) -> bytes:
    """The first line of a file; empty where none has an end."""
    with open(path, "rb") as file:  # noqa: PTH123 -- any path
        line = file.readline()
    return line[:-1] if line.endswith(b"\n") else b""


def _own(action: str, details: Mapping[str, str | int]) -> bytes:
    event = AuditEvent(datetime.now(UTC), ITSELF, action, (), "done", details=details)
    return _record.encode(event)


def _pwrite(descriptor: int, data: bytes, offset: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
