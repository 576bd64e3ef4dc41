"""JPEG: segments of metadata left out, the coded picture kept bit for bit (ITU T.81, JFIF, EXIF)."""

import struct
from typing import Final

from a360.documents._media._exif import HEADER, orientation, shown_size, upright_hint
from a360.documents._media._parts import Media, Patch, damaged, patched

MAGIC: Final = b"\xff\xd8\xff"
MEDIA_TYPE: Final = "image/jpeg"

_SOS, _EOI, _COM, _APP0, _APP1, _APP2, _APP14, _APP15 = 0xDA, 0xD9, 0xFE, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def strip_jpeg(data: bytes) -> Media:
    """The picture without EXIF, XMP, IPTC, previews, comments and what stands behind its end.

    Kept are JFIF, colour profiles and Adobe's colour transform: without them its colours would change.
    """
    patches: list[Patch] = []
    size: tuple[int, int] | None = None
    turned = 1
    at = 2
    while True:
        start, marker, body = _segment(data, at)
        if marker == _EOI:
            at = body
            break
        if marker in _BARE:
            at = body
            continue
        end = body + _length(data, body)
        content = data[body + 2 : end]
        if marker in _FRAMES and size is None:
            size = _size(content)
        if marker == _SOS:
            at = _end_of_scan(data, end)
            continue
        if _is_metadata(marker, content):
            hint = b""
            if marker == _APP1 and content.startswith(HEADER) and turned == 1:
                turned = orientation(content[len(HEADER) :])
                hint = _hint(turned)
            patches.append(Patch(start, data[start:end], hint))
        at = end
    if size is None:
        raise damaged("a JPEG without a picture")
    if at < len(data):
        patches.append(Patch(at, data[at:]))
    return Media(MEDIA_TYPE, patched(data, patches), tuple(patches), *shown_size(*size, turned))


def _segment(data: bytes, at: int) -> tuple[int, int, int]:
    """Where a segment starts, its marker, and where what follows the marker begins."""
    start = at
    if data[at : at + 1] != b"\xff":
        raise damaged("a JPEG in which a segment does not begin where the last one ends")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        raise damaged("a JPEG that ends before its end marker")
    return start, data[at], at + 1


def _length(data: bytes, at: int) -> int:
    if at + 2 > len(data):
        raise damaged("a JPEG that ends before its end marker")
    (length,) = struct.unpack_from(">H", data, at)
    if length < 2 or at + length > len(data):  # noqa: PLR2004 - the length counts its own two bytes
        raise damaged("a JPEG with a segment that reaches beyond its end")
    return int(length)


def _size(content: bytes) -> tuple[int, int]:
    if len(content) < 5:  # noqa: PLR2004 - precision, height, width
        raise damaged("a JPEG with a frame too short to have a size")
    height, width = struct.unpack_from(">HH", content, 1)
    return width, height


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the marker behind coded data stands: stuffed bytes and restarts belong to the data."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise damaged("a JPEG that ends before its end marker")
        following = data[at + 1]
        if following == 0 or following in _BARE:
            at += 2
        elif following == 0xFF:  # noqa: PLR2004 - a fill byte
            at += 1
        else:
            return at


def _is_metadata(marker: int, content: bytes) -> bool:
    if marker == _APP0:
        return not content.startswith(b"JFIF\0")
    if marker == _APP2:
        return not content.startswith(b"ICC_PROFILE\0")
    if marker == _APP14:
        return not content.startswith(b"Adobe")
    return marker == _COM or _APP0 < marker <= _APP15


def _hint(turned: int) -> bytes:
    exif = upright_hint(turned)
    if not exif:
        return b""
    content = HEADER + exif
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
