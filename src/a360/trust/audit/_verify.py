"""Reading a whole log and saying where it is not what was recorded.

It needs the folder, the checkpoints and the public key, and no secret: it runs on a copy, elsewhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from a360.errors import OperatorError
from a360.trust.audit import _record
from a360.trust.audit._checkpoint import Checkpoint, VerifierKey, open_note
from a360.trust.audit._folder import LOCK, LogFolder, first_of
from a360.trust.audit._places import CheckpointPlace, note_name
from a360.trust.audit._record import FIRST_PREVIOUS, Link
from a360.trust.audit._tree import Tree, leaf_hash
from a360.trust.audit._writer import BEGIN, RECOVER

type Kind = Literal[
    "unreadable",
    "edited",
    "missing",
    "misplaced",
    "unlinked",
    "torn",
    "file",
    "another-log",
    "checkpoint",
    "rewritten",
    "truncated",
]
MOST_FINDINGS: Final = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a log is not what was recorded. `line` counts from 1 in its file."""

    kind: Kind
    file: str
    text: str
    line: int | None = None
    sequence: int | None = None

    def to_json(self) -> dict[str, str | int | None]:
        """The finding as JSON."""
        return {
            "kind": self.kind,
            "file": self.file,
            "line": self.line,
            "sequence": self.sequence,
            "text": self.text,
        }


