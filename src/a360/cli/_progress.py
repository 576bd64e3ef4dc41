"""How far a job is: bars on a terminal, now and then a line elsewhere, nothing for a program."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from a360._progress import Progress
from a360.cli._text import number, plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

# stage, detail, done, total (None where it is not known)

_SECONDS_BETWEEN_LINES = 5.0


def silence(_stage: str, _detail: str, _done: int, _total: int | None) -> None:
    """Show nothing."""


def lines(stream: TextIO) -> Progress:
    """A line where a stage begins and where it ends, and one every few seconds between."""
    current, shown_at, last = "", 0.0, ""

    def show(stage: str, detail: str, done: int, total: int | None) -> None:
        nonlocal current, shown_at, last
        now = time.monotonic()
        ended = total is not None and done >= total
        if stage == current and not ended and now - shown_at < _SECONDS_BETWEEN_LINES:
            return
        line = f"{stage}: {plain(detail)} ({f'{100 * done // total} %' if total else number(done)})\n"
        current, shown_at = stage, now
        if line != last:
            last = line
            stream.write(line)
            stream.flush()

    return show


@contextmanager
def bars(console: "Console") -> Iterator[Progress]:
    """One bar a stage."""
    from rich.progress import (  # noqa: PLC0415 - only where there is a terminal
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=console, transient=False) as display:

        def show(stage: str, detail: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(plain(stage), total=total, detail="")
            display.update(tasks[stage], completed=done, total=total, detail=plain(detail))

        yield show
