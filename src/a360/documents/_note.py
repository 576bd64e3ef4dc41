"""A note's content read: from bytes of a media type to its text and the text's sections."""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from a360.documents._html import reduce_html
from a360.documents._sections import Section, markdown_sections, plain_sections, sections_of
from a360.documents._transcripts import Turn, joined, json_turns, labelled_turns, vtt_turns

PLAIN: Final = "text/plain"
MARKDOWN: Final = "text/markdown"
HTML: Final = "text/html"
VTT: Final = "text/vtt"
TURNS: Final = "text/vnd.a360.turns+json"
"""Turns of a transcript as JSON."""

_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._:-]+)\"?", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")


@dataclass(frozen=True, slots=True)
class NoteText:
    """The text of a note, its line ends LF, and its sections with offsets in its characters."""

    text: str
    sections: tuple[Section, ...]

    @property
    def words(self) -> int:
        """How many words it has."""
        return sum(1 for _ in _WORD.finditer(self.text))


def media_type(content_type: str) -> str:
    """A content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def read_note(data: bytes, content_type: str) -> NoteText | None:
    """The text of a note; None where the bytes are not what their type says, or the type is no text."""
    kind = media_type(content_type)
    if not kind.startswith("text/"):
        return None
    text = _decoded(data, content_type)
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if kind == HTML:
        reduced, headings = reduce_html(text)
        return NoteText(reduced, tuple(sections_of(reduced, headings)))
    if kind in {VTT, TURNS}:
        turns = vtt_turns(text) if kind == VTT else json_turns(text)
        return None if turns is None else _transcript(turns)
    if kind == MARKDOWN:
        return NoteText(text, tuple(markdown_sections(text)))
    turns = labelled_turns(text)
    return NoteText(text, tuple(plain_sections(text))) if turns is None else _transcript(turns)


def _transcript(turns: list[Turn]) -> NoteText:
    text, sections = joined(turns)
    return NoteText(text, tuple(sections))


def _decoded(data: bytes, content_type: str) -> str | None:
    match = _CHARSET.search(content_type)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        charset = "utf-8-sig"
    else:
        charset = match[1] if match else "utf-8"
    try:
        text = data.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return None
    return None if "\0" in text else text
