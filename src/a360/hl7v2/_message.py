"""What a parsed HL7 v2 message is: segments of fields, each cut up further only when it is looked at."""

from collections.abc import Iterator
from dataclasses import dataclass

from a360.hl7v2._escape import unescape

NULL = '""'
_MSH = "MSH"


@dataclass(frozen=True, slots=True)
class Reject:
    """Why a message is refused: the rule it breaks and where, never what a patient's data said."""

    rule: str
    segment: str = ""
    field: int = 0
    detail: str = ""
    position: int = 0

    def __str__(self) -> str:
        place = f"{self.segment}-{self.field}" if self.field else self.segment
        return f"{self.rule}{f' at {place}' if place else ''}{f': {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was mended, left out or worth knowing, and where."""

    rule: str
    segment: str = ""
    field: int = 0
    detail: str = ""


class Segment:
    """One segment: its name and its fields by their number in the standard."""

    __slots__ = ("fields", "name", "plain")

    def __init__(self, name: str, fields: tuple[str, ...], *, plain: bool = False) -> None:
        self.name = name
        # Whether it was seen that no field repeats, is null or lacks its first component.
        self.plain = plain
        # `fields[n]` is field n: for MSH the separator itself is field 1, as the standard counts.
        self.fields = fields

    def raw(self, number: int) -> str:
        """The field as it was sent, escapes and all; empty if it was not."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """The repetitions of a field as they were sent; none if the field is empty."""
        text = self.raw(number)
        return text.split("~") if text else []

    def text(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """One value of the first repetition with its escapes resolved; empty for null and for absent."""
        text = self.raw(number)
        if not text:
            return ""
        found = part(part(text.partition("~")[0], "^", component), "&", subcomponent)
        return "" if found == NULL else unescape(found)

    def is_null(self, number: int) -> bool:
        """Whether the sender said that the field's value is to be deleted."""
        return self.raw(number) == NULL

    def encode(self) -> str:
        """The segment as ER7."""
        if self.name == _MSH:
            return _MSH + self.fields[1] + "|".join(self.fields[2:])
        return "|".join((self.name, *self.fields[1:]))

    def __repr__(self) -> str:
        return f"Segment({self.name}, {len(self.fields) - 1} fields)"


class Message:
    """One message with the standard's delimiters, whatever delimiters it was sent with."""

    __slots__ = ("charset", "header", "notes", "position", "segments", "sent_delimiters")

    def __init__(
        self,
        segments: tuple[Segment, ...],
        charset: str,
        notes: tuple[Note, ...] = (),
        position: int = 0,
        sent_delimiters: str = "|^~\\&",
    ) -> None:
        self.segments = segments
        self.header = segments[0]
        self.charset = charset
        self.notes = notes
        self.position = position
        self.sent_delimiters = sent_delimiters

    @property
    def code(self) -> str:
        """The kind of message, as `ADT`."""
        return self.header.text(9, 1)

    @property
    def event(self) -> str:
        """The trigger event, as `A01`; before 2.3.1 it may stand in EVN-1 alone."""
        found = self.header.text(9, 2)
        if found:
            return found
        event = self.first("EVN")
        return event.text(1) if event else ""

    @property
    def version(self) -> str:
        """The version of the standard, as `2.5.1`."""
        return self.header.text(12)

    @property
    def control_id(self) -> str:
        """The id the sender gave the message."""
        return self.header.text(10)

    def first(self, name: str) -> Segment | None:
        """The first segment of a name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Segment]:
        """The segments of a name, in order."""
        return (segment for segment in self.segments if segment.name == name)

    def encode(self) -> str:
        """The message as ER7, each segment ended by a carriage return."""
        return "".join(segment.encode() + "\r" for segment in self.segments)

    def __repr__(self) -> str:
        return f"Message({self.code}^{self.event}, {len(self.segments)} segments)"


def part(text: str, delimiter: str, number: int) -> str:
    """The n-th piece of a text, counted from one; empty if there are fewer."""
    if delimiter not in text:
        return text if number == 1 else ""
    pieces = text.split(delimiter, number)
    return pieces[number - 1] if number <= len(pieces) else ""
