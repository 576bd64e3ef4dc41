"""HEIC and AVIF: the extents of EXIF and XMP items overwritten in place (ISO 14496-12, 23008-12).

Nothing moves, so that no offset has to be written anew. Which way up a picture is stands in properties of its
own, which stay.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from a360.documents._media._parts import Media, Patch, damaged, patched

_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF: Final = frozenset({b"avif", b"avis"})
_METADATA: Final = frozenset({b"Exif", b"mime", b"uri "})
_BLANKED: Final = frozenset({b"uuid", b"udta", b"free", b"skip"})
_SIDEWAYS: Final = (1, 3)
# EXIF that says nothing: readers refuse a picture whose item of EXIF is none.
_EMPTY_EXIF: Final = b"\0\0\0\0MM\0*" + struct.pack(">IHI", 8, 0, 0)


type _Span = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    body: int
    end: int


def heif_type(data: bytes) -> str | None:
    """The media type by the brands of a file; None where it is no picture of this family."""
    if data[4:8] != b"ftyp":
        return None
    (length,) = struct.unpack_from(">I", data)
    if data[8:12] in _AVIF:
        return "image/avif"
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(length, len(data), 256), 4))}
    return "image/heic" if brands & _HEIC else "image/avif" if brands & _AVIF else None


def strip_heic(data: bytes) -> Media:
    """The picture with EXIF, XMP and private boxes overwritten."""
    kind = heif_type(data)
    if kind is None:
        raise damaged("no picture of the HEIF family")
    try:
        top = list(_boxes(data, 0, len(data)))
        meta = next((box for box in top if box.kind == b"meta"), None)
        if meta is None:
            raise damaged("a HEIC without a list of its items")
        inner = list(_boxes(data, meta.body + 4, meta.end))
        spans = [
            span for box in [*top, *inner] if box.kind in _BLANKED for span in [(box.body, box.end, box.kind)]
        ]
        spans += _metadata_spans(data, inner)
        size = _size(data, inner)
    except (struct.error, IndexError):
        raise damaged("a HEIC that ends before its end") from None
    blanked = ((start, end, _blank(end - start, item)) for start, end, item in _disjoint(spans))
    patches = tuple(
        Patch(start, data[start:end], blank) for start, end, blank in blanked if data[start:end] != blank
    )
    return Media(kind, patched(data, patches), patches, *size)


def _blank(length: int, item: bytes) -> bytes:
    """As many bytes that say nothing; an item of EXIF stays EXIF, if it is long enough."""
    says_nothing = _EMPTY_EXIF if item == b"Exif" and length >= len(_EMPTY_EXIF) else b""
    return says_nothing.ljust(length, b"\0")


def _boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    while at < end:
        length, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        stop = end if length == 0 else at + length
        if stop > end or stop < body:
            raise damaged("a HEIC with a box that reaches beyond its end")
        yield _Box(kind, body, stop)
        at = stop


def _metadata_spans(data: bytes, inner: list[_Box]) -> list[_Span]:
    found = {box.kind: box for box in inner}
    if b"iinf" not in found or b"iloc" not in found:
        return []
    wanted = {item: kind for item, kind in _items(data, found[b"iinf"]) if kind in _METADATA}
    idat = found.get(b"idat")
    spans = []
    for item, method, offset, length in _extents(data, found[b"iloc"]):
        if item not in wanted:
            continue
        if method not in {0, 1} or (method == 1 and idat is None):
            raise damaged("a HEIC whose metadata lies where it cannot be found")
        start = offset + (idat.body if method == 1 and idat is not None else 0)
        if start + length > len(data):
            raise damaged("a HEIC that ends before its end")
        spans.append((start, start + length, wanted[item]))
    return spans


def _items(data: bytes, iinf: _Box) -> Iterator[tuple[int, bytes]]:
    first = iinf.body + (6 if data[iinf.body] == 0 else 8)
    for box in _boxes(data, first, iinf.end):
        version = data[box.body]
        at = box.body + 4
        if version == 2:  # noqa: PLR2004 - 16-bit ids
            (item,) = struct.unpack_from(">H", data, at)
            yield item, data[at + 4 : at + 8]
        elif version == 3:  # noqa: PLR2004 - 32-bit ids
            (item,) = struct.unpack_from(">I", data, at)
            yield item, data[at + 6 : at + 10]


def _extents(data: bytes, iloc: _Box) -> Iterator[tuple[int, int, int, int]]:
    """Item, construction method, offset and length of each extent."""
    version, sizes, more = data[iloc.body], data[iloc.body + 4], data[iloc.body + 5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version in {1, 2} else 0
    wide = 2 if version < 2 else 4  # noqa: PLR2004 - ids and counts grew with version 2
    at = iloc.body + 6
    if not offset_size and not length_size:
        raise damaged("a HEIC whose items lie nowhere")

    def number(size: int) -> int:
        nonlocal at
        if at + size > iloc.end:
            raise damaged("a HEIC with a list of places that ends too soon")
        value = int.from_bytes(data[at : at + size], "big")
        at += size
        return value

    for _ in range(number(wide)):
        item = number(wide)
        method = number(2) & 15 if version in {1, 2} else 0
        number(2)
        base = number(base_size)
        for _ in range(number(2)):
            number(index_size)
            offset, length = number(offset_size), number(length_size)
            yield item, method, base + offset, length


def _size(data: bytes, inner: list[_Box]) -> tuple[int | None, int | None]:
    """The largest extent among the pictures, as it is shown."""
    sizes, sideways = [(0, 0)], False
    for box in inner:
        for prop in _boxes(data, box.body, box.end) if box.kind == b"iprp" else ():
            for each in _boxes(data, prop.body, prop.end) if prop.kind == b"ipco" else ():
                if each.kind == b"ispe":
                    sizes.append(struct.unpack_from(">II", data, each.body + 4))
                sideways |= each.kind == b"irot" and data[each.body] & 3 in _SIDEWAYS
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    if not width:
        return None, None
    return (height, width) if sideways else (width, height)


def _disjoint(spans: list[_Span]) -> Iterator[_Span]:
    last = 0
    for start, end, kind in sorted(spans):
        if end > last:
            yield max(start, last), end, kind
            last = end
