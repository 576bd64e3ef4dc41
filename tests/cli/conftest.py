import io
import json
import logging
from typing import NamedTuple

import pytest
import structlog

from a360.cli import _face
from a360.cli._main import run


class Told(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    def json(self):
        """The answer, which is all that stands on standard output."""
        assert self.code in {0, 3}, self.err
        return json.loads(self.out)


@pytest.fixture
def a360(demo_lake, monkeypatch, capsys):
    """Run a command in this process, in the folder of the lake."""
    monkeypatch.chdir(demo_lake.folder)
    monkeypatch.delenv("A360_LAKE", raising=False)

    def call(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = run([str(each) for each in arguments])
        return Told(code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch):
    """Commands that run in this process set logging up as if it were theirs alone."""
    monkeypatch.setattr(_face, "_logging", False)
    yield
    logger = logging.getLogger("a360")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    structlog.reset_defaults()
