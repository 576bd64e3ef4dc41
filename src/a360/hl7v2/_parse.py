"""ER7 to messages: framing, batches, character sets and delimiters, with faults as values."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from a360.hl7v2._lines import MARKS, lines_of
from a360.hl7v2._message import Message, Note, Reject, Segment

VERSIONS = frozenset(
    {"2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2"}
)
_STANDARD = "|^~\\&"
_ENVELOPE = frozenset((b"FHS", b"BHS", b"BTS", b"FTS"))
_FRAMING = b"\x0b\x1c"
_FRAMED = frozenset((b"\x0b", b"\x1c"))
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_TRUNCATED = re.compile(r"#(?=[|^~&]|\Z)")
# Table 0211, as far as Python knows the sets; what is not named is refused rather than guessed.
_CHARSETS = {
    "": "",
    "ASCII": "ascii",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF-16": "utf-8",
    "UNICODE UTF-32": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR14": "iso2022_jp",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
}
_UNMARKED = Reject("encoding", detail="the byte order mark and the bytes disagree")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file held: its messages and what was refused, each with its position among the messages."""

    messages: tuple[Message, ...]
    rejects: tuple[Reject, ...]
    notes: tuple[Note, ...] = ()


def parse(data: bytes) -> Parsed:
    """The messages of a file: one, several one after another, or a batch, with or without MLLP framing."""
    messages: list[Message] = []
    rejects: list[Reject] = []
    notes: list[Note] = []
    try:
        data = _without_mark(data)
    except UnicodeDecodeError:
        return Parsed((), (_UNMARKED,))
    for found in _parsed(data.replace(b"\n", b"\r").split(b"\r"), None):
        if isinstance(found, Message):
            messages.append(found)
        elif isinstance(found, Reject):
            rejects.append(found)
        else:
            notes.append(found)
    return Parsed(tuple(messages), tuple(rejects), tuple(notes))


def parse_stream(stream: BinaryIO, *, most: int = 64 << 20) -> Iterator[Message | Reject | Note]:
    """The messages of a file of any size, one by one, with what is refused or noted where it stands.

    No more than one message is held in memory, and none of more than `most` bytes is taken.
    """
    try:
        yield from _parsed(lines_of(stream, most), most)
    except UnicodeDecodeError:
        yield _UNMARKED


def _parsed(lines: Iterable[bytes], most: int | None) -> Iterator[Message | Reject | Note]:
    position = 0
    for block in _blocks(lines, most):
        if block[0][:3] in _ENVELOPE:
            yield from _check_count(block[0], position)
            continue
        position += 1
        if most is not None and sum(map(len, block)) > most:
            yield Reject("too-large", detail=f"more than {most:,} bytes", position=position)
        else:
            yield _message(block, position)
    if not position:
        yield Reject("no-msh", "MSH", detail="no message header in the file")


def _without_mark(data: bytes) -> bytes:
    """The bytes as UTF-8 if a byte order mark says which Unicode form they have."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return data[len(mark) :] if name == "utf-8" else data.decode(name).encode("utf-8")
    return data


def _blocks(lines: Iterable[bytes], most: int | None) -> Iterator[list[bytes]]:
    """The lines of each message; lines of a batch's envelope, and lines before any header, by themselves."""
    block: list[bytes] = []
    size = 0
    for raw in lines:
        name = raw[:3]
        if name[:1] in _FRAMED or raw[-1:] in _FRAMED:
            raw = raw.strip(_FRAMING)  # noqa: PLW2901 - the same line, without its frame
            name = raw[:3]
        if name == b"MSH" or name in _ENVELOPE:
            if block:
                yield block
            block, size = [], 0
        elif not name or raw.isspace():
            continue
        if name in _ENVELOPE:
            yield [raw]
        elif most is None or size <= most:
            # Of a message that is too large no more is kept than shows it.
            size += len(raw)
            block.append(raw)
    if block:
        yield block


def _check_count(line: bytes, seen: int) -> list[Note]:
    """A batch trailer says how many messages there were: a difference is worth a note."""
    fields = line.split(b"|")
    if line[:3] != b"BTS" or len(fields) < 2 or not fields[1].isdigit():  # noqa: PLR2004 - BTS-1
        return []
    told = int(fields[1])
    return [] if told == seen else [Note("batch-count", "BTS", 1, f"says {told}, found {seen}")]


def _message(lines: list[bytes], position: int) -> Message | Reject:
    head = lines[0]
    if head[:3] != b"MSH":
        return Reject("no-msh", "MSH", detail="lines stand before any message header", position=position)
    delimiters = _delimiters(head)
    if delimiters is None:
        return Reject("delimiters", "MSH", 2, "the encoding characters are missing or repeat", position)
    charset = _charset(head, delimiters)
    if charset is None:
        return Reject("charset-unknown", "MSH", 18, "the character set is not one of table 0211", position)
    texts = _decoded(lines, charset, position)
    if isinstance(texts, Reject):
        return texts
    text_lines, charset, notes = texts
    truncation = delimiters[5:6]
    if delimiters[:5] != _STANDARD:
        text_lines = _with_standard_delimiters(text_lines, delimiters)
    segments = _segments(text_lines, notes, truncation=bool(truncation))
    message = Message(tuple(segments), charset, tuple(notes), position, delimiters)
    return _checked(message, position)


