"""A query that runs: what ends it, what it holds, and its answer as a stream within its budget."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from a360.engine.duckdb import withheld
from a360.errors import A360Error, DeniedError, InternalError
from a360.trust.gateway._budget import Budget, exceeded


class Running:
    """What a query holds, and the clock it runs against."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._stops: list[Callable[[], None]] = []
        self._ends: list[Callable[[], None]] = []
        self._why: DeniedError | None = None
        self._over = False
        self._clock: threading.Timer | None = None
        if budget.seconds is not None:
            self._clock = threading.Timer(budget.seconds, self._too_late)
            self._clock.daemon = True
            self._clock.start()

    def stop_by(self, stop: Callable[[], None]) -> None:
        """Say how what runs now is stopped; it is at once where the query was cancelled before."""
        with self._lock:
            self._stops.append(stop)
            if self._why is None:
                return
        stop()

    def at_end(self, end: Callable[[], None]) -> None:
        """Say what is to be given back, last first."""
        self._ends.append(end)

    def cancel(self) -> None:
        """Stop the query; who reads its answer is told."""
        self._stop(DeniedError("budget-exceeded", "The query was cancelled", next_step="ask it again"))

    def _too_late(self) -> None:
        self._stop(
            exceeded(
                "took too long", f"{self._budget.seconds:g} s", "ask for less, or for fewer tables at a time"
            )
        )

    def _stop(self, why: DeniedError) -> None:
        with self._lock:
            if self._over or self._why is not None:
                return
            self._why = why
            stops = list(self._stops)
        for stop in stops:
            with suppress(Exception):  # another of them may still stop it
                stop()

    def reason(self, error: BaseException) -> BaseException:
        """What to tell of a failure: what stopped the query, if something did."""
        return self._why or _withheld(error)

    def end(self) -> None:
        """Stop the clock and give everything back; once."""
        with self._lock:
            if self._over:
                return
            self._over = True
        if self._clock is not None:
            self._clock.cancel()
        for end in reversed(self._ends):
            end()


def _withheld(error: BaseException) -> BaseException:
    """An engine's own error without its text, which may quote a row."""
    if isinstance(error, duckdb.Error | pa.ArrowException):
        return withheld(type(error).__name__.removesuffix("Exception"), "The query failed on the way")
    return error


class QueryResult:
    """The answer to a query, read once, as a stream; a context manager that ends the query.

    Attributes:
        reader: The rows.
        request: What the records of this query have in common in the audit log.
    """

    def __init__(
        self,
        rows: pa.RecordBatchReader,
        running: Running,
        budget: Budget,
        request: str,
        told: Callable[[str, int, int], None],
    ) -> None:
        self.request = request
        self._running = running
        self._budget = budget
        self._told = told
        self._rows, self._bytes = 0, 0
        self._recorded = False
        self.reader = pa.RecordBatchReader.from_batches(rows.schema, self._stream(rows))

    def table(self) -> pa.Table:
        """All rows."""
        with self:
            return self.reader.read_all()

    def cancel(self) -> None:
        """Stop the query; from any thread."""
        self._running.cancel()

    def close(self) -> None:
        """End the query, whatever of it was read."""
        self._finish("done")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish("done" if error is None else "failed")

    def _stream(self, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            for batch in rows:
                self._count(batch)
                yield batch
        except GeneratorExit:
            self._finish("done")
            raise
        except BaseException as error:
            self._finish("failed")
            told = self._running.reason(error)
            if told is error:
                raise
            raise told from None
        self._finish("done")

    def _count(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        most = self._budget
        if most.result_rows is not None and self._rows > most.result_rows:
            raise exceeded("answers too many rows", f"{most.result_rows} rows", "add a LIMIT, or aggregate")
        if most.result_bytes is not None and self._bytes > most.result_bytes:
            raise exceeded(
                "answers too much", f"{most.result_bytes} bytes", "name fewer columns, or aggregate"
            )

    def _finish(self, outcome: str) -> None:
        self._running.end()
        if not self._recorded:
            self._recorded = True
            self._told(outcome, self._rows, self._bytes)


def in_words(running: Running, error: BaseException) -> A360Error:
    """A failure before the first row, as one of ours."""
    told = running.reason(error)
    if isinstance(told, A360Error):
        return told
    return InternalError("engine-failed", "The query failed", found=type(error).__name__)
