"""The commands about views, from outside: answers, exit codes, and what failures leave behind."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import sqlglot

from a360.cli._main import run

VIEW = {
    "resourceType": "ViewDefinition",
    "name": "codings",
    "resource": "Observation",
    "where": [{"path": "status = 'final'"}],
    "select": [
        {"column": [{"name": "id", "path": "getResourceKey()", "type": "string"}]},
        {"forEach": "code.coding", "column": [{"name": "code", "path": "code"}]},
    ],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"code": "a"}, {"code": "b"}]},
}


class Told:
    """What a command left."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def error(self):
        """The error, as a program reads it."""
        return json.loads(self.err)

    @property
    def answer(self):
        """The answer, as a program reads it."""
        return json.loads(self.out)


@pytest.fixture
def a360(tmp_path, monkeypatch, capsys):
    """Run a command in this process, in a folder with a view and a file of resources, and with no lake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("A360_LAKE", raising=False)
    (tmp_path / "codings.json").write_text(json.dumps(VIEW))
    (tmp_path / "obs.ndjson").write_text(f"{json.dumps(OBSERVATION)}\n" * 3)

    def call(*arguments):
        code = run([str(each) for each in arguments])
        return Told(code, *capsys.readouterr())

    return call


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "trino"])
def test_compile_prints_sql(a360, dialect):
    """`compile` prints the SQL alone, so that it can be piped; --json has what a program needs to run it."""
    told = a360("view", "compile", "codings.json", "--dialect", dialect)
    [statement] = sqlglot.parse(told.out, dialect=dialect)
    assert statement.named_selects == ["id", "code"]
    answer = a360("view", "compile", "codings.json", "--dialect", dialect, "--json").answer
    assert answer["sql"] + "\n" == told.out
    assert set(answer) >= {"sql", "schema", "struct", "sources", "resource_type", "may_stop"}
    assert [column["name"] for column in answer["schema"]] == ["id", "code"]


def test_views_of_the_contracts_have_names(a360):
    """A view of the contracts is known by its name; one that is misspelt is told with those near it."""
    assert a360("view", "compile", "observation_component").code == 0
    told = a360("view", "compile", "observation_componnt", "--json")
    assert told.code == 2
    assert "observation_component" in told.error["found"]


def test_wrong_names_are_told(a360, tmp_path):
    """A file that is not there exits 5, a dialect that does not exist 2, and neither prints an answer."""
    told = a360("view", "compile", "nowhere/view.json", "--json")
    assert (told.code, told.error["code"], told.out) == (5, "input-missing", "")
    assert a360("view", "compile", "codings.json", "--dialect", "oracle").code == 2
    assert "a folder" in a360("view", "lint", "../" + tmp_path.name).err
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    assert a360("view", "compile", "binary.json").code == 5


@pytest.mark.parametrize("command", ["compile", "explain", "lint"])
def test_all_faults_at_once(a360, tmp_path, command):
    """A view with faults exits 3, and every fault is told with its pointer."""
    wrong = json.dumps(VIEW).replace("code.coding", "code.codin").replace("status =", "statuz =")
    (tmp_path / "wrong.json").write_text(wrong)
    told = a360("view", command, "wrong.json")
    assert told.code == 3
    said = told.out + told.err
    assert "/where/0/path" in said
    assert "/select/1/forEach" in said


def test_lint_tells_faults_of_all_views(a360, tmp_path):
    """`lint` goes on after a view with faults; columns that may stop a run are warnings, and no failure."""
    (tmp_path / "none.json").write_text("{")
    (tmp_path / "warned.json").write_text(
        json.dumps(VIEW).replace('"code"}]', '"code"}, {"name": "all", "path": "%resource.note.text"}]')
    )
    told = a360("view", "lint", "none.json", "warned.json", "codings.json", "--json")
    assert told.code == 3
    assert [(each["view"], each["severity"], each["pointer"]) for each in told.answer] == [
        ("none.json", "error", ""),
        ("warned.json", "warning", "/select/1/column/1/path"),
    ]
    assert a360("view", "lint", "warned.json").code == 0
    assert "no faults in 1 view, 1 warning" in a360("view", "lint", "warned.json").out


def test_explain_shows_rows_columns_and_paths(a360):
    """`explain` names what there is a row for, each column with its types, and the elements it reads."""
    shown = a360("view", "explain", "codings.json").out
    assert "a row for each Observation" in shown
    assert "where status = 'final'" in shown
    assert "for each of code.coding" in shown
    answer = a360("view", "explain", "codings.json", "--json").answer
    assert set(answer["reads"]["children"]) == {"id", "status", "code"}
    assert answer["columns"][1]["elements"] == ["Observation.code.coding.code"]
    assert answer["rows"]["inner"][0]["columns"] == ["code"]


def test_run_shows_first_rows_and_the_count(a360, tmp_path):
    """Without --output a terminal gets a table of 50 rows and the count, a program gets a line a row."""
    (tmp_path / "many.ndjson").write_text(f"{json.dumps(OBSERVATION)}\n" * 40)
    shown = a360("view", "run", "codings.json", "--input", "many.ndjson").out
    assert shown.count(" o1 ") + shown.count("\no1 ") + shown.count("\n o1 ") >= 50
    assert "80 rows" in shown
    lines = a360("view", "run", "codings.json", "--input", "many.ndjson", "--json").out.splitlines()
    assert [json.loads(line) for line in lines] == [{"id": "o1", "code": "a"}, {"id": "o1", "code": "b"}] * 40


def test_run_writes_a_file_for_each_view(a360, tmp_path):
    """`{view}` in --output stands for a view's name; without it, several views are refused."""
    told = a360(
        "view", "run", "codings.json", "observation", "--input", "obs.ndjson", "-o", "{view}.csv", "--json"
    )
    assert [(each["view"], each["rows"]) for each in told.answer] == [("codings", 6), ("observation", 3)]
    assert (tmp_path / "codings.csv").read_text().splitlines()[:2] == ["id,code", "o1,a"]
    assert (
        a360("view", "run", "codings.json", "observation", "--input", "obs.ndjson", "-o", "x.csv").code == 2
    )
    assert a360("view", "run", "codings.json", "observation", "--input", "obs.ndjson").code == 2
    assert a360("view", "run", "codings.json", "./codings.json", "--input", "obs.ndjson").code == 2


