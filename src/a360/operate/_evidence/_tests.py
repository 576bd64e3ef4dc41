"""Runs tests of the software by their names, in a process of its own, and tells how each came out.

A test counts as passed if pytest came to its end, and each case of the test that it had collected ran to its
end and neither failed nor was skipped. What was named and is not there, or did not come to an end, has
failed: silence proves nothing.
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
from a360.operate._evidence._pytest_report import COLLECTED, OPTION

LONGEST_SECONDS: Final = 3600.0
_PLUGIN: Final = "a360.operate._evidence._pytest_report"
_LOOK_SECONDS: Final = 0.5
# What pytest ends with where all cases were run: they passed, or some failed.
_RAN_ALL: Final = (0, 1)


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
        broke_off = _run(tests, list(there), report, progress, longest) if there else None
        cases = _cases(report)
    return {name: _finding(name, cases, broke_off) if name in there else _absent() for name in names}


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


def _run(
    tests: Path, names: list[str], report: Path, progress: Progress | None, longest: float
) -> str | None:
    """Run pytest until it ends; why not all that was collected has run, where that is so."""
    settings = tests / "pyproject.toml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *("-q", "-p", _PLUGIN, OPTION, str(report), "-p", "no:cacheprovider"),
        *(
            "--rootdir",
            str(tests),
            "--confcutdir",
            str(tests),
            "-c",
            str(settings if settings.is_file() else os.devnull),
        ),
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
) -> str | None:
    begun = monotonic()
    while monotonic() - begun < longest:
        try:
            process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if progress:
                begun_ones = (each["test"] for each in _lines(report) if each["phase"] != COLLECTED)
                progress("tests", "", len({each.partition("[")[0] for each in begun_ones}), known)
        else:
            ended = process.returncode
            return None if ended in _RAN_ALL else f"pytest ended with {ended}"
    return f"ended after {longest:,.0f} seconds"


def _lines(report: Path) -> Iterator[dict[str, Any]]:
    """What was reported; a line that is being written has no end yet."""
    for line in report.read_text("utf-8").split("\n")[:-1]:
        yield json.loads(line)


def _cases(report: Path) -> Mapping[str, list[dict[str, Any]]]:
    """The phases of each case that was collected; of one that never began there are none."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(report):
        phases = cases.setdefault(line["test"], [])
        if line["phase"] != COLLECTED:
            phases.append(line)
    return cases


def _finding(name: str, cases: Mapping[str, list[dict[str, Any]]], broke_off: str | None) -> Finding:
    own = [phases for case, phases in cases.items() if name in {case, case.partition("[")[0]}]
    if not own:
        return Finding("failed", f"it did not run: {broke_off or 'pytest collected no case of it'}")
    outcomes = [_outcome(phases) for phases in own]
    took = sum(phase["milliseconds"] for phases in own for phase in phases)
    for outcome in ("failed", "did not come to an end", "skipped"):
        if outcome in outcomes:
            found = f"{outcomes.count(outcome)} of {len(own)} cases {outcome}"
            why = f": {broke_off}" if broke_off else ""
            return Finding("not run" if outcome == "skipped" else "failed", found + why, took)
    # What was cut off after the last case may have been what takes a case back, as the end of a fixture.
    if broke_off:
        return Finding("failed", broke_off, took)
    return Finding("passed", f"{len(own)} case{'' if len(own) == 1 else 's'}", took)


def _outcome(phases: Sequence[Mapping[str, Any]]) -> str:
    by_phase = {phase["phase"]: phase["outcome"] for phase in phases}
    if "failed" in by_phase.values():
        return "failed"
    if "teardown" not in by_phase:
        return "did not come to an end"
    return "skipped" if "skipped" in by_phase.values() else "passed"


def _absent() -> Finding:
    return Finding("failed", "there is no such test in the checkout")
