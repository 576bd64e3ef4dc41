import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SPARK = Path(__file__).resolve().parents[1]
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
PROGRAMS = Path(sys.executable).parent
# as in an environment that is switched on: spark-submit asks the first `python3` of the PATH where Spark is
ENVIRON |= {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
LAUNCHERS = {
    "python": [sys.executable, "-m", "a360.spark"],
    "spark-submit": [str(PROGRAMS / "spark-submit"), "--master", "local[2]", str(SPARK / "src" / "job.py")],
}
# Spark takes its time to start, on a machine that is busy with other tests too
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def job(launcher, *arguments, **options):
    return subprocess.run(
        [*LAUNCHERS[launcher], *map(str, arguments)],
        **{"env": ENVIRON, "capture_output": True, "text": True, "timeout": 600} | options,
        check=False,
    )


def rows(lake, table):
    shown = subprocess.run(
        [sys.executable, "-m", "a360", "tables", "--lake", lake, "--json"],
        env=ENVIRON, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return next(
        each["rows"] for each in json.loads(shown.stdout) if f"{each['namespace']}.{each['name']}" == table
    )


def test_a_job_says_how_it_is_called():
    """The entry needs neither Spark nor a lake to say what it takes."""
    told = job("python", "run", "--help")
    assert told.returncode == 0
    assert all(word in told.stdout for word in ("DATASET", "--lake", "--env", "--full", "--json"))


@pytest.mark.parametrize(
    ("arguments", "code", "slug"),
    [
        (["run", "--lake", "nowhere", "--json"], 5, "not-a-lake"),
        (["run", "silver.nothing", "--json"], 2, "unknown-dataset"),
    ],
)
def test_errors_and_exit_codes_are_those_of_the_command_line(spark_installed, lake, arguments, code, slug):
    """What stops a job is told as JSON on standard error, with the exit code that `a360 run` has for it."""
    told = job("python", *arguments, cwd=lake.parent)
    assert (told.returncode, told.stdout) == (code, "")
    assert json.loads(told.stderr.splitlines()[-1])["code"] == slug


def test_a_word_too_many_is_a_usage_error():
    """A flag that the entry does not know ends it with exit code 2, and starts nothing."""
    assert job("python", "run", "--engine", "duckdb").returncode == 2


def refined(lake, launcher, *datasets):
    """The report of a job over datasets, by dataset."""
    told = job(launcher, "run", *datasets, "--lake", lake, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    return {each["dataset"]: each for each in json.loads(told.stdout.splitlines()[-1])}


@pytest.fixture(scope="module")
def ended(spark_installed, lake):
    """A job over the whole lake that was told to end in the midst of it; what it left."""
    with subprocess.Popen(
        [*LAUNCHERS["python"], "run", "--lake", lake],
        env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            seen = process.stderr.readline()
            assert "done" in seen, seen + process.stderr.read()
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=120)
        finally:
            process.kill()
    return process.returncode, out, children_of(process.pid)


@pytest.fixture(scope="module")
def after(ended, lake, bring):
    """What a job reports that came after the one that was told to end, and found news."""
    bring(lake, "Practitioner")
    return refined(lake, "python", "silver.organization", "silver.practitioner")


@pytest.mark.spark
def test_sigterm_ends_a_job_and_leaves_the_lake_whole(ended, after, lake):
    """A job that is told to end closes Spark and leaves; the next run finds a lake as good as new."""
    assert ended == (143, "", [])
    assert rows(lake, "silver.organization") == 5


@pytest.mark.spark
def test_a_job_refines_and_reports_as_the_command_line_does(after, lake):
    """The report of a job is the array that `a360 run --json` answers, and what it tells is in the tables."""
    assert after["silver.practitioner"]["landed"] == rows(lake, "silver.practitioner") == 5


@pytest.mark.spark
def test_spark_submit_runs_the_same_job(after, lake, bring):
    """The file that is submitted refines and reports too, and does nothing again that a job did before."""
    bring(lake, "Location")
    told = refined(lake, "spark-submit", "silver.organization", "silver.practitioner", "silver.location")
    assert told["silver.location"]["landed"] == rows(lake, "silver.location") == 5
    assert told["silver.organization"]["commit_id"] is told["silver.practitioner"]["commit_id"] is None


def children_of(pid):
    """Processes that were started by one that has ended, by what the system says of them."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found.append(status.parent.name)
        except OSError:
            continue
    return found