def test_run_of_nothing_gives_nothing(a360, tmp_path):
    """An empty file gives an empty table, no lines, and a file with a header alone."""
    (tmp_path / "empty.ndjson").write_text("")
    assert "0 rows" in a360("view", "run", "codings.json", "--input", "empty.ndjson").out
    assert a360("view", "run", "codings.json", "--input", "empty.ndjson", "--json").out == ""
    assert a360("view", "run", "codings.json", "--input", "empty.ndjson", "-o", "x.csv").code == 0
    assert (tmp_path / "x.csv").read_text() == "id,code\n"


def test_run_tells_what_is_wrong_with_the_data(a360, tmp_path):
    """A broken line exits 4 and is named by file and line; an output that was there is left as it was."""
    (tmp_path / "bad.ndjson").write_text(f'{json.dumps(OBSERVATION)}\n{{"SECRET\n')
    (tmp_path / "x.parquet").write_text("before")
    told = a360("view", "run", "codings.json", "--input", "bad.ndjson", "-o", "x.parquet", "--json")
    assert (told.code, told.error["code"]) == (4, "input-refused")
    assert told.error["where"].endswith("bad.ndjson, line 2")
    assert "SECRET" not in told.err
    assert (tmp_path / "x.parquet").read_text() == "before"
    assert a360("view", "run", "codings.json", "--input", "bad.ndjson").code == 4


def test_run_tells_what_is_wrong_with_the_places(a360, tmp_path):
    """An input that is not there, a folder that is not there and an ending that says no format are told."""
    assert a360("view", "run", "codings.json", "--input", "nowhere", "-o", "x.csv").code == 5
    assert a360("view", "run", "codings.json", "--input", "obs.ndjson", "-o", "nowhere/x.csv").code == 5
    assert a360("view", "run", "codings.json", "--input", "obs.ndjson", "-o", "x.xlsx").code == 2
    assert a360("view", "run", "codings.json").code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["codings.json", "obs.ndjson"]


