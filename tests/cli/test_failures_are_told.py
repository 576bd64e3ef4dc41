import errno
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from a360.cli import _look
from a360.cli._main import run
from a360.errors import (
    A360Error,
    ConflictError,
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
    UsageError,
)

CLASSES = {
    InternalError: 1,
    UsageError: 2,
    ContractError: 3,
    DataError: 4,
    OperatorError: 5,
    DeniedError: 6,
    ConflictError: 7,
}


def _sqlite_error(code, message):
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def failing(monkeypatch):
    def raise_from_tables(error):
        def fail(face):
            raise error

        monkeypatch.setattr(_look, "tables", fail)

    return raise_from_tables


@pytest.mark.parametrize("kind", CLASSES)
def test_exit_code_is_that_of_the_error(failing, capsys, kind):
    """Each class of error has its own exit code, and its text goes to standard error alone."""
    failing(kind("internal", "It did not work", where="here", found="that", next_step="do this"))
    assert run(["tables"]) == CLASSES[kind]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: It did not work [internal]",
        "  where: here",
        "  found: that",
        "  next: do this",
        "  more: docs/errors.md#internal",
    ]


def test_every_class_of_error_has_a_row_in_the_table():
    """No class of error is left out of the exit codes that are promised."""
    assert set(A360Error.__subclasses__()) >= set(CLASSES)
    assert all(kind.exit_code == code for kind, code in CLASSES.items())


def test_error_is_json_for_a_program(failing, capsys):
    """With --json an error is one line of JSON on standard error, and standard output stays empty."""
    failing(DataError("input-refused", "It did not work"))
    assert run(["tables", "--json"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["code"] == "input-refused"
    assert json.loads(err)["exit_code"] == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["ingest"],
        ["ingest", "fhir"],
        ["run", "--engine", "abacus"],
        ["synth", "--patients", "0"],
        ["--x"],
    ],
)
def test_wrong_command_line_exits_2(capsys, arguments):
    """A command line that cannot be understood exits 2 and leads to the help, in both forms."""
    assert run(arguments) == 2
    assert "--help" in capsys.readouterr().err
    assert run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["code"] == "usage"


def test_bare_command_shows_the_help(capsys):
    """`a360` alone shows the help, as an error, since nothing was asked for."""
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_fault_of_ours_shows_no_data(failing, capsys):
    """An exception nobody foresaw exits 1 as `internal`; its message may quote data and is not shown."""
    failing(ValueError("cannot parse 'Featherstonehaugh'"))
    assert run(["tables"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "[internal]" in err
    assert "ValueError" in err
    assert "Featherstonehaugh" not in err
    assert "Traceback" not in err


def test_interrupt_exits_130(failing, capsys):
    """Ctrl-C ends a command quietly with 130, as shells expect."""
    failing(KeyboardInterrupt())
    assert run(["tables"]) == 130
    assert capsys.readouterr().err == ""


def test_missing_lake_is_not_made_by_looking(tmp_path, capsys):
    """A command that reads makes no lake out of a misspelt folder."""
    folder = tmp_path / "misspelt"
    for command in (["tables"], ["query", "SELECT 1"], ["run"], ["check"], ["history", "gold.x"]):
        assert run([*command, "--lake", str(folder)]) == 5
        assert "[not-a-lake]" in capsys.readouterr().err
    assert not folder.exists()


def test_windows_is_told_the_way_out(monkeypatch, capsys):
    """Natively on Windows every command ends with the advice to use WSL2."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert run(["tables"]) == 5
    assert "WSL2" in capsys.readouterr().err


def test_terminal_of_another_encoding_loses_no_answer(tmp_path):
    """Where standard output cannot carry a letter, the command still answers."""
    result = subprocess.run(
        [sys.executable, "-m", "a360", "tables", "--lake", tmp_path / "山田"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 5
    assert b"[not-a-lake]" in result.stderr


def test_reader_that_leaves_is_no_failure():
    """A reader that closes the pipe early (`a360 … | head -1`) ends the command without a word."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "a360", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(writing)
    assert result.returncode in {1, 141}
    assert result.stderr == ""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        _sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"),
        _sqlite_error(sqlite3.SQLITE_IOERR | 3 << 8, "disk I/O error"),
    ],
    ids=["full", "read-only", "full for the catalog", "fault under the catalog"],
)
def test_a_full_disk_is_the_operators_affair(failing, capsys, error):
    """What the disk refuses is told as that, with the way out, and never as a fault of the software."""
    failing(error)
    assert run(["tables"]) == OperatorError.exit_code
    told = capsys.readouterr().err
    assert "[storage-full]" in told
    assert "make room" in told