def _delimiters(head: bytes) -> str | None:
    """The field separator and the four or five encoding characters, if they can be told apart."""
    separator = head[3:4]
    found = (separator + head[4:].partition(separator)[0]).decode("latin-1") if separator else ""
    # A sender without subcomponents may leave the last character out.
    if len(found) == 4:  # noqa: PLR2004 - separator and three encoding characters
        found += "&"
    usual = 5 <= len(found) <= 6 and len(set(found)) == len(found)  # noqa: PLR2004 - with or without truncation
    plain = not any(character.isalnum() or character.isspace() for character in found)
    return found if usual and plain and found.isascii() else None


def _charset(head: bytes, delimiters: str) -> str | None:
    fields = head.split(delimiters[0].encode("ascii"))
    told = fields[17] if len(fields) > 17 else b""  # noqa: PLR2004 - MSH-18
    name = told.split(delimiters[2].encode("ascii"))[0].decode("latin-1").strip().upper()
    return _CHARSETS.get(name)


def _decoded(lines: list[bytes], charset: str, position: int) -> tuple[list[str], str, list[Note]] | Reject:
    """The lines as text; what was declared and what is there must agree."""
    notes: list[Note] = []
    data = b"\r".join(lines)
    if data.isascii() and not charset.startswith("iso2022"):
        return data.decode("ascii").split("\r"), charset or "ascii", notes
    if not charset:
        charset = "utf-8"
        notes.append(Note("charset-undeclared", "MSH", 18, "read as UTF-8"))
    try:
        text = data.decode(charset)
    except UnicodeDecodeError as error:
        line = data.count(b"\r", 0, error.start)
        name = lines[line][:3].decode("latin-1") if lines[line][:3].isalnum() else ""
        return Reject("encoding", name, 0, f"the bytes are not {charset}", position)
    # Text of a single-byte set has no control characters above ASCII, and is hardly ever well-formed UTF-8.
    controls = any("\x80" <= character <= "\x9f" for character in text)
    if charset.startswith("iso8859") and (controls or _is_utf8(data)):
        return Reject(
            "encoding", "MSH", 18, f"declared {charset}, but the bytes are of another set", position
        )
    return text.split("\r"), charset, notes


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _with_standard_delimiters(lines: list[str], delimiters: str) -> list[str]:
    """The lines with the usual delimiters; where one of those was plain text before, it is escaped."""
    escapes = {"|": "F", "^": "S", "~": "R", "\\": "E", "&": "T"}
    table: dict[int, str] = {
        ord(usual): f"\\{letter}\\" for usual, letter in escapes.items() if usual not in delimiters[:5]
    }
    table |= {ord(sent): usual for sent, usual in zip(delimiters[:5], _STANDARD, strict=True)}
    head = lines[0]
    rest = head[4:].partition(delimiters[0])[2]
    extra = delimiters[5:6]
    first = f"MSH|{_STANDARD[1:]}{extra}|" + rest.translate(table)
    return [first, *(line.translate(table) for line in lines[1:])]


def _segments(lines: list[str], notes: list[Note], *, truncation: bool) -> list[Segment]:
    segments: list[Segment] = []
    more: list[str] = []
    for line in lines:
        name = line[:3]
        if not (_NAME.match(name) and line[3:4] in {"|", ""}):
            more.append(line)
            continue
        if more:
            _continue(segments, more, notes)
            more = []
        text = line
        if truncation and name != "MSH" and "#" in line:
            text = _TRUNCATED.sub("", line)
            if text != line:
                notes.append(Note("truncated", name, 0, "a value was cut by the sender"))
        fields = text.split("|")
        if name == "MSH":
            fields.insert(1, "|")
        plain = "~" not in text and '""' not in text and "|^" not in text
        segments.append(Segment(name, tuple(fields), plain=plain))
    if more:
        _continue(segments, more, notes)
    return segments


def _continue(segments: list[Segment], more: list[str], notes: list[Note]) -> None:
    """Lines that start no segment are text in which line breaks were sent unescaped."""
    last = segments[-1]
    joined = "\\.br\\".join((last.fields[-1], *more))
    segments[-1] = Segment(last.name, (*last.fields[:-1], *joined.split("|")))
    notes += [Note("line-break-joined", last.name, len(last.fields) - 1)] * len(more)


def _checked(message: Message, position: int) -> Message | Reject:
    if not message.code:
        return Reject("no-type", "MSH", 9, "the message does not say what it is", position)
    if message.version not in VERSIONS:
        return Reject("version-unknown", "MSH", 12, "not a version from 2.1 to 2.8", position)
    return message
