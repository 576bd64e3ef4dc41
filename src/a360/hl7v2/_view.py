"""A segment being read, with the segments it stands near to."""

from typing import Self

from a360.hl7v2._message import NULL, Segment

# As many fields as any map looks at: those not sent are empty.
_WIDTH = 100
_BLANK = ("",) * _WIDTH


class View:
    """A segment being read: its fields, cut into repetitions once, and the segments it stands near to."""

    __slots__ = ("_cut", "fields", "firsts", "name", "near", "segment")

    def __init__(self, segment: Segment, near: dict[str, Self]) -> None:
        self.segment = segment
        self.name = segment.name
        self.near = near
        self.fields = segment.fields + _BLANK[len(segment.fields) :]
        # The first repetition of each field; empty if it says nothing.
        self.firsts = self._firsts()
        self._cut: dict[int, list[str]] = {}

    def _firsts(self) -> tuple[str, ...]:
        sent = self.segment.fields
        if self.segment.plain:
            return self.fields
        firsts = [
            raw
            if "~" not in raw and raw[:1] != "^" and raw != NULL
            else _said(raw.partition("~")[0] if raw != NULL else "")
            for raw in sent
        ]
        return (*firsts, *_BLANK[len(sent) :])

    def parts(self, number: int) -> list[str]:
        """The repetitions of a field; one that holds nothing but delimiters is empty."""
        found = self._cut.get(number)
        if found is None:
            raw = self.fields[number]
            if not raw or raw == NULL:
                found = []
            elif "~" in raw:
                found = [_said(each) for each in raw.split("~")]
            else:
                found = [_said(raw)]
            self._cut[number] = found
        return found

    def pieces(self, number: int) -> list[list[str]]:
        """The repetitions of a field, each cut into components."""
        return [each.split("^") for each in self.parts(number)]


def _said(text: str) -> str:
    """A repetition, unless it is nothing but delimiters."""
    return text if text[:1] != "^" or text.strip("^") else ""
