"""A record of the log: one line of canonical JSON (RFC 8785) that names the record before it.

    {"event":{…},"hash":"…","previous":"…","sequence":42}

`hash` is the SHA-256 of the same record without `hash`; `previous` is the hash of the record before it.
Members stand in the order of their names, members without a value are left out, and numbers are integers that
a double holds: so JSON's canonical form takes no more than writing it down.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from a360.errors import InternalError
from a360.protect import AuditEvent

FIRST_PREVIOUS: Final = "0" * 64
OUTCOMES: Final = frozenset({"allowed", "denied", "done", "failed"})

_RECORD: Final = re.compile(
    rb'\{"event":(\{.*\}),"hash":"([0-9a-f]{64})","previous":"([0-9a-f]{64})","sequence":([1-9][0-9]{0,15})\}'
)
_HASH_MEMBER: Final = len(',"hash":""') + 64
_ACTION: Final = re.compile(r"[a-z][a-z_-]*(\.[a-z][a-z_-]*)*")
_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")
# What a contract, a policy or this program names looks so; anything else may be a value of the data.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/*#@\[\]-]{0,199}")
# A rule is told in words of the policy, which come from `lake.yaml`.
_RULE: Final = re.compile(r"[A-Za-z0-9_ .,:/*#@()\[\]-]{1,200}")
UNNAMED: Final = "?"
_LONGEST_NAME: Final = 256
_LONGEST_TEXT: Final = 8192
_MOST_NAMES: Final = 10_000
_GREATEST: Final = 2**53 - 1


class Event(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An event as it stands in the log; the fields are in the order of their names."""

    acting_for: str | None = None
    action: str
    at: str
    bytes: int | None = None
    columns: tuple[str, ...] = ()
    details: dict[str, str | int] = msgspec.field(default_factory=dict)
    objects: tuple[str, ...] = ()
    outcome: str
    principal: str
    purpose: str | None = None
    request: str | None = None
    rows: int | None = None
    rules: tuple[str, ...] = ()
    source: str | None = None
    subjects: tuple[str, ...] = ()


class Link(NamedTuple):
    """What a line says of its place in the chain, and what its hash should be."""

    sequence: int
    previous: str
    hash: str
    found: str
    event: bytes

    @property
    def whole(self) -> bool:
        """Whether the line is as it was written, by its own hash."""
        return self.hash == self.found


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Event).decode


def encode(event: AuditEvent) -> bytes:
    """An event as canonical JSON.

    A name that is none of a contract or a program is replaced by `?`: it may be what somebody typed of a
    patient.

    Raises:
        InternalError: the event is not fit to be recorded, so that what it tells of must not go ahead.
    """
    if event.at.tzinfo is None or event.outcome not in OUTCOMES or not _ACTION.fullmatch(event.action):
        raise _unfit("a time without a zone, or an action or outcome that is none")
    try:
        return _encode(
            Event(
                acting_for=_text(event.acting_for),
                action=event.action,
                at=stamp(event.at),
                bytes=_count(event.bytes),
                columns=_names(event.columns),
                details={_key(name): _value(value) for name, value in event.details.items()},
                objects=_names(event.objects),
                outcome=event.outcome,
                principal=_text(event.principal) or UNNAMED,
                purpose=_text(event.purpose),
                request=_text(event.request),
                rows=_count(event.rows),
                rules=_names(event.rules, _RULE),
                source=_text(event.source),
                subjects=_names(event.subjects),
            )
        )
    except UnicodeEncodeError:
        raise _unfit("text that is no Unicode") from None


def stamp(at: datetime) -> str:
    """A time as records have it: UTC, to the microsecond, always as long."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def decode(event: bytes) -> Event:
    """The event of a record.

    Raises:
        ValueError: the JSON is not that of an event, or not in its canonical form.
    """
    known = _decode(event)
    if _encode(known) != event:
        raise ValueError("the JSON is not in its canonical form")
    return known


def write(event: bytes, previous: str, sequence: int) -> tuple[bytes, str]:
    """The line of a record, without its end, and the record's hash."""
    rest = b',"previous":"%s","sequence":%d}' % (previous.encode(), sequence)
    own = sha256(b'{"event":' + event + rest).hexdigest()
    return b'{"event":%s,"hash":"%s"%s' % (event, own.encode(), rest), own


def read(line: bytes) -> Link | None:
    """A line taken apart; None where it is not of the form of a record."""
    parts = _RECORD.fullmatch(line)
    if parts is None:
        return None
    event, own, previous, sequence = parts.groups()
    end = parts.end(1)
    found = sha256(line[:end] + line[end + _HASH_MEMBER :]).hexdigest()
    return Link(int(sequence), previous.decode(), own.decode(), found, event)


def record_id(sequence: int, own: str) -> str:
    """The id of a record: its place, and enough of its hash to tell it from any that took its place."""
    return f"{sequence}-{own[:16]}"


def _names(names: Iterable[str], form: re.Pattern[str] = _NAME) -> tuple[str, ...]:
    return _checked(tuple(names), form)


@lru_cache(maxsize=1024)
def _checked(names: tuple[str, ...], form: re.Pattern[str]) -> tuple[str, ...]:
    known = tuple(name if form.fullmatch(name) else UNNAMED for name in names)
    if len(known) > _MOST_NAMES:
        raise _unfit(f"{len(known)} names in one list")
    return known


def _text(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST_NAME]


def _key(name: str) -> str:
    if not _KEY.fullmatch(name):
        raise _unfit("a detail's name is no plain word")
    return name


def _value(value: str | int) -> str | int:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if type(value) is not int:
        raise _unfit(f"a detail is a {type(value).__name__}")
    return _within(value)


def _count(value: int | None) -> int | None:
    return None if value is None else _within(value)


def _within(value: int) -> int:
    if not -_GREATEST <= value <= _GREATEST:
        raise _unfit("an integer that a double does not hold")
    return value


def _unfit(found: str) -> InternalError:
    return InternalError(
        "internal",
        "An audit event cannot be recorded as it is",
        found=found,
        next_step="report it with the log; what it tells of did not go ahead",
    )
