"""A plugin for pytest that writes down which cases there are, and how each phase of each ended."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

OPTION: Final = "--a360-report"
COLLECTED: Final = "collected"


class _Recorder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_collection_finish(self, session: "pytest.Session") -> None:
        """Told of the cases that are going to be run."""
        self._write(*({"test": each.nodeid, "phase": COLLECTED} for each in session.items))

    def pytest_runtest_logreport(self, report: "pytest.TestReport") -> None:
        """Told of each phase: setup, call, teardown."""
        milliseconds = round(report.duration * 1000)
        told = {"test": report.nodeid, "phase": report.when, "outcome": report.outcome}
        self._write({**told, "milliseconds": milliseconds})

    def _write(self, *lines: Mapping[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(each) + "\n" for each in lines)


def pytest_addoption(parser: "pytest.Parser") -> None:
    """Where to write."""
    parser.addoption(OPTION, type=Path, required=True)


def pytest_configure(config: "pytest.Config") -> None:
    """Write from now on."""
    config.pluginmanager.register(_Recorder(config.getoption(OPTION)))
