"""A plugin for pytest that writes down how each phase of each test ended: a line of JSON each."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

OPTION: Final = "--a360-report"


class _Recorder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Told of each phase: setup, call, teardown."""
        told = {
            "test": report.nodeid,
            "phase": report.when,
            "outcome": report.outcome,
            "milliseconds": round(report.duration * 1000),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Where to write."""
    parser.addoption(OPTION, type=Path, required=True)


def pytest_configure(config: "pytest.Config") -> None:
    """Write from now on."""
    config.pluginmanager.register(_Recorder(config.getoption(OPTION)))
