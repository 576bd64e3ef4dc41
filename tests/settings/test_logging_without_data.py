import json
import logging
import stat

import pytest
import structlog

from a360.errors import DataError
from a360.settings import configure_logging, describe_failure


@pytest.fixture
def log_folder(tmp_path):
    yield tmp_path / "logs"
    logger = logging.getLogger("a360")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    structlog.reset_defaults()


def lines(folder):
    return [json.loads(line) for path in folder.iterdir() for line in path.read_text("utf-8").splitlines()]


def fail_on(name):
    return int(name)


def test_failure_is_logged_without_its_message(log_folder, capsys):
    """A foreign message may hold a patient's name: the log has type and place, never the text."""
    configure_logging(folder=log_folder)
    try:
        fail_on("Featherstonehaugh")
    except ValueError:
        structlog.get_logger("a360.cli").exception("command failed", command="run")
    (event,) = lines(log_folder)
    assert event["event"] == "command failed"
    assert event["failure"][0]["type"] == "builtins.ValueError"
    assert "fail_on" in event["failure"][0]["at"][-1]
    assert "Featherstonehaugh" not in json.dumps(event) + capsys.readouterr().err


def test_own_errors_keep_their_code():
    """Our own errors hold no data by contract, so their code and words are written, and so is their cause."""
    try:
        try:
            fail_on("x")
        except ValueError as cause:
            raise DataError("input-refused", "Cannot read the archive") from cause
    except DataError as failure:
        described = describe_failure(failure)
    assert [each["type"] for each in described] == ["a360.errors._errors.DataError", "builtins.ValueError"]
    assert described[0]["code"] == "input-refused"


def test_log_is_private(log_folder):
    """The log folder and its files are for their owner alone."""
    configure_logging(folder=log_folder)
    structlog.get_logger("a360.x").info("ran")
    (path,) = log_folder.iterdir()
    assert stat.S_IMODE(log_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_terminal_shows_warnings_alone_unless_asked(log_folder, capsys):
    """Standard error has the progress; of the log only warnings and worse, unless debugging was asked for."""
    configure_logging(folder=log_folder, form="json")
    structlog.get_logger("a360.x").info("quiet")
    structlog.get_logger("a360.x").warning("loud", count=3)
    shown = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in shown] == ["loud"]
    assert [event["event"] for event in lines(log_folder)] == ["quiet", "loud"]


def test_other_loggers_stay_out(log_folder):
    """What other libraries log is not ours to vouch for: it stays out of the lake's log."""
    configure_logging(level="debug", folder=log_folder)
    logging.getLogger("httpx").warning("GET /Patient?name=Smith")
    assert lines(log_folder) == []