@dataclass(slots=True)
class Verification:
    """What reading a log has shown. `covered` records are behind a checkpoint that matches."""

    name: str
    files: int = 0
    records: int = 0
    checkpoints: int = 0
    covered: int = 0
    recoveries: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether the log is what was recorded, as far as its checkpoints go."""
        return not self.findings

    def to_json(self) -> dict[str, object]:
        """The result as JSON."""
        return {
            "log": self.name,
            "sound": self.sound,
            "records": self.records,
            "files": self.files,
            "checkpoints": self.checkpoints,
            "covered": self.covered,
            "recoveries": self.recoveries,
            "findings": [finding.to_json() for finding in self.findings],
        }


def verify(folder: Path, key: VerifierKey | None, places: Sequence[CheckpointPlace]) -> Verification:
    """Read a log from its first record and hold it against its checkpoints.

    Args:
        folder: The log's folder, or a copy of it.
        key: The public key of the log; without one, records are held to each other alone.
        places: Where checkpoints are kept. Those that the log's keeper cannot change prove the most.

    Raises:
        OperatorError: `audit-unwritable` where the folder or a place cannot be read.
    """
    found = _Reading(key)
    # Before the files: a checkpoint of a record to come would look like a lost record.
    found.take(places)
    for path, size in _standing(LogFolder(folder)):
        found.read(path, size)
    found.end()
    known = {path.name for path in LogFolder(folder).files()} | {LOCK, "checkpoints"}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            found.add("file", path.name, "no file of the log is called so")
    return found.result


def _standing(folder: LogFolder) -> list[tuple[Path, int]]:
    """The files and how long each is, while nobody is about to write; a copy that is not ours as it is."""
    if (folder.path / LOCK).exists():  # nothing is added to a copy that is evidence
        with suppress(OperatorError), folder.locked():
            return [(path, path.stat().st_size) for path in folder.files()]
    return [(path, path.stat().st_size) for path in folder.files()]


class _Reading:
    """One pass over a log."""

    def __init__(self, key: VerifierKey | None) -> None:
        self.result = Verification(key.name if key else "")
        self._key = key
        self._tree = Tree()
        self._due: list[Checkpoint] = []
        self._head, self._sequence = FIRST_PREVIOUS, 0
        # After a line that is not what it was, nobody knows which hash the next one has to name.
        self._head_known = True
        self._at = ("", 0)

    def add(
        self, kind: Kind, file: str, text: str, *, line: int | None = None, at: int | None = None
    ) -> None:
        """Note a finding."""
        if len(self.result.findings) < MOST_FINDINGS:
            self.result.findings.append(Finding(kind, file, text, line, at))

    def _tell(self, kind: Kind, text: str, at: int) -> None:
        self.add(kind, self._at[0], text, line=self._at[1], at=at)

    def take(self, places: Sequence[CheckpointPlace]) -> None:
        """Open all checkpoints, and order them by size."""
        found: list[Checkpoint] = []
        key = self._key
        for place in places if key else ():
            for name in place.names():
                checkpoint = open_note(place.read(name), key) if key else None
                if checkpoint is None or note_name(checkpoint.size) != name:
                    self.add("checkpoint", name, "not a checkpoint of this log under this key")
                else:
                    found.append(checkpoint)
        self._due = sorted(found, key=lambda each: each.size)
        self.result.checkpoints = len(found)
        if not found:
            where = ", ".join(place.label for place in places) or "checkpoints"
            self.add("checkpoint", where, "there is no checkpoint, so that nothing vouches for the log's end")
        for one, other in pairwise(self._due):
            if one.size == other.size and one.tree.root != other.tree.root:
                self.add("checkpoint", note_name(one.size), "two checkpoints of this size have two roots")

    def read(self, path: Path, size: int) -> None:
        """Read a file, as far as it was written when the reading began."""
        self.result.files += 1
        if first_of(path.name) != self._sequence + 1 and not self.result.findings:
            self.add("file", path.name, f"the next file begins with record {self._sequence + 1}")
        for number, line in enumerate(_lines(path, size), start=1):
            self._at = (path.name, number)
            if line.endswith(b"\n"):
                self._take_line(line[:-1])
            else:
                self._tell("torn", "the line has no end: its writer died, or it was cut", self._sequence + 1)

    def _take_line(self, line: bytes) -> None:
        self.result.records += 1
        self._tree.append(leaf_hash(line))
        link = _record.read(line)
        if link is None or not link.whole:
            text = "this is no record" if link is None else "the record is not what its hash is of"
            self._tell("unreadable" if link is None else "edited", text, self._sequence + 1)
            self._sequence += 1
            self._head_known = False
            return
        if (link.sequence, link.previous) != (self._sequence + 1, self._head):
            self._take_stranger(link)
        self._sequence, self._head, self._head_known = link.sequence, link.hash, True
        self._look_into(link)
        if self._due and self._due[0].size <= self._tree.size:
            self._compare()

    def _take_stranger(self, link: Link) -> None:
        """A whole record that does not continue the one before it."""
        if link.sequence > self._sequence + 1:
            first, last = self._sequence + 1, link.sequence - 1
            gone = f"record {first} is" if first == last else f"records {first} to {last} are"
            self._tell("missing", f"{gone} missing before this one", link.sequence)
        elif link.sequence <= self._sequence:
            self._tell("misplaced", "the record was repeated or moved here", link.sequence)
        elif self._head_known:
            self._tell("unlinked", "the record does not follow the one before it", link.sequence)

    def _look_into(self, link: Link) -> None:
        try:
            event = _record.decode(link.event)
        except ValueError:
            self._tell("unreadable", "the event is not canonical JSON of an event", link.sequence)
            return
        if event.action == RECOVER:
            self.result.recoveries.append(link.sequence)
        if (link.sequence == 1) != (event.action == BEGIN):
            self._tell("another-log", "a log begins with its first record, and only there", link.sequence)
        elif link.sequence == 1 and self._key and event.details.get("log") != self._key.name:
            self._tell("another-log", f"the log is not {self._key.name}", link.sequence)

    def _compare(self) -> None:
        """Hold what was read against the checkpoints of this size."""
        while self._due and self._due[0].size <= self._tree.size:
            checkpoint = self._due.pop(0)
            if self.result.findings:
                continue  # what was found already is why it would not match
            if (checkpoint.tree.root, checkpoint.head) == (self._tree.root, self._head):
                self.result.covered = checkpoint.size
            else:
                records = f"records {self.result.covered + 1} to {checkpoint.size}"
                text = f"{records} are not those of the checkpoint of {checkpoint.at:%F %T}"
                self._tell("rewritten", text, checkpoint.size)

    def end(self) -> None:
        """Nothing more is there: what checkpoints have beyond is gone."""
        if self._due and self._due[-1].size > self._sequence:
            last = self._due[-1]
            records = f"records {self._sequence + 1} to {last.size}"
            text = f"{records} are gone; the checkpoint of {last.at:%F %T} has them"
            self.add("truncated", self._at[0] or note_name(last.size), text, at=self._sequence + 1)


def _lines(path: Path, size: int) -> Iterator[bytes]:
    """The lines of the first bytes of a file."""
    with path.open("rb") as file:
        for line in file:
            size -= len(line)
            yield line if size >= 0 else line[:size]
            if size <= 0:
                return
