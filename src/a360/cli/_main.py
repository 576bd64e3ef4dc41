"""From an argument list to an exit code: whatever goes wrong on the way is told in one form."""

import errno
import io
import json
import os
import sqlite3
import sys
from collections.abc import Sequence

import typer

from a360.cli._app import app
from a360.cli._face import PIPE_CLOSED, log_failure
from a360.cli._text import tell
from a360.errors import A360Error, InternalError, OperatorError, UsageError

_INTERRUPTED = 130
_DISK_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def run(argv: Sequence[str]) -> int:
    """Run one command; the exit code is that of the error's class, 0 where there was none."""
    as_json = "--json" in argv
    _survive_any_encoding()
    try:
        _require_supported_system()
        code = app(args=list(argv), prog_name="a360", standalone_mode=False)
        sys.stdout.flush()
    except A360Error as error:
        return _tell(error, as_json=as_json)
    except typer.TyperException as error:
        return _tell_usage(error, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return PIPE_CLOSED
    except Exception as error:  # noqa: BLE001 - the last line: a fault of ours, told without its data
        return _tell(_storage_fault(error) or _our_fault(error), as_json=as_json)
    return code if isinstance(code, int) else 0


def _survive_any_encoding() -> None:
    """On a terminal that is not UTF-8 a letter may be lost, and never the answer."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in {"utf-8", "utf8"}:
            stream.reconfigure(errors="replace")


def _require_supported_system() -> None:
    if sys.platform == "win32":
        raise OperatorError(
            "environment-unfit",
            "The data lake runs on Linux and macOS",
            found="Windows",
            next_step="use WSL2: 'wsl --install', then install and run it there",
        )


def _tell(error: A360Error, *, as_json: bool) -> int:
    if as_json:
        tell(json.dumps(error.to_json()))
    else:
        tell(f"{_red('error:')} {error}\n  more: {error.anchor}")
    return error.exit_code


def _tell_usage(error: typer.TyperException, *, as_json: bool) -> int:
    """What the parser refused, in the form of our own errors; a bare `a360` is answered with the help."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        tell(error.format_message())
        return UsageError.exit_code
    path = context.command_path if context else "a360"
    return _tell(
        UsageError("usage", error.format_message().rstrip("."), where=path, next_step=f"see '{path} --help'"),
        as_json=as_json,
    )


def _storage_fault(error: Exception) -> OperatorError | None:
    """The error of who runs the machine, where the disk took no more; None where it is another one."""
    by_system = isinstance(error, OSError) and error.errno in _DISK_REFUSES
    # The upper bits of a code say where SQLite was.
    by_sqlite = isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
    )
    if not (by_system or by_sqlite):
        return None
    return OperatorError(
        "storage-full",
        "The disk does not take what is to be written; what had been committed before stands",
        found=os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error),
        next_step="make room (`a360 collect --delete` frees what no snapshot needs), then run again",
    )


def _our_fault(error: Exception) -> InternalError:
    """Log where it happened, never what its message says: that may quote a patient's data."""
    path = log_failure(error)
    report = f"report it with the last lines of {path}, which hold no data"
    if path is None:
        report = (
            "report it with the command that was run; with A360_LOG_LEVEL=debug it says where it happened"
        )
    return InternalError(
        "internal",
        "The command failed by a fault of the software",
        found=type(error).__name__,
        next_step=report,
    )


def _red(text: str) -> str:
    return f"\033[1;31m{text}\033[0m" if sys.stderr.isatty() and "NO_COLOR" not in os.environ else text


def _drop_stdout() -> None:
    """Let the interpreter's last flush go nowhere, now that the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
