"""A refused record as the quarantine keeps it: all that it takes to try it again without its file."""

from typing import Self

import msgspec


class KeptRecord(msgspec.Struct, frozen=True):
    """A record that could be read, but is refused; `line` is 0 where its format has no lines."""

    record_type: str
    line: int
    record: msgspec.Raw

    def sealable(self) -> bytes:
        """The bytes to seal."""
        return msgspec.json.encode(self)

    @classmethod
    def of(cls, text: bytes) -> Self | None:
        """The record that was sealed; None of what is no record, such as the bytes of a row as they stood."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError:
            return None
