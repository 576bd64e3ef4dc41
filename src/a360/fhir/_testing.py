"""Runs test files in the format of SQL on FHIR: resources, and views with the rows that they must give."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from a360.errors import A360Error, DataError, OperatorError, UsageError
from a360.fhir._compile import compile_view
from a360.fhir._evaluate import evaluate
from a360.fhir._fault import ViewError

type Json = dict[str, Any]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of a case; a case that did not pass has a reason."""

    name: str
    passed: bool
    reason: str = ""

    def to_json(self) -> Json:
        """The result as the official report has it."""
        return {"passed": True} if self.passed else {"passed": False, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of the cases of a file."""

    file: str
    title: str
    cases: tuple[CaseResult, ...]

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(case.passed for case in self.cases)

    @property
    def failed(self) -> int:
        """How many did not."""
        return len(self.cases) - self.passed

    def to_json(self) -> Json:
        """The result as a JSON object."""
        return {
            "file": self.file,
            "title": self.title,
            "passed": self.passed,
            "failed": self.failed,
            "cases": [{"name": case.name, **case.to_json()} for case in self.cases],
        }


@dataclass(frozen=True, slots=True)
class TestReport:
    """What became of every file; `skipped` are files of JSON that hold no tests."""

    __test__ = False  # not for pytest

    files: tuple[FileResult, ...]
    skipped: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(file.passed for file in self.files)

    @property
    def failed(self) -> int:
        """How many did not."""
        return sum(file.failed for file in self.files)

    def official(self) -> Json:
        """The report that SQL on FHIR's page of implementations reads: results by the name of the file."""
        return {
            file.file: {"tests": [{"name": case.name, "result": case.to_json()} for case in file.cases]}
            for file in self.files
        }


def run_view_tests(path: Path, engine: str = "duckdb") -> TestReport:
    """Run the test files of a folder, or one test file.

    A case passes where the view gives the expected rows, in any order; a number equals itself however it is
    written. Where an error is expected, the view must have faults, or stop over the resources. The view of a
    case may be the path of a file, from the folder of the test.

    Raises:
        OperatorError: `input-missing` where there is no test file.
        DataError: `input-refused` where a file is not JSON, or no test file though it is named itself.
    """
    files, skipped = [], []
    for file in _json_files(path):
        content = _loaded(file)
        if _holds_tests(content):
            files.append(
                _run(file, content, engine, file.name if file == path else str(file.relative_to(path)))
            )
        elif file == path:
            raise _refused(file, "JSON without resources and tests")
        else:
            skipped.append(str(file.relative_to(path)))
    if not files:
        raise OperatorError(
            "input-missing",
            "There is no test file",
            where=str(path),
            found=f"{len(skipped)} files of JSON without tests" if skipped else "no files of JSON",
            next_step="name a folder of files in the format of SQL on FHIR's tests",
        )
    return TestReport(tuple(files), tuple(skipped))


def _json_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(file for file in path.rglob("*.json") if file.is_file())
    raise OperatorError(
        "input-missing", "The tests do not exist", where=str(path), next_step="name a folder or a file"
    )


def _loaded(file: Path) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        # Resources keep their decimals as they are written.
        return json.loads(file.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise OperatorError(
            "input-missing", "A test file cannot be read", where=str(file), found=error.strerror or ""
        ) from None
    except (ValueError, RecursionError):
        raise _refused(file, "not JSON") from None


def _refused(file: Path, found: str) -> DataError:
    return DataError(
        "input-refused",
        "A file cannot be read as tests",
        where=str(file),
        found=found,
        next_step="a test file is an object with title, resources and tests",
    )


def _holds_tests(content: object) -> bool:
    if not isinstance(content, dict):
        return False
    parts = (content.get("resources"), content.get("tests"))
    return all(isinstance(part, list) and all(isinstance(each, dict) for each in part) for part in parts)


def _run(file: Path, content: Json, engine: str, name: str) -> FileResult:
    cases = []
    for position, case in enumerate(content["tests"]):
        title = str(case.get("title") or f"case {position + 1}")
        reason = _reason(file, case, content["resources"], engine)
        cases.append(CaseResult(title, not reason, reason))
    return FileResult(name, str(content.get("title") or name), tuple(cases))


def _reason(file: Path, case: Json, resources: Sequence[Json], engine: str) -> str:
    """Why a case does not pass; '' if it does."""
    try:
        view = _view(file, case.get("view"))
    except (OSError, UnicodeDecodeError) as error:
        return f"The view {case['view']} cannot be read: {type(error).__name__}."
    try:
        rows = evaluate(view, resources, engine)
        columns = [column.name for column in compile_view(view).schema]
    except (ViewError, DataError) as error:
        return "" if case.get("expectError") else _told(error)
    except (OperatorError, UsageError):
        raise  # no case can run
    except Exception as error:  # noqa: BLE001 - one case that brings an engine down is one that does not pass
        return f"The engine failed: {type(error).__name__}."
    if case.get("expectError"):
        return f"An error was expected, and there were {_counted(rows, 'row')}."
    return " ".join(_differences(case, rows, columns))


def _view(file: Path, given: object) -> Mapping[str, Any] | str:
    """The view of a case: in the case itself, or in a file that it names."""
    if isinstance(given, str):
        return (file.parent / given).read_text(encoding="utf-8-sig")
    return given if isinstance(given, dict) else {}


def _told(error: A360Error) -> str:
    return " ".join(part.strip() for part in f"{error.what}: {error.found}".splitlines())


def _differences(case: Json, rows: Sequence[Json], columns: Sequence[str]) -> Iterator[str]:
    wanted_columns = case.get("expectColumns")
    if wanted_columns is not None and list(wanted_columns) != columns:
        yield f"The columns are {', '.join(columns)}, and not {', '.join(wanted_columns)}."
    count = case.get("expectCount")
    if count is not None and count != len(rows):
        yield f"There are {_counted(rows, 'row')}, and not {count}."
    wanted = case.get("expect")
    if isinstance(wanted, list):
        expected, found = _bag(wanted), _bag(rows)
        yield from _listed("Missing", expected - found)
        yield from _listed("Not expected", found - expected)
    elif count is None:
        yield "The case has none of expect, expectCount and expectError."


def _counted(rows: Sequence[object], what: str) -> str:
    return f"{len(rows)} {what}{'' if len(rows) == 1 else 's'}"


def _listed(label: str, rows: Counter[str]) -> Iterator[str]:
    if rows:
        shown = ", ".join(list(rows.elements())[:_SHOWN])
        more = rows.total() - _SHOWN
        yield f"{label}: {shown}{f' and {more} more' if more > 0 else ''}."


def _bag(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Rows without their order, which the specification leaves open."""
    return Counter(json.dumps(_plain(row), sort_keys=True, ensure_ascii=False) for row in rows)


def _plain(value: object) -> object:
    """A value with its numbers in one form: 5, 5.0 and 5.00 are the same."""
    match value:
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case bool() | None | str():
            return value
        case int() | float() | Decimal():
            number = float(value)
            return int(number) if number.is_integer() else number
        case _:
            return str(value)
