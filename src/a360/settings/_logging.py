"""Where events go: standard error for a person, `logs/` in the lake as JSON for everyone after.

No event holds data. A foreign exception's message may quote a value of a row ("invalid literal: 'Smith'"), so
of a failure only its types and the places in the code are written, never its message or its variables.
"""

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a360.errors import A360Error

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

ROOT = "a360"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def configure_logging(level: str = "info", form: str = "text", folder: Path | None = None) -> None:
    """Send the events of the `a360` loggers to standard error and, with `folder`, to a JSON file a day in it.

    Standard error shows warnings and worse unless `level` asks for more than `info`: a person watches the
    progress there. Other libraries' loggers are not ours to vouch for and stay out of the files.
    """
    import structlog  # noqa: PLC0415 - 0.1 s that `--help` must not pay

    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _failure_without_data,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logger = logging.getLogger(ROOT)
    _close(logger)
    logger.setLevel(level.upper())
    logger.propagate = False
    logger.addHandler(_to_stderr(level, form))
    if folder is not None:
        logger.addHandler(_to_file(folder))


def _close(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def _to_stderr(level: str, form: str) -> logging.Handler:
    import structlog  # noqa: PLC0415 - as above

    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING if level == "info" else level.upper())
    if level != "debug":
        # a person is told of the failure itself; the places in the code are for the file
        handler.addFilter(lambda record: not (isinstance(record.msg, dict) and "failure" in record.msg))
    last: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ)
    )
    handler.setFormatter(_formatter(last))
    return handler


def _to_file(folder: Path) -> logging.Handler:
    import structlog  # noqa: PLC0415 - as above

    folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    path = folder / f"a360-{datetime.now(UTC):%Y-%m-%d}.jsonl"
    path.touch(mode=_PRIVATE_FILE)
    handler = _LogFile(path, encoding="utf-8", delay=True)
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer()))
    return handler


class _LogFile(logging.FileHandler):
    """A file that a full disk keeps nothing of: the command tells of that, and not the log in its place."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging names it
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _formatter(last: "Processor") -> logging.Formatter:
    import structlog  # noqa: PLC0415 - as above

    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
    )


def _failure_without_data(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    """Replace `exc_info` by what may be written of it."""
    failure = event.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()[1]
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        event["failure"] = describe_failure(failure)
    return event


def describe_failure(failure: BaseException) -> list[dict[str, Any]]:
    """The chain of an exception, outermost first: type, code of our own errors, and places in the code."""
    return [
        {
            "type": f"{type(each).__module__}.{type(each).__qualname__}",
            **({"code": each.code.slug, "what": each.what} if isinstance(each, A360Error) else {}),
            "at": [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(each.__traceback__)
            ],
        }
        for each in _chain(failure)
    ]


def _chain(failure: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = failure
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
