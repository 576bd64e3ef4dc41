"""What every command has at hand: settings, a way out for its answer, progress, and the lake."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a360.cli._text import plain, tell
from a360.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from a360._progress import Progress
    from a360.lake import Lake
    from a360.settings import Settings

# What a shell reports for a program that the closing of its pipe ended.
PIPE_CLOSED = 141

LAKE_FILE = "a360.json"

_logging_to: Path | None = None
_logging = False


@dataclass(frozen=True)
class Flags:
    """The global flags, wherever on the command line they stood."""

    lake: Path | None = None
    env: str | None = None
    as_json: bool = False

    def over(self, other: "Flags") -> "Flags":
        """These flags; where one is missing, the other's."""
        return Flags(self.lake or other.lake, self.env or other.env, self.as_json or other.as_json)


class Face:
    """One command's view of the world outside it."""

    def __init__(self, flags: Flags) -> None:
        self.flags = flags

    @property
    def as_json(self) -> bool:
        """Whether the answer is for a program."""
        return self.flags.as_json

    @property
    def setting_flags(self) -> dict[str, Any]:
        """The flags that are settings; None where they were not given."""
        return {"lake": self.flags.lake and self.flags.lake.expanduser(), "env": self.flags.env}

    @cached_property
    def settings(self) -> "Settings":
        """The settings, with this command's flags on top."""
        from a360.settings import load_settings  # noqa: PLC0415 - 0.2 s that `--help` must not pay

        return load_settings(**self.setting_flags)

    @cached_property
    def out(self) -> "Console":
        """Standard output, for what a person reads."""
        return _console(sys.stdout)

    def emit(self, answer: object, *shown: "RenderableType") -> None:
        """Give the answer: as JSON to a program, as `shown` to a person."""
        if self.as_json:
            json.dump(answer, sys.stdout, default=str, ensure_ascii=False, allow_nan=False)
            sys.stdout.write("\n")
            return
        for each in shown:
            self.out.print(each)

    def note(self, text: str) -> None:
        """Tell a person something beside the answer."""
        if not self.as_json:
            tell(plain(text))

    @contextmanager
    def progress(self) -> Iterator["Progress"]:
        """A callback that shows how far a job is: bars on a terminal, now and then a line elsewhere."""
        from a360.cli._progress import bars, lines, silence  # noqa: PLC0415 - rich is for commands that run

        if sys.stderr.isatty():
            with bars(_console(sys.stderr)) as callback:
                yield callback
        else:
            yield silence if self.as_json else lines(sys.stderr)

    @property
    def has_lake(self) -> bool:
        """Whether the folder that the settings name is a lake."""
        return (self.settings.lake / LAKE_FILE).is_file()

    def require_lake(self) -> None:
        """Raise where there is no lake: a misspelt folder is not to become a new one."""
        if not self.has_lake:
            raise OperatorError(
                "not-a-lake",
                "There is no lake in this folder",
                where=str(self.settings.lake),
                next_step="make one with 'a360 init', or name another folder with --lake",
            )

    @contextmanager
    def lake(
        self,
        *,
        create: bool = False,
        principal: str | None = None,
        purpose: str | None = None,
        emergency: str | None = None,
        reason: str | None = None,
    ) -> Iterator["Lake"]:
        """The lake that the settings name, for a principal; only with `create` may it be a new one."""
        import a360  # noqa: PLC0415 - opening a lake imports engines

        settings = self.settings
        if not create:
            self.require_lake()
        with a360.open(
            settings.lake,
            env=settings.env,
            contracts=settings.contracts,
            principal=principal,
            purpose=purpose,
            emergency=emergency,
            reason=reason,
        ) as lake:
            start_logging(settings)
            yield lake


def require_path(paths: Iterable[Path]) -> None:
    """Raise where a file or folder of the input does not exist."""
    for path in paths:
        if not path.exists():
            raise OperatorError(
                "input-missing",
                "The input does not exist",
                where=str(path),
                next_step="name a file or a folder that is there",
            )


def start_logging(settings: "Settings") -> None:
    """Log to standard error and, where there is a lake, to its `logs/`."""
    from a360.settings import configure_logging  # noqa: PLC0415 - structlog takes 0.1 s

    global _logging, _logging_to
    folder = settings.lake / "logs" if (settings.lake / LAKE_FILE).is_file() else None
    configure_logging(settings.log_level, settings.log_format, folder)
    _logging, _logging_to = True, folder


def log_failure(error: Exception) -> Path | None:
    """Write down where the error happened; the file of the log, if there is one."""
    import structlog  # noqa: PLC0415 - as above

    from a360.settings import configure_logging  # noqa: PLC0415

    if not _logging:
        configure_logging(os.environ.get("A360_LOG_LEVEL", "info"))
    structlog.get_logger("a360.cli").error("command failed", exc_info=error)
    return max(_logging_to.glob("*.jsonl"), default=None) if _logging_to else None


def _console(stream: Any) -> "Console":  # noqa: ANN401 - whatever stands for the terminal
    from rich.console import Console  # noqa: PLC0415 - not for `--help`

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    # Data is never markup, and a table that is piped keeps its columns whole.
    width = None if stream.isatty() else max(_natural_width(), 1000)
    return _Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False, width=width)


def _natural_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() else 0
