"""The audit log: events a second that are on the disk when they are answered, and records a second verified.

    python benchmarks/audit.py [--events 200000] [--repeat 3]

Threads wait each for its own event, or hand over several at once as a request does; processes share one log.
Every figure is the best of `--repeat` runs, by the clock, with the processor time of an event beside it: the
clock has the disk's syncs in it, and whatever else the machine does. The log that comes of it is verified,
with its checkpoints; a lost record or a finding ends the benchmark.
"""

import argparse
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from a360.protect import AuditEvent, LocalKeyStore
from a360.trust.audit import LocalAuditLog, Search, search, verify

AIM_EVENTS, AIM_VERIFIED = 15_000, 100_000
SHAPE = (
    "select count ( * ) from gold . patient_360 where birth_date > ? and clinic in ( ?, … ) group by clinic"
)


def event() -> AuditEvent:
    """An event as a query leaves it."""
    return AuditEvent(
        datetime.now(UTC),
        "alice@clinic.example",
        "query",
        ("gold.patient_360",),
        "done",
        "operations",
        {"query": SHAPE, "query_digest": "0" * 32},
        request="0" * 32,
        rules=("select (role analyst)",),
        columns=("gold.patient_360.birth_date", "gold.patient_360.clinic"),
        rows=12,
        bytes=480,
    )


@contextmanager
def new_log(folder: Path) -> Iterator[LocalAuditLog]:
    """An empty log."""
    (folder / "log").mkdir(mode=0o700)
    with LocalAuditLog.open(folder / "log", LocalKeyStore.create(folder / "keys")) as log:
        yield log


def write(log: LocalAuditLog, groups: int, size: int) -> None:
    """Record groups of events, and wait for each."""
    for _ in range(groups):
        log.record_all([event() for _ in range(size)])


def by_threads(log: LocalAuditLog, events: int, threads: int, size: int) -> tuple[float, float]:
    """Events a second, and microseconds of processor time for each."""
    groups = events // threads // size
    waiting = [threading.Thread(target=write, args=(log, groups, size)) for _ in range(threads)]
    start, spent = time.perf_counter(), time.process_time()
    for each in waiting:
        each.start()
    for each in waiting:
        each.join()
    done = groups * threads * size
    return done / (time.perf_counter() - start), (time.process_time() - spent) / done * 1e6


def _process(folder: Path, groups: int, size: int, gate: object) -> None:
    with LocalAuditLog.open(folder / "log", LocalKeyStore.open(folder / "keys")) as log:
        gate.wait()  # type: ignore[attr-defined]
        write(log, groups, size)


def by_processes(folder: Path, events: int, processes: int, size: int) -> float:
    """Events a second of processes that share a log."""
    context = multiprocessing.get_context("fork")
    gate, groups = context.Barrier(processes + 1), events // processes // size
    writers = [context.Process(target=_process, args=(folder, groups, size, gate)) for _ in range(processes)]
    for each in writers:
        each.start()
    gate.wait()
    start = time.perf_counter()
    for each in writers:
        each.join()
    return groups * processes * size / (time.perf_counter() - start)


def syncs(folder: Path, count: int = 200) -> float:
    """Milliseconds that the disk takes for one sync of a line: what every group waits for."""
    with (folder / "sync").open("wb") as file:
        start = time.perf_counter()
        for _ in range(count):
            os.pwrite(file.fileno(), b"x" * 700, os.fstat(file.fileno()).st_size)
            os.fdatasync(file.fileno())
        return (time.perf_counter() - start) / count * 1e3


def told(name: str, rate: float, spent: float | None = None, aim: int | None = None) -> None:
    """Print a line of the table: by the clock, and as many as a second of processor time is enough for."""
    alone = "" if spent is None else f"{1e6 / spent:>10,.0f} /s of processor time"
    goal = "" if aim is None else f"   aim {aim:,}, {'reached' if rate >= aim else 'missed by the clock'}"
    print(f"{name:<40} {rate:>10,.0f} /s {alone}{goal}", flush=True)


def writing(events: int, repeat: int) -> None:
    """Print how fast events get on record."""
    for threads, size, aim in ((1, 1, None), (64, 1, AIM_EVENTS), (64, 4, AIM_EVENTS), (8, 50, AIM_EVENTS)):
        best = (0.0, 0.0)
        for _ in range(repeat):
            with tempfile.TemporaryDirectory() as base, new_log(Path(base)) as log:
                count = events if threads > 1 else events // 100
                best = max(best, by_threads(log, count, threads, size))
        told(f"{threads} thread(s), {size} event(s) at a time", *best, aim)
    for processes, size in ((4, 1), (4, 50)):
        rates = []
        for _ in range(repeat):
            with tempfile.TemporaryDirectory() as base:
                with new_log(Path(base)):
                    pass
                rates.append(by_processes(Path(base), events // (20 if size == 1 else 2), processes, size))
        told(f"{processes} processes, {size} event(s) at a time", max(rates))


def reading(events: int, repeat: int) -> None:
    """Print how fast a log is verified and searched."""
    with tempfile.TemporaryDirectory() as base:
        with new_log(Path(base)) as log:
            write(log, events // 100, 100)
        rates, found = [], []
        for _ in range(repeat):
            start, spent = time.perf_counter(), time.process_time()
            result = verify(log.folder, log.key, [log.place])
            taken, cost = time.perf_counter() - start, time.process_time() - spent
            if not result.sound or result.covered != events + 1:
                raise SystemExit(f"the log does not verify: {result.to_json()}")
            rates.append((result.records / taken, cost / result.records * 1e6))
            start = time.perf_counter()
            rows = search(log.folder, Search(principal="alice@clinic.example"))
            found.append(sum(batch.num_rows for batch in rows) / (time.perf_counter() - start))
        told("verify, with checkpoints", *max(rates), AIM_VERIFIED)
        told("search that finds all", max(found))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as base:
        print(f"one sync of the disk: {syncs(Path(base)):.2f} ms")
    writing(given.events, given.repeat)
    reading(given.events, given.repeat)


if __name__ == "__main__":
    main()
