"""What a benchmark costs the machine: processor time and memory of a process and all that it started."""

import os
import threading
import time
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")


def family() -> dict[int, list[str]]:
    """This process and all that descend from it, with what the system tells of each."""
    told: dict[int, list[str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        told[int(stat.parent.name)] = text.rpartition(")")[2].split()
    wanted = {os.getpid()}
    while more := {pid for pid, fields in told.items() if int(fields[1]) in wanted} - wanted:
        wanted |= more
    return {pid: told[pid] for pid in wanted if pid in told}


class Watch:
    """The processor time of the family between two moments, and the most memory that it held."""

    def __init__(self) -> None:
        self.seen: dict[int, float] = {}
        self.peak_mib, self.going = 0.0, True
        self.thread = threading.Thread(target=self.look_on)

    def look(self) -> None:
        told = family()
        for pid, fields in told.items():
            # One that has ended keeps what it had spent when it was last seen.
            self.seen[pid] = sum(map(int, fields[11:13])) / TICKS
        pages = sum(int(fields[21]) for fields in told.values())
        self.peak_mib = max(self.peak_mib, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)

    def look_on(self) -> None:
        while self.going:
            self.look()
            time.sleep(0.2)

    def __enter__(self) -> Self:
        self.look()
        self.before, self.started = dict(self.seen), time.perf_counter()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.going = False
        self.thread.join()
        self.look()
        self.seconds = time.perf_counter() - self.started
        self.spent = sum(spent - self.before.get(pid, 0.0) for pid, spent in self.seen.items())
