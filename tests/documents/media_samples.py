"""Pictures and documents with planted words in every place that a maker writes of people."""

import io
import struct
import zlib

from PIL import Image, PngImagePlugin

PLANTED = b"Jane-Okafor-51.5074N"
WORDS = PLANTED.decode()


def picture(size: tuple[int, int] = (40, 24)) -> Image.Image:
    """A picture of which no two rows or columns are alike, so that a wrong turn shows."""
    made = Image.new("RGB", size)
    made.putdata([(x * 6 % 256, y * 10 % 256, (x * y) % 256) for y in range(size[1]) for x in range(size[0])])
    return made


def exif(orientation: int = 1) -> bytes:
    """EXIF with a name, a place and an orientation."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010E] = WORDS
    made[0x013B] = WORDS
    gps = made.get_ifd(0x8825)
    gps[1], gps[2] = "N", (51.0, 30.0, 26.0)
    gps[29] = WORDS
    return made.tobytes()


def xmp() -> bytes:
    """A packet of XMP."""
    return b"<?xpacket?><x:xmpmeta xmlns:x='adobe:ns:meta/'>" + PLANTED + b"</x:xmpmeta>"


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(orientation: int = 1, *, progressive: bool = False, trailer: bytes = PLANTED) -> bytes:
    """A JPEG with EXIF, XMP, IPTC, a comment, a preview, a colour profile and something behind its end."""
    stream = io.BytesIO()
    picture().save(
        stream, "JPEG", exif=exif(orientation), progressive=progressive, icc_profile=b"profile" * 9
    )
    plain = stream.getvalue()
    more = [
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp()),
        _segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + PLANTED),
        _segment(0xFE, PLANTED),
        _segment(0xE2, b"FPXR\0" + PLANTED),
        _segment(0xE0, b"JFXX\0\x10" + PLANTED),
    ]
    return plain[:2] + b"".join(more) + plain[2:] + trailer


def png(orientation: int = 1) -> bytes:
    """A PNG with text of three kinds, a time, EXIF, a private chunk and something behind its end."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WORDS)
    info.add_text("Comment", WORDS, zip=True)
    info.add_itxt("XML:com.adobe.xmp", xmp().decode())
    stream = io.BytesIO()
    picture().save(stream, "PNG", pnginfo=info, exif=exif(orientation), icc_profile=b"profile" * 9)
    plain = stream.getvalue()
    private = b"prVt" + PLANTED
    chunk = struct.pack(">I", len(PLANTED)) + private + struct.pack(">I", zlib.crc32(private))
    return plain[:33] + chunk + plain[33:] + PLANTED


def webp(orientation: int = 1, *, lossless: bool = False) -> bytes:
    """A WebP with EXIF and XMP, and something behind its end."""
    stream = io.BytesIO()
    picture().save(stream, "WEBP", exif=exif(orientation), xmp=xmp(), lossless=lossless)
    return stream.getvalue() + PLANTED


def avif() -> bytes:
    """A picture of the HEIF family with EXIF and XMP among its items."""
    stream = io.BytesIO()
    picture((64, 48)).save(stream, "AVIF", exif=exif(1), xmp=xmp())
    return stream.getvalue()


def pdf(*, compressed: bool = False) -> bytes:
    """A PDF with information, XMP and an older version of its information."""
    info = (
        b"4 0 obj\n<< /Title ("
        + PLANTED
        + b" \\(x\\) (y)) /Author <"
        + PLANTED.hex().encode()
        + b"> >>\nendobj\n"
    )
    meta = b"5 0 obj\n<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n" % len(xmp()) + xmp()
    hidden = (
        b"6 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Length 0 >>\nstream\n\nendstream\nendobj\n"
        if compressed
        else b""
    )
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R /Metadata 5 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
        + info
        + meta
        + b"\nendstream\nendobj\n"
        + hidden
        + info
        + b"trailer\n<< /Root 1 0 R /Info 4 0 R /Size 6 >>\nstartxref\n0\n%%EOF\n"
    )