SUITE = {
    "title": "suite",
    "resources": [OBSERVATION],
    "tests": [
        {"title": "rows", "view": VIEW, "expect": [{"id": "o1", "code": "b"}, {"id": "o1", "code": "a"}]},
        {"title": "count", "view": "../codings.json", "expectCount": 2},
        {"title": "fault", "view": {"resource": "Nothing"}, "expectError": True},
        {
            "title": "stop",
            "view": {
                "resource": "Observation",
                "select": [{"column": [{"name": "c", "path": "code.coding.code"}]}],
            },
            "expectError": True,
        },
    ],
}


def suite(tmp_path, *, wrong=False):
    folder = tmp_path / "tests"
    folder.mkdir(exist_ok=True)
    (folder / "suite.json").write_text(json.dumps(SUITE))
    (folder / "package.json").write_text("{}")
    if wrong:
        cases = [
            {"title": "row", "view": VIEW, "expect": [{"id": "o1", "code": "c"}]},
            {"title": "no fault", "view": VIEW, "expectError": True},
            {"title": "columns", "view": VIEW, "expectColumns": ["code", "id"], "expectCount": 2},
            {"title": "unsaid", "view": VIEW},
            {"title": "no view", "view": "nowhere.json", "expectError": True},
            {"title": "no object", "view": 1, "expect": []},
        ]
        (folder / "wrong.json").write_text(json.dumps(SUITE | {"tests": cases}))
    return folder


def test_test_passes_what_is_as_expected(a360, tmp_path):
    """Rows in any order, counts, faults and stops pass; the report has the official form."""
    told = a360("view", "test", suite(tmp_path), "--report", "report.json", "--json")
    assert (told.code, told.answer["passed"], told.answer["failed"]) == (0, 4, 0)
    assert told.answer["skipped"] == ["package.json"]
    titles = [case["title"] for case in SUITE["tests"]]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == {
        "suite.json": {"tests": [{"name": name, "result": {"passed": True}} for name in titles]}
    }
    assert "4 of 4 cases passed" in a360("view", "test", "tests").out


def test_test_fails_what_is_not(a360, tmp_path):
    """A case that is not as expected exits 4, with the rows that are missing or too many."""
    told = a360("view", "test", suite(tmp_path, wrong=True), "--report", "report.json")
    assert told.code == 4
    assert "4 of 10 cases passed" in told.out
    results = json.loads((tmp_path / "report.json").read_text())["wrong.json"]["tests"]
    assert [each["result"]["passed"] for each in results] == [False] * 6
    reasons = [each["result"]["reason"] for each in results]
    assert '"code": "c"' in reasons[0]
    assert "An error was expected" in reasons[1]
    assert "columns are id, code" in reasons[2]
    assert "nowhere.json cannot be read" in reasons[4]


def test_test_without_tests_is_told(a360, tmp_path):
    """A folder without test files exits 5; a file that is broken, or no test though it is named, exits 4."""
    (tmp_path / "none").mkdir()
    assert a360("view", "test", "none").code == 5
    assert a360("view", "test", "nowhere").code == 5
    assert a360("view", "test", "codings.json").code == 4
    (tmp_path / "none/broken.json").write_text("{")
    assert a360("view", "test", "none").code == 4
    assert a360("view", "test", suite(tmp_path), "--report", "nowhere/report.json").code == 5


@pytest.mark.faults
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_killed_run_leaves_no_output(a360, tmp_path, number, code):
    """A run that is killed leaves no output, or the one that was there before."""
    with (tmp_path / "large.ndjson").open("w") as large:
        for _ in range(200):
            large.write(f"{json.dumps(OBSERVATION)}\n" * 5000)
    (tmp_path / "x.csv").write_text("before")
    command = [
        sys.executable,
        "-m",
        "a360",
        "view",
        "run",
        "codings.json",
        "--input",
        "large.ndjson",
        "-o",
        "x.csv",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not any(path.stat().st_size for path in tmp_path.glob("a360-*.tmp")):
            time.sleep(0.01)
        os.kill(process.pid, number)
    assert process.returncode == code
    assert (tmp_path / "x.csv").read_text() == "before"
    if number != signal.SIGKILL:
        assert list(tmp_path.glob("a360-*.tmp")) == []
