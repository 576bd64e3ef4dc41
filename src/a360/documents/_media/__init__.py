"""Pictures and PDFs: told by their bytes, and freed of what tells of people, without loss."""

from collections.abc import Callable
from typing import Final

from a360.documents._media import _heic, _jpeg, _pdf, _png, _webp
from a360.documents._media._parts import Media, MediaError, Patch, restored

_REFUSED: Final = (
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF or a raw photograph"),
    (b"MM\0*", "a TIFF or a raw photograph"),
    (b"BM", "a bitmap"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"\x1a\x45\xdf\xa3", "a film"),
    (b"<", "HTML, SVG or XML"),
    (b"{\\rtf", "RTF"),
)
_DICOM_AT: Final = 128
_TAKEN: Final = "JPEG, PNG, WebP, HEIC, AVIF and PDF are taken"


def open_media(data: bytes, declared: str | None = None) -> Media:
    """A file as it may be served, with what makes the file as received of it again.

    Raises:
        MediaError: `empty-file`, `unknown-media`, `media-type-differs` from the one that was declared, or
            `damaged-file`.
    """
    if not data:
        raise MediaError("empty-file", "the file has no bytes")
    strip, kind = _reader(data)
    if declared is not None and _same(declared) != kind:
        raise MediaError("media-type-differs", f"the bytes are {kind}, which is not what was declared")
    return strip(data)


def _reader(data: bytes) -> tuple[Callable[[bytes], Media], str]:
    if data.startswith(_jpeg.MAGIC):
        return _jpeg.strip_jpeg, _jpeg.MEDIA_TYPE
    if data.startswith(_png.MAGIC):
        return _png.strip_png, _png.MEDIA_TYPE
    if _webp.is_webp(data):
        return _webp.strip_webp, _webp.MEDIA_TYPE
    if data.startswith(_pdf.MAGIC):
        return _pdf.strip_pdf, _pdf.MEDIA_TYPE
    heif = _heic.heif_type(data)
    if heif is not None:
        return _heic.strip_heic, heif
    if data[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        raise MediaError("unknown-media", f"DICOM, which belongs into an archive of images; {_TAKEN}")
    name = next((name for magic, name in _REFUSED if data.startswith(magic)), "of a kind that is not known")
    raise MediaError("unknown-media", f"the file is {name}; {_TAKEN}")


def _same(declared: str) -> str:
    """A declared media type as it is spelled here."""
    kind = declared.partition(";")[0].strip().lower()
    return {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/heif": "image/heic"}.get(
        kind, kind
    )


__all__ = ["Media", "MediaError", "Patch", "open_media", "restored"]
