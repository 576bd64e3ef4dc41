"""Strict JSON: what a text is, and why it is refused.

msgspec reads JSON as RFC 8259 has it, where DuckDB also takes trailing commas and NaN; it does not look at
the encoding of what it passes over, so that texts must be known to be UTF-8 before they come here.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from a360.ingest._rules import Rule


class Head(msgspec.Struct, gc=False):
    """The members of a resource by which it is known."""

    resource_type: str | None = msgspec.field(name="resourceType", default=None)
    id: str | None = None


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Why a text is refused; the reason holds nothing of the text."""

    rule: Rule
    reason: str


_decode_head = msgspec.json.Decoder(Head).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode
_ERRORS: Final = (msgspec.DecodeError, RecursionError)


type Text = bytes | bytearray | memoryview


def decode_heads(texts: Iterable[Text]) -> tuple[list[Head | None], dict[int, Fault]]:
    """The head of each text, and the fault of each that has none."""
    heads: list[Head | None] = []
    faults: dict[int, Fault] = {}
    seen = list(texts)
    rest = iter(seen)
    while len(heads) < len(seen):
        try:
            # On an error `extend` keeps what came before it, and `rest` goes on behind it.
            heads.extend(map(_decode_head, rest))
        except _ERRORS as error:
            faults[len(heads)] = _fault(seen[len(heads)], error)
            heads.append(None)
    return heads, faults


def _fault(text: Text, error: Exception) -> Fault:
    if isinstance(error, msgspec.ValidationError):
        # What is of the wrong kind may be no JSON further on.
        try:
            _decode_any(text)
        except _ERRORS as worse:
            return _fault(text, worse)
        return _misfit(str(error))
    if isinstance(error, RecursionError):
        return Fault(Rule.TOO_DEEP, "nested far too deep")
    return Fault(Rule.NOT_JSON, str(error))


def _misfit(message: str) -> Fault:
    if "`$.id`" in message:
        return Fault(Rule.INVALID_ID, "id is no string")
    if "`$.resourceType`" in message:
        return Fault(Rule.NO_RESOURCE_TYPE, "resourceType is no string")
    return Fault(Rule.NOT_OBJECT, "JSON, but no object")
