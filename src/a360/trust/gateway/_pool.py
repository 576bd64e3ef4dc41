"""Locked workers, kept ready: each answers one query and ends."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from a360.engine.duckdb import withheld
from a360.errors import A360Error, InternalError, OperatorError, UsageError

_PROGRAM = Path(__file__).with_name("_worker.py")
# Threads that libraries would start for themselves do not outlive the fork that makes a worker.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system", "LC_ALL": "C.UTF-8"}
_START_SECONDS = 60
_BUFFER = 1 << 20
_LONGEST_LINE = 4096
_SHOWN = 400
# Over what the query may hold: the interpreter, and DuckDB's and Arrow's own.
_HEADROOM = 1_000_000_000


class Worker:
    """A process that has locked itself, with its query still to come."""

    def __init__(self, pool: "Workers", pid: int, conversation: socket.socket) -> None:
        self._pool = pool
        self._pid = pid
        self._conversation = conversation
        self._heard = conversation.makefile("rb", buffering=_BUFFER)
        self._said = conversation.makefile("wb", buffering=_BUFFER)
        self.layers: Sequence[str] = ()

    def require_locked(self) -> None:
        """Raise OperatorError `environment-unfit` where the process reaches anything in spite of its lock."""
        ready = self._line()
        self.layers = tuple(map(str, ready.get("layers", ())))
        reaches = tuple(map(str, ready.get("reaches", ("do anything",))))
        if reaches:
            raise OperatorError(
                "environment-unfit",
                "A worker could not be locked, so that no query runs in it",
                found=f"it could {', '.join(reaches)}; layers: {', '.join(self.layers) or 'none'}",
                next_step="see docs/gateway.md for what the platform must offer",
            )

    def run(
        self,
        sql: str,
        tables: Mapping[str, Callable[[], Iterator[Any]]],
        *,
        seconds: float | None,
        memory_bytes: int,
        threads: int,
    ) -> pa.RecordBatchReader:
        """Compute a query over tables, given as `namespace.name`; each gives its schema, then its batches.

        Raises:
            UsageError: the query does not fit the tables.
            DataError: it failed on what the rows hold, which is not told.
            InternalError: the worker ended.
        """
        order = {
            "sql": sql,
            "tables": list(tables),
            "seconds": None if seconds is None else int(seconds) + 1,
            "memory": memory_bytes,
            "limit": 2 * memory_bytes + _HEADROOM,
            "threads": threads,
        }
        with _lost():
            self._said.write(json.dumps(order).encode() + b"\n")
        for rows_of in tables.values():
            rows = rows_of()
            with _lost():
                stream = pa.ipc.new_stream(self._said, next(rows))
            for batch in rows:
                with _lost():
                    stream.write_batch(batch)
            with _lost():
                stream.close()
        with _lost():
            self._said.flush()
        self._judge(self._line())
        with _lost():
            answer = pa.ipc.open_stream(self._heard)
        return pa.RecordBatchReader.from_batches(answer.schema, self._batches(answer))

    def _batches(self, answer: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        with _lost():
            for batch in answer:
                # Whoever took a worker over could send what is no Arrow and break who reads it unchecked.
                batch.validate(full=True)
                yield batch
        self._judge(self._line())

    def _line(self) -> Mapping[str, Any]:
        with _lost():
            line = self._heard.readline(_LONGEST_LINE)
            if not line:
                raise EOFError
            said = json.loads(line)
            return said if isinstance(said, dict) else {}

    def _judge(self, said: Mapping[str, Any]) -> None:
        if said.get("done") is not True:
            raise _failure(str(said.get("kind", "")), str(said.get("text", "")))

    def end(self) -> None:
        """Kill the process; it is never used twice."""
        self._pool.kill(self._pid)

    def close(self) -> None:
        """Kill the process and close what led to it."""
        self.end()
        for each in (self._said, self._heard, self._conversation):
            with suppress(OSError):
                each.close()


class _lost:  # noqa: N801 -- a context manager, used as a word
    """Says in our words that a worker has gone, or says what nobody can read."""

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError | EOFError | ValueError | pa.ArrowException) and not isinstance(
            error, A360Error
        ):
            raise InternalError(
                "engine-failed", "The worker of the query ended", found=type(error).__name__
            ) from None


def _failure(kind: str, text: str) -> A360Error:
    """What a worker says of a failure; its words are a stranger's."""
    word = kind if kind.isalpha() and len(kind) < 40 else "unknown"  # noqa: PLR2004 -- no class is longer
    if text:
        shown = "".join(each if each.isprintable() else " " for each in text[:_SHOWN])
        return UsageError("engine-failed", "DuckDB could not run the query", found=shown)
    if word in {"OutOfMemory", "MemoryError"}:
        from a360.trust.gateway._budget import exceeded  # noqa: PLC0415

        return exceeded("needs more memory than it may", "what its roles have", "ask for less at a time")
    return withheld(word, "DuckDB could not run the query")


class Workers:
    """Makes workers, and keeps some ready. Safe in threads."""

    def __init__(self, *, ready: int = 2) -> None:
        self._wanted = ready
        self._ready: list[Worker] = []
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self) -> Worker:
        """A worker of one's own.

        Raises:
            OperatorError: `environment-unfit` where a worker could still reach something.
        """
        with self._turn:
            worker = self._ready.pop(0) if self._ready else self._make()
        try:
            worker.require_locked()
        except BaseException:
            worker.close()
            raise
        return worker

    def refill(self) -> None:
        """Make workers ready for queries to come."""
        with self._turn:
            while len(self._ready) < self._wanted:
                self._ready.append(self._make())

    def kill(self, pid: int) -> None:
        """End a worker, whatever it is doing."""
        with suppress(OSError):
            if self._control is not None:
                self._control.sendall(b"end %d\n" % pid)

    def _make(self) -> Worker:
        for again in (True, False):
            control = self._control or self._start()
            try:
                control.sendall(b"new\n")
                said, handles, _, _ = socket.recv_fds(control, 64, 1)
                if handles:
                    return Worker(self, int(said), socket.socket(fileno=handles[0]))
            except (OSError, ValueError):
                pass
            self._stop()
            if not again:
                break
        raise OperatorError(
            "environment-unfit",
            "The program of the workers does not run",
            where=str(_PROGRAM.name),
            next_step="`a360 doctor` looks at what is installed",
        )

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-W", "ignore", str(_PROGRAM), str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 -- this very interpreter, and a file of this package
                command,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd=os.sep,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        ours.settimeout(_START_SECONDS)
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End every worker and the program that makes them."""
        with self._turn:
            for worker in self._ready:
                worker.close()
            self._ready.clear()
            self._stop()
