"""Moments: a snapshot, a time or a tag, and what each table named beside it was then."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from a360.errors import UsageError
from a360.table._tables import Tables

# A tag cannot be taken for a snapshot id or a time: it begins with a letter, they with a digit.
TAG = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset({"main", "now"})
_FORWARD = timedelta(seconds=1)

type Pins = Mapping[str, str | None]
"""For each table the snapshot to read; None for a table that was there and held nothing."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One of a snapshot id, a time and a tag, as `text` says it."""

    text: str
    snapshot_id: str | None = None
    time: datetime | None = None
    tag: str | None = None


def moment(text: str) -> Moment:
    """Read a moment: digits are a snapshot id, ISO 8601 is a time (UTC unless it says otherwise), else a tag.

    Raises:
        UsageError: `usage` for what is none of them, `time-unreachable` for a time to come.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return Moment(text, snapshot_id=text)
    if TAG.fullmatch(text):
        return Moment(text, tag=text)
    try:
        time = datetime.fromisoformat(text)
        time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            "usage",
            "This is no snapshot, no time and no tag",
            found=text[:64],
            next_step="give a snapshot id, a time as 2026-11-22T18:30Z or 2026-11-22T19:30+01:00, or a tag",
        ) from None
    if time > datetime.now(UTC) + _FORWARD:
        raise UsageError(
            "time-unreachable",
            "The time is yet to come",
            found=time.isoformat(),
            next_step="leave it out to see the tables as they are",
        )
    return Moment(text, time=time)


def pins(tables: Tables, at: Moment, names: Collection[str]) -> Pins:
    """The snapshot of each table at a moment, all of them decided before any is read.

    A snapshot belongs to one table: the others are taken as they were when it was committed.

    Raises:
        UsageError: `unknown-table`, `unknown-tag` or `time-unreachable`.
    """
    if at.tag is not None:
        return _tagged(tables, at.tag, names)
    if at.time is not None:
        return {name: tables.as_of(name, at.time) for name in names}
    return _beside(tables, str(at.snapshot_id), names)


def _tagged(tables: Tables, tag: str, names: Collection[str]) -> Pins:
    found = {each.table: each.snapshot_id for each in tables.tags(names) if each.name == tag}
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(
            "unknown-tag",
            f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not bear the tag {tag}",
            found="; ".join(f"{name} does" for name in found),
            next_step="`a360 tag list` lists the tags and their tables",
        )
    return found


def _beside(tables: Tables, snapshot_id: str, names: Collection[str]) -> Pins:
    for name in names:
        snapshot = tables.load(name).metadata.snapshot_by_id(int(snapshot_id))
        if snapshot is not None:
            time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=snapshot.timestamp_ms)
            others = [each for each in names if each != name]
            return {name: snapshot_id} | {each: tables.as_of(each, time) for each in others}
    raise UsageError(
        "unknown-table",
        f"No table of the query has the snapshot {snapshot_id}",
        where=", ".join(names),
        next_step="`a360 history` lists the snapshots that are retained",
    )


def require_tag_name(name: str) -> None:
    """Raise for a name that no tag may have."""
    if not TAG.fullmatch(name) or name.lower() in _RESERVED:
        raise UsageError(
            "usage",
            "This is no name for a tag",
            found=name[:64],
            next_step="begin with a letter; letters, digits, dots, hyphens and underscores follow",
        )
