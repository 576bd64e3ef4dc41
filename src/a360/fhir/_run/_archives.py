"""Whether packed files are whole: DuckDB takes an archive that breaks off for one that ends there."""

import threading
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import zstandard

from a360.errors import DataError

# Zstandard unpacks all that it is fed at once, up to 128 KiB of four bytes.
_FEEDS = {".gz": 1 << 16, ".zst": 1 << 12}


class Archives:
    """Unpacks the packed ones of the files beside the run that reads them, and keeps nothing."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._left = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        packed = [path for path in files if path.suffix.lower() in _FEEDS]
        self._found: dict[Path, Future[bool]] = {
            path: self._pool.submit(_is_whole, path, self._left) for path in packed
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._pool.shutdown(cancel_futures=True)

    def require_whole(self) -> None:
        """Wait for the end of all of them, and raise where one is broken.

        Raises:
            DataError: `input-refused`.
        """
        for path, whole in self._found.items():
            if not whole.result():
                raise DataError(
                    "input-refused",
                    "An archive of the input is broken",
                    where=str(path),
                    found="it breaks off, or its content does not fit its checksum",
                    next_step="fetch it once more; no row of it was kept",
                )


def _is_whole(path: Path, left: threading.Event) -> bool:
    """Whether the archive unpacks to its end; once `left` is set nobody wants to know."""
    feed = _FEEDS[path.suffix.lower()]
    starts: Callable[[], Any] = partial(zlib.decompressobj, zlib.MAX_WBITS | 16)
    if path.suffix.lower() == ".zst":
        starts = zstandard.ZstdDecompressor().decompressobj
    state = starts()
    try:
        with path.open("rb") as file:
            while not left.is_set() and (data := file.read(feed)):
                while data:
                    # Another archive may follow in the same file.
                    state = starts() if state.eof else state
                    state.decompress(data)
                    data = state.unused_data
    except (zlib.error, zstandard.ZstdError):
        return False
    return bool(state.eof)
