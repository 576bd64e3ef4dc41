"""HL7 v2 messages made into what lands: the message itself, and the resources it became, as JSON lines."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from a360.hl7v2 import Conversion, Message, Options, Reject, convert, parse
from a360.ingest._rules import Rule

_RULES: Final = {rule.value: rule for rule in Rule}
_SEPARATOR: Final = "|"
# How many digits of a message's number count; with the 13 of a time they are no more than a version may have.
_DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is refused, in words that hold nothing of it."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Made:
    """A message that was converted.

    `key` says who sent it under which control id; it is empty where the message has none. `number` orders it
    among those sent at the same time. `deleted` are types and ids. Each resource comes with its type and id.
    """

    key: str
    sent: str | None
    number: str | None
    payload: bytes
    resources: tuple[tuple[str, str, bytes], ...]
    deleted: tuple[tuple[str, str], ...]
    notes: Counter[str]


def make(text: bytes, options: Options) -> Made | Refusal:
    """Convert one message; one that breaks a rule, or the converter, is refused."""
    try:
        parsed = parse(text)
        if parsed.rejects or not parsed.messages:
            return _refused(parsed.rejects)
        message = parsed.messages[0]
        conversion = convert(message, options)
        return _refused(conversion.rejects) if conversion.rejects else _made(text, message, conversion)
    except Exception as error:  # noqa: BLE001 - one message that no one foresaw must not stop a feed
        return Refusal(Rule.CONVERSION_FAILED, f"the converter failed with {type(error).__name__}")


def _refused(rejects: Iterable[Reject]) -> Refusal:
    found = list(rejects)
    rule = _RULES.get(found[0].rule, Rule.CONVERSION_FAILED) if found else Rule.NO_MSH
    return Refusal(rule, "; ".join(_reason(each) for each in found) or "no message header")


def _reason(reject: Reject) -> str:
    place = f"{reject.segment}-{reject.field}" if reject.field else reject.segment
    return ": ".join(part for part in (place, reject.detail or reject.rule) if part)


def _made(text: bytes, message: Message, conversion: Conversion) -> Made:
    header = message.header
    named = message.control_id and (header.raw(3), header.raw(4), message.control_id)
    resources = [each for each in conversion.resources if _reference(each) not in conversion.deleted]
    number = _number(message)
    # A message need not say when it was sent; what else its resources' meta holds is no time.
    times = (each.get("meta", {}).get("lastUpdated") for each in conversion.resources)
    sent = next((time for time in times if time), None)
    return Made(
        _SEPARATOR.join(named) if named else "",
        sent,
        number,
        msgspec.json.encode({"er7": text.decode(message.charset or "utf-8")}),
        tuple((each["resourceType"], each["id"], _line(each, conversion, number)) for each in resources),
        tuple((kind, made) for kind, _, made in (name.partition("/") for name in sorted(conversion.deleted))),
        Counter(note.rule for note in conversion.notes),
    )


def _reference(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _number(message: Message) -> str | None:
    """What orders messages of one time: the sequence number (MSH-13), else a control id that is a number."""
    for text in (message.header.raw(13), message.control_id):
        if text and len(text) <= _DIGITS and text.isascii() and text.isdigit():
            return str(int(text))
    return None


def _line(resource: dict[str, Any], conversion: Conversion, number: str | None) -> bytes:
    """The resource's text. One that is only mentioned is older than any whose source tells of it.

    Versions are ordered by their time first, and what has none comes before all that has, then by the number
    of the version: that of the message. Among mentions, the time stands in it before the message's.
    """
    meta = dict(resource.get("meta", {}))
    if "lastUpdated" not in meta:
        return msgspec.json.encode(resource)
    if _reference(resource) in conversion.mentioned:
        told = datetime.fromisoformat(meta.pop("lastUpdated"))
        meta["versionId"] = f"{round(told.timestamp() * 1000)}{(number or '').zfill(_DIGITS)}"
    elif number is not None:
        meta["versionId"] = number
    return msgspec.json.encode({**resource, "meta": meta})
