"""The form of an object's file: a head in clear that names its batch, then sealed frames.

The first frame says what the others are: chunks of the file as it is served, and what was taken out of it. A
frame opens in its own place of its own object alone, and the first one says how many there are, so that none
can be left out, repeated or put in another's place.
"""

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Final

from a360.errors import OperatorError
from a360.protect import SEALED_HEAD, BatchSealer, Sealer, sealing_key

MAGIC: Final = b"A3O\x01"
CHUNK_BYTES: Final = 1 << 20
_LENGTH: Final = struct.Struct(">I")
_HEAD: Final = struct.Struct(">4sB")
_LARGEST_FRAME: Final = 2 * CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What an object's first frame says.

    Attributes:
        media_type: What it is.
        bytes: The size of the file as it is served.
        digest: Its SHA-256.
        patches: Where the file as received differs: offset, length there, length as it is served.
        removed: How many frames hold what stood there, behind `chunks` of the file as it is served.
    """

    media_type: str
    bytes: int
    digest: str
    chunks: int
    removed: int
    patches: tuple[tuple[int, int, int], ...]


def write_object(
    stream: IO[bytes],
    sealer: BatchSealer,
    *,
    name: str,
    batch: str,
    media_type: str,
    served: bytes,
    patches: Sequence[tuple[int, bytes, bytes]],
) -> None:
    """Write an object; `patches` are the offset, and what stands there as received and as served."""
    chunks = _cut(served)
    removed = _cut(b"".join(original + replaced for _, original, replaced in patches))
    told = StoredObject(
        media_type,
        len(served),
        hashlib.sha256(served).hexdigest(),
        len(chunks),
        len(removed),
        tuple((offset, len(original), len(replaced)) for offset, original, replaced in patches),
    )
    stream.write(_HEAD.pack(MAGIC, len(batch)) + batch.encode("ascii"))
    for number, plain in enumerate([json.dumps(asdict(told)).encode(), *chunks, *removed]):
        sealed = sealer.seal(plain, _context(name, batch, number))
        stream.write(_LENGTH.pack(len(sealed)) + sealed)


def _cut(data: bytes) -> list[bytes]:
    return [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]


def _context(name: str, batch: str, number: int) -> bytes:
    return f"object|{name}|{batch}|{number}".encode()


def batch_of(stream: IO[bytes]) -> str | None:
    """The batch that wrote an object; None where a file is none."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length = _HEAD.unpack(head)
    batch = stream.read(length)
    return batch.decode("ascii", "replace") if magic == MAGIC and len(batch) == length else None


def key_of(stream: IO[bytes]) -> str | None:
    """The data key that an object is sealed under; None where a file is none."""
    if batch_of(stream) is None:
        return None
    stream.read(_LENGTH.size)
    return sealing_key(stream.read(SEALED_HEAD)) or None


class ObjectReader:
    """Reads one object from its file, frame after frame."""

    def __init__(self, stream: IO[bytes], sealer: Sealer, name: str) -> None:
        self._stream = stream
        self._sealer = sealer
        self._name = name
        batch = batch_of(stream)
        if batch is None:
            raise _broken(name, "it does not begin as an object does")
        self.batch = batch
        self._number = 0
        self.told = _told(name, self._frame())

    def served(self) -> Iterator[bytes]:
        """The file as it is served, in chunks; the last is given only if all of them are what they were.

        Raises:
            OperatorError: `key-missing` or `seal-broken`.
        """
        digest, size, last = hashlib.sha256(), 0, b""
        for _ in range(self.told.chunks):
            if last:
                yield last
            last = self._frame()
            digest.update(last)
            size += len(last)
        if digest.hexdigest() != self.told.digest or size != self.told.bytes:
            raise _broken(self._name, "its content is not the one that was stored")
        yield last

    def received(self) -> Iterator[bytes]:
        """The file as it was received, in pieces."""
        served = b"".join(self.served())
        removed = b"".join(self._frame() for _ in range(self.told.removed))
        at = shift = place = 0
        for offset, length, replaced in self.told.patches:
            start = offset + shift
            yield served[at:start]
            yield removed[place : place + length]
            at, shift, place = start + replaced, shift + replaced - length, place + length + replaced
        yield served[at:]

    def _frame(self) -> bytes:
        head = self._stream.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        if not 0 < length <= _LARGEST_FRAME:
            raise _broken(self._name, "it ends too soon")
        sealed = self._stream.read(length)
        if len(sealed) < length:
            raise _broken(self._name, "it ends too soon")
        plain = self._sealer.unseal(sealed, _context(self._name, self.batch, self._number))
        self._number += 1
        return plain


def _told(name: str, frame: bytes) -> StoredObject:
    try:
        told = json.loads(frame)
        return StoredObject(**{**told, "patches": tuple(map(tuple, told["patches"]))})
    except (ValueError, TypeError, KeyError):
        raise _broken(name, "its first frame is of another version") from None


def _broken(name: str, found: str) -> OperatorError:
    return OperatorError(
        "seal-broken",
        "An object does not open",
        where=f"object {name}",
        found=found,
        next_step="restore the lake's warehouse/objects/ from a backup, or ingest the file again",
    )
