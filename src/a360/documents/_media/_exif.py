"""The one thing in EXIF that a picture cannot be shown without: which way up it is."""

import struct
from typing import Final

HEADER: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_UPRIGHT: Final = 1
_LAST: Final = 8
_FIRST_ON_ITS_SIDE: Final = 5


def orientation(tiff: bytes) -> int:
    """The orientation that a block of EXIF says, 1 to 8; 1 where it says none that can be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return _UPRIGHT
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, place)
        for entry in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and _UPRIGHT <= value <= _LAST else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT


def upright_hint(value: int) -> bytes:
    """EXIF that says an orientation and nothing else; empty for a picture that is upright."""
    if value == _UPRIGHT:
        return b""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, _SHORT, 1, value, 0, 0)


def shown_size(width: int, height: int, value: int) -> tuple[int, int]:
    """Width and height as a picture is shown."""
    return (height, width) if value >= _FIRST_ON_ITS_SIDE else (width, height)
