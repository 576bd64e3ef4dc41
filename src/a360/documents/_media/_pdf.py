"""PDF: the document's information and XMP overwritten in place, byte by byte (ISO 32000).

Nothing moves, so that no cross-reference has to be written anew. What lies in a compressed object, or in an
encrypted file, cannot be overwritten: then the result says that it is not complete.
"""

import re
from typing import Final

from a360.documents._media._parts import Media, Patch, damaged, patched

MAGIC: Final = b"%PDF-"
MEDIA_TYPE: Final = "application/pdf"

_TAIL: Final = 4096
_INFO: Final = re.compile(rb"/Info\s+(\d{1,10})\s+(\d{1,5})\s+R")
_METADATA: Final = re.compile(rb"/Type\s{0,8}/Metadata\b")
_MOST_INFORMATION: Final = 64
_STREAM: Final = re.compile(rb"(?<!end)stream\r?\n")
_END_OBJECT: Final = b"endobj"
_END_STREAM: Final = b"endstream"
_WHITE: Final = re.compile(rb"\s*\Z")


def strip_pdf(data: bytes) -> Media:
    """The document without title, author, programs, dates and XMP, as far as they can be reached."""
    end = data.rfind(b"%%EOF")
    if end < 0 or end < len(data) - _TAIL:
        raise damaged("a PDF that ends before its end mark, or goes on behind it")
    end += len(b"%%EOF")
    spans: list[tuple[int, int]] = []
    complete = b"/Encrypt" not in data
    for number, generation in _named(data):
        found = _information(data, number, generation)
        complete &= bool(found)
        spans += found
    spans += _metadata(data)
    complete &= not _may_hide_more(data)
    spans = _disjoint(spans, end)
    patches = [
        Patch(start, data[start:stop], _blank(data[start:stop]))
        for start, stop in sorted(set(spans))
        if start < stop
    ]
    patches = [patch for patch in patches if patch.original != patch.served]
    if not _WHITE.match(data[end:]):
        patches.append(Patch(end, data[end:]))
    return Media(MEDIA_TYPE, patched(data, patches), tuple(patches), complete=complete)


def _disjoint(spans: list[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """Spans up to the end of the document, of which none holds a part of another."""
    apart: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        begin = max(start, apart[-1][1]) if apart else start
        if begin <= min(stop, end):
            apart.append((begin, min(stop, end)))
    return apart


def _named(data: bytes) -> list[tuple[bytes, bytes]]:
    """The objects that trailers name as the document's information, each once."""
    named = dict.fromkeys((match[1], match[2]) for match in _INFO.finditer(data))
    if len(named) > _MOST_INFORMATION:
        raise damaged("a PDF that names its information too often")
    return list(named)


def _metadata(data: bytes) -> list[tuple[int, int]]:
    """What stands in each stream of XMP; each place of the file is looked at once."""
    spans: list[tuple[int, int]] = []
    stream = start = last = -1
    for match in _METADATA.finditer(data):
        if stream < match.end():
            following = _STREAM.search(data, match.end())
            if following is None:
                break
            stream, start = following.start(), following.end()
        if start <= last or data.find(_END_OBJECT, match.end(), stream) >= 0:
            continue
        stop = data.find(_END_STREAM, start)
        if stop < 0:
            raise damaged("a PDF with a stream that does not end")
        spans.append((start, stop))
        last = start
    return spans


def _information(data: bytes, number: bytes, generation: bytes) -> list[tuple[int, int]]:
    """The strings of every version of the information dictionary."""
    spans = []
    begins = re.compile(rb"(?<!\d)" + number + rb"\s+" + generation + rb"\s+obj\b")
    for match in begins.finditer(data):
        stop = data.find(b"endobj", match.end())
        if stop < 0:
            raise damaged("a PDF with an object that does not end")
        spans += _strings(data, match.end(), stop)
        if not spans:
            spans.append((match.end(), match.end()))
    return spans


def _strings(data: bytes, at: int, end: int) -> list[tuple[int, int]]:
    """What stands within the parentheses, or the angle brackets, of each string of a dictionary."""
    spans = []
    while at < end:
        char = data[at : at + 1]
        if char == b"(":
            stop = _end_of_literal(data, at, end)
            spans.append((at + 1, stop))
            at = stop
        elif char == b"<" and data[at + 1 : at + 2] != b"<":
            stop = data.find(b">", at, end)
            if stop < 0:
                raise damaged("a PDF with a string that does not end")
            spans.append((at + 1, stop))
            at = stop
        elif char == b"<":
            at += 1
        at += 1
    return spans


def _end_of_literal(data: bytes, at: int, end: int) -> int:
    depth = 0
    while at < end:
        char = data[at]
        if char == 0x5C:  # noqa: PLR2004 - a backslash takes the next byte along
            at += 1
        elif char == 0x28:  # noqa: PLR2004 - an opening parenthesis
            depth += 1
        elif char == 0x29:  # noqa: PLR2004 - a closing one
            depth -= 1
            if not depth:
                return at
        at += 1
    raise damaged("a PDF with a string that does not end")


def _blank(original: bytes) -> bytes:
    """As many spaces: within parentheses, angle brackets and streams of XMP they say nothing."""
    return b" " * len(original)


def _may_hide_more(data: bytes) -> bool:
    """Whether compressed objects could hold information that no trailer in clear leads to."""
    return b"/ObjStm" in data
