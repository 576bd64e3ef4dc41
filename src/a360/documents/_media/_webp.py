"""WebP: the chunks of EXIF and XMP left out, its flags and its length mended (RFC 9649)."""

import struct
from collections.abc import Iterator
from typing import Final

from a360.documents._media._exif import HEADER, orientation, shown_size, upright_hint
from a360.documents._media._parts import Media, Patch, damaged, patched

MEDIA_TYPE: Final = "image/webp"

_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_HEAD: Final = 12
_XMP_FLAG, _EXIF_FLAG = 0x04, 0x08
_MASK: Final = 0x3FFF


def is_webp(data: bytes) -> bool:
    """Whether bytes begin as WebP does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def strip_webp(data: bytes) -> Media:
    """The picture without EXIF, XMP, unknown chunks and what stands behind its end."""
    (length,) = struct.unpack_from("<I", data, 4)
    end = 8 + length
    if length < 4 or end > len(data):  # noqa: PLR2004 - the length counts "WEBP"
        raise damaged("a WebP that ends before its end")
    chunks = list(_chunks(data, end))
    exif = next((content for _, kind, content, _ in chunks if kind == b"EXIF"), b"")
    turned = orientation(exif.removeprefix(HEADER))
    hint = _hint(turned)
    patches: list[Patch] = []
    size: tuple[int, int] | None = None
    for start, kind, content, stop in chunks:
        size = size or _size(kind, content)
        if kind == b"VP8X":
            flags = (content[0] & ~(_XMP_FLAG | _EXIF_FLAG)) | (_EXIF_FLAG if hint else 0)
            if flags != content[0]:
                patches.append(Patch(start + 8, content[:1], bytes([flags])))
        elif kind not in _KEPT:
            patches.append(Patch(start, data[start:stop], hint))
            hint = b""
    if size is None:
        raise damaged("a WebP without a picture")
    grown = sum(len(each.served) - len(each.original) for each in patches)
    if end < len(data):
        patches.append(Patch(end, data[end:]))
    if grown:
        patches.insert(0, Patch(4, data[4:8], struct.pack("<I", length + grown)))
    return Media(MEDIA_TYPE, patched(data, patches), tuple(patches), *shown_size(*size, turned))


def _chunks(data: bytes, end: int) -> Iterator[tuple[int, bytes, bytes, int]]:
    at = _HEAD
    while at < end:
        if at + 8 > end:
            raise damaged("a WebP that ends within a chunk")
        kind, length = struct.unpack_from("<4sI", data, at)
        stop = at + 8 + length
        if stop > end:
            raise damaged("a WebP with a chunk that reaches beyond its end")
        padded = min(stop + length % 2, end)
        yield at, kind, data[at + 8 : stop], padded
        at = padded


def _size(kind: bytes, content: bytes) -> tuple[int, int] | None:
    try:
        if kind == b"VP8X":
            wide, high = content[4:7], content[7:10]
            if len(high) < 3:  # noqa: PLR2004 - 24 bits
                raise damaged("a WebP with a header too short to have a size")
            return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", content, 1)
            return (bits & _MASK) + 1, (bits >> 14 & _MASK) + 1
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 6)
            return width & _MASK, height & _MASK
    except struct.error:
        raise damaged("a WebP with a frame too short to have a size") from None
    return None


def _hint(turned: int) -> bytes:
    exif = upright_hint(turned)
    return b"EXIF" + struct.pack("<I", len(exif)) + exif if exif else b""
