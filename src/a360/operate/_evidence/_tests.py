"""Runs tests of the software by their names, in a process of its own, and tells how each came out.

A test counts as passed if each of its cases ran to its end and none failed or was skipped. What was named and
is not there, or did not come to an end, has failed: silence proves nothing.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any, Final

from a360._progress import Progress
from a360.errors import OperatorError
from a360.operate._evidence._checks import Finding
from a360.operate._evidence._pytest_report import OPTION

LONGEST_SECONDS: Final = 3600.0
_PLUGIN: Final = "a360.operate._evidence._pytest_report"
_LOOK_SECONDS: Final = 0.5


def test_functions(path: Path) -> Mapping[str, str]:
    """The tests of a file by their names, each with the sentence that it begins with."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError):
        return {}
    return {
        each.name: (ast.get_docstring(each) or "").partition("\n")[0]
        for each in module.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def says_of(tests: Path, names: Iterable[str]) -> dict[str, str]:
    """What those of the named tests say that are there, in the order of their files.

    So tests that share what a file sets up share it here too, and may rest on those before them.
    """
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_file[name.partition("::")[0]].append(name)
    return {
        name: says
        for file in sorted(by_file)
        for function, says in test_functions(tests / file).items()
        for name in by_file[file]
        if name.partition("::")[2].partition("[")[0] == function
    }


def run_tests(
    tests: Path,
    names: Sequence[str],
    progress: Progress | None = None,
    longest: float = LONGEST_SECONDS,
) -> dict[str, Finding]:
    """Run the named tests of a checkout.

    Args:
        tests: The checkout's folder, to which the names are relative.
        names: What to run.
        progress: Told of each test that has ended.
        longest: After so many seconds the tests are ended.

    Raises:
        OperatorError: `input-missing` where there is no such folder, `extra-missing` without pytest.
    """
    _require(tests)
    there = says_of(tests, names)
    with tempfile.TemporaryDirectory(prefix="a360-evidence-") as folder:
        report = Path(folder) / "report.jsonl"
        report.touch()
        end = _run(tests, list(there), report, progress, longest) if there else ""
        cases = _cases(report)
    return {name: _finding(name, cases, end) if name in there else _absent() for name in names}


def _require(tests: Path) -> None:
    if not (tests / "tests").is_dir():
        raise OperatorError(
            "input-missing",
            "There are no tests of the software",
            where=str(tests),
            found="no folder tests/ in it",
            next_step="name the folder of a checkout with --tests, or leave it out",
        )
    if find_spec("pytest") is None:
        raise OperatorError(
            "extra-missing",
            "What runs the tests of the software is not installed",
            found="no pytest",
            next_step="run from a checkout after `make setup`, or leave --tests out",
        )


def _run(tests: Path, names: list[str], report: Path, progress: Progress | None, longest: float) -> str:
    """Run pytest until it ends; how it ended, where that was not by itself."""
    settings = tests / "pyproject.toml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *("-q", "-p", _PLUGIN, OPTION, str(report), "-p", "no:cacheprovider"),
        *("--rootdir", str(tests), "-c", str(settings if settings.is_file() else os.devnull)),
        *names,
    ]
    # Tests are of the software, and are to know nothing of the lake that they are evidence for.
    # Python without assertions would pass whatever is asserted.
    untold = ("A360_", "PYTEST_", "PYTHONOPTIMIZE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(untold)}
    with subprocess.Popen(  # noqa: S603 -- names of tests that were found in the checkout
        command,
        cwd=tests,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return _watched(process, report, len(names), progress, longest)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _watched(
    process: "subprocess.Popen[bytes]",
    report: Path,
    known: int,
    progress: Progress | None,
    longest: float,
) -> str:
    begun = monotonic()
    while monotonic() - begun < longest:
        try:
            process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if progress:
                progress("tests", "", len({each["test"].partition("[")[0] for each in _lines(report)}), known)
        else:
            return f"pytest ended with {process.returncode}"
    return f"ended after {longest:,.0f} seconds"


def _lines(report: Path) -> Iterator[dict[str, Any]]:
    """What was reported; a line that is being written has no end yet."""
    for line in report.read_text("utf-8").split("\n")[:-1]:
        yield json.loads(line)


def _cases(report: Path) -> Mapping[str, list[dict[str, Any]]]:
    """The phases of each case."""
    cases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in _lines(report):
        cases[line["test"]].append(line)
    return cases


def _finding(name: str, cases: Mapping[str, list[dict[str, Any]]], end: str) -> Finding:
    own = [phases for case, phases in cases.items() if name in {case, case.partition("[")[0]}]
    if not own:
        return Finding("failed", f"it did not run: {end}")
    outcomes = [_outcome(phases) for phases in own]
    took = sum(phase["milliseconds"] for phases in own for phase in phases)
    for outcome, told in (("failed", "failed"), ("skipped", "skipped")):
        if outcome in outcomes:
            found = f"{outcomes.count(outcome)} of {len(own)} cases {told}"
            return Finding("failed" if outcome == "failed" else "not run", found, took)
    return Finding("passed", f"{len(own)} case{'' if len(own) == 1 else 's'}", took)


def _outcome(phases: Sequence[Mapping[str, Any]]) -> str:
    by_phase = {phase["phase"]: phase["outcome"] for phase in phases}
    if "failed" in by_phase.values() or "teardown" not in by_phase:
        return "failed"
    return "skipped" if "skipped" in by_phase.values() else "passed"


def _absent() -> Finding:
    return Finding("failed", "there is no such test in the checkout")
