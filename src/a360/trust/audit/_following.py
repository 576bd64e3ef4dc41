"""Reading on in the log: who counts what it says need not read all of it each time."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from a360.trust.audit import _record
from a360.trust.audit._faults import broken
from a360.trust.audit._folder import LogFolder
from a360.trust.audit._record import FIRST_PREVIOUS, Event, decode
from a360.trust.audit._tail import line_before


class Place(NamedTuple):
    """How far somebody has read: a file, an offset in it, and the hash of the record that ends there."""

    file: str = ""
    offset: int = 0
    head: str = FIRST_PREVIOUS


START = Place()


def read_on(folder: Path, after: Place, action: str) -> tuple[list[Event], Place]:
    """The events of an action behind a place, and the place behind the last record.

    Raises:
        LookupError: the log has not that record there: begin at `START`.
        OperatorError: `audit-broken` where a record of the action is not what was written.
    """
    files = [each for each in LogFolder(folder).files() if each.name >= after.file]
    if after != START and not (files and _ends_there(files[0], after)):
        raise LookupError(after.file)
    wanted, found, place = f'"action":"{action}"'.encode(), [], after
    for path in files:
        start = after.offset if path.name == after.file else 0
        end, last = start, b""
        for line in _lines(path, start):
            end, last = end + len(line) + 1, line
            if wanted in line:
                link = _record.read(line)
                if link is None or not link.whole:
                    raise broken(path, "a record that is to be counted is not what was written")
                event = decode(link.event)
                if event.action == action:
                    found.append(event)
        if last:
            link = _record.read(last)
            place = Place(path.name, end, link.hash if link else "")
    return found, place


def _ends_there(path: Path, place: Place) -> bool:
    """Whether the record that ended at a place still does."""
    if path.name != place.file:
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        link = _record.read(line_before(descriptor, place.offset))
    finally:
        os.close(descriptor)
    return link is not None and link.hash == place.head


def _lines(path: Path, start: int) -> Iterator[bytes]:
    """The lines behind an offset; one that has no end yet is left for the next time."""
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]
