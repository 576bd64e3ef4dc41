"""A file's plain bytes: read in pieces, unpacked in a stream, digested on the way."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

import zstandard

from a360.errors import OperatorError
from a360.ingest._limits import Limits
from a360.ingest._rules import Rule

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_MAGIC_BYTES: Final = 4

_READ_BYTES: Final = 1 << 20
_DIGEST_BYTES: Final = 32
# Zstandard makes up to 128 KiB of four bytes, and its streaming form takes all that it is fed at once: small
# feeds bound what one of them can unpack to (512 bytes: 16 MiB).
_ZSTD_FEED_BYTES: Final = 512
_ZSTD_WRITE_BYTES: Final = 32 << 10
_ZSTD_WINDOW_BYTES: Final = 128 << 20


class ArchiveError(Exception):
    """The rest of an archive cannot be read; `rule` and the message say why."""

    def __init__(self, rule: Rule, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


def digest_of(data: bytes) -> str:
    """The digest of a file's bytes, as `ByteSource` gives it."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


class ByteSource:
    """The plain bytes of one file, read once from its start; `digest` is of the file as it lies."""

    def __init__(self, path: Path, limits: Limits, content: Callable[[], bytes] | None = None) -> None:
        self.packed_bytes = 0
        self._limits = limits
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        try:
            self._file: IO[bytes] = BytesIO(content()) if content else path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(path, error) from error
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def pieces(self) -> Iterator[bytes]:
        """The plain bytes, in pieces of bounded size.

        Raises:
            ArchiveError: after all that could be unpacked was given.
        """
        first = self._read()
        head = first[:_MAGIC_BYTES]
        if head.startswith(_GZIP):
            yield from self._unpacked(first, _Gzip)
        elif head == _ZSTD or _ZSTD_SKIPPABLE.fullmatch(head):
            yield from self._unpacked(first, _Zstd)
        else:
            while first:
                yield first
                first = self._read()

    def finish(self) -> str:
        """Read what is left of the file; the hex digest of all its bytes."""
        while self._read():
            pass
        return self._digest.hexdigest()

    def _read(self) -> bytes:
        try:
            data = self._file.read(_READ_BYTES)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        self._digest.update(data)
        self.packed_bytes += len(data)
        return data

    def _unpacked(self, data: bytes, make: "Callable[[], _Unpacker]") -> Iterator[bytes]:
        unpacker, plain_bytes, whole = make(), 0, False
        while data:
            for piece in unpacker.feed(data):
                plain_bytes += len(piece)
                self._require_modest(plain_bytes)
                yield piece
            if unpacker.ended_with is not None:
                # Members may follow one another; zeros after the last one are padding.
                data, whole = unpacker.ended_with.lstrip(b"\0"), True
                unpacker = make()
                data = data or self._read().lstrip(b"\0")
            else:
                data, whole = self._read(), False
        if not whole:
            raise ArchiveError(Rule.BROKEN_ARCHIVE, "the archive ends in the middle")

    def _require_modest(self, plain_bytes: int) -> None:
        limits = self._limits
        if plain_bytes > limits.inflation_grace_bytes and plain_bytes > limits.inflation * self.packed_bytes:
            raise ArchiveError(
                Rule.ARCHIVE_BOMB, f"the archive unpacks to more than {limits.inflation} times its size"
            )


class _Unpacker(Protocol):
    ended_with: bytes | None

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    """One member of a gzip file; `ended_with` is what follows it, once it has ended."""

    def __init__(self) -> None:
        self.ended_with: bytes | None = None
        self._state = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        state = self._state
        while data and not state.eof:
            try:
                piece = state.decompress(data, _READ_BYTES)
            except zlib.error as error:
                raise ArchiveError(Rule.BROKEN_ARCHIVE, f"the gzip data is broken: {error}") from error
            if piece:
                yield piece
            data = state.unconsumed_tail
        if state.eof:
            self.ended_with = state.unused_data


class _Zstd:
    """One frame of a Zstandard file; `ended_with` is what follows it, once it has ended."""

    def __init__(self) -> None:
        self.ended_with: bytes | None = None
        unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._state = unpacker.decompressobj(write_size=_ZSTD_WRITE_BYTES, read_across_frames=False)

    def feed(self, data: bytes) -> Iterator[bytes]:
        state, view = self._state, memoryview(data)
        for at in range(0, len(data), _ZSTD_FEED_BYTES):
            try:
                piece = state.decompress(view[at : at + _ZSTD_FEED_BYTES])
            except zstandard.ZstdError as error:
                raise ArchiveError(Rule.BROKEN_ARCHIVE, f"the Zstandard data is broken: {error}") from error
            if piece:
                yield piece
            if state.eof:
                self.ended_with = state.unused_data + data[at + _ZSTD_FEED_BYTES :]
                return


def _unreadable(path: Path, error: OSError) -> OperatorError:
    return OperatorError(
        "input-missing",
        "An input could not be read",
        where=str(path),
        found=error.strerror or "",
        next_step="check that it is still there and who may read it",
    )
