"""PNG: chunks of text, time and EXIF left out; those that decide how it looks kept (PNG, third edition)."""

import struct
import zlib
from typing import Final

from a360.documents._media._exif import orientation, shown_size, upright_hint
from a360.documents._media._parts import Media, Patch, damaged, patched

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
MEDIA_TYPE: Final = "image/png"

_KEPT: Final = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP sBIT pHYs bKGD hIST sPLT cICP mDCV cLLI acTL fcTL fdAT".split()
)
_IN_ALL: Final = 12
_ANCILLARY: Final = 0x20


def strip_png(data: bytes) -> Media:
    """The picture without text, times, EXIF, private chunks and what stands behind its end."""
    patches: list[Patch] = []
    at, size, turned = len(MAGIC), (0, 0), 1
    first = True
    while True:
        kind, content, end = _chunk(data, at)
        if first != (kind == b"IHDR"):
            raise damaged("a PNG that does not begin with its header, or has two")
        if first:
            size, first = _size(content), False
        if kind == b"IEND":
            break
        if kind[0] & _ANCILLARY and kind not in _KEPT:
            hint = b""
            if kind == b"eXIf":
                turned = orientation(content)
                hint = _hint(turned)
            patches.append(Patch(at, data[at:end], hint))
        at = end
    if end < len(data):
        patches.append(Patch(end, data[end:]))
    return Media(MEDIA_TYPE, patched(data, patches), tuple(patches), *shown_size(*size, turned))


def _chunk(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    if at + _IN_ALL > len(data):
        raise damaged("a PNG that ends before its end")
    length, kind = struct.unpack_from(">I4s", data, at)
    end = at + _IN_ALL + length
    if end > len(data):
        raise damaged("a PNG with a chunk that reaches beyond its end")
    content = data[at + 8 : end - 4]
    if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(kind + content):
        raise damaged("a PNG with a chunk that fails its checksum")
    return kind, content, end


def _size(content: bytes) -> tuple[int, int]:
    if len(content) != 13:  # noqa: PLR2004 - the length of IHDR
        raise damaged("a PNG with a header of the wrong length")
    width, height = struct.unpack_from(">II", content)
    return width, height


def _hint(turned: int) -> bytes:
    exif = upright_hint(turned)
    if not exif:
        return b""
    return struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
