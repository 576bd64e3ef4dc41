import json
import os
import signal
import subprocess
import sys

import pytest
from aws_server import SECRET

from a360 import aws

pytestmark = pytest.mark.e2e


def command(*arguments):
    return [sys.executable, "-m", "a360", "spark", *map(str, arguments)]


@pytest.fixture
def outside(folder, archive, nobody):
    """Runs a command as a user would, in a folder with the contracts and an environment of its own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")} | nobody

    def run(*arguments, **changes):
        return subprocess.run(
            command(*arguments, "--env", "staging"),
            cwd=folder, env=environ | changes, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    run.folder, run.environ = folder, environ
    return run


def test_a_submission_from_outside_answers_as_the_run_did(server, outside, archive):
    """Changes of state are told on standard error, the report is the answer, and no secret is in either."""
    counts = dict.fromkeys(("duplicates", "unchanged", "superseded", "filtered", "quarantined"), 0)
    step = {
        "dataset": "silver.patient",
        "commit_id": "c",
        "read": 5,
        "landed": 5,
        "output_rows": 5,
        "seconds": 1,
    }
    server.script.stdout = f"a word of Spark\n{json.dumps([step | counts])}\n"
    told = outside("submit", "silver.patient", "--archive", archive, "--executors", 2, "--json")
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    assert (answer["state"], answer["report"][0]["landed"]) == ("SUCCESS", 5)
    assert answer["sizing"]["executors"] == 2
    shown = outside("submit", "silver.patient", "--archive", archive, "--executors", 2)
    assert "silver.patient" in shown.stdout
    assert "SUCCESS" in shown.stderr
    for text in (told.stdout, told.stderr, shown.stdout, shown.stderr, json.dumps(server.script.started)):
        assert SECRET not in text


def test_the_exit_code_is_the_jobs(server, outside, archive):
    """A job that failed by an error of ours ends the command with that error's exit code, after its log."""
    server.script.states = ["RUNNING", "FAILED: Job failed"]
    error = {"code": "rule-blocked", "what": "A rule failed", "where": "silver.patient", "exit_code": 4}
    server.script.stdout = f"patient: done\n{json.dumps(error)}\n"
    told = outside("submit", "silver.patient", "--archive", archive, "--executors", 1)
    assert (told.returncode, told.stdout) == (4, "")
    assert "RUNNING" in told.stderr
    assert "rule-blocked" in told.stderr


@pytest.fixture
def interruptible():
    """What a shell starts in the background ignores interruptions, and so would what it starts in turn."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.faults
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_cancels_the_run(server, outside, archive):
    """An interrupted submission cancels its run before it leaves, with the exit code of an interruption."""
    server.script.states = ["SUBMITTED", "RUNNING"]
    with subprocess.Popen(
        command("submit", "--archive", archive, "--executors", 1, "--env", "staging"),
        cwd=outside.folder, env=outside.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert server.script.seen.wait(180)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=90)
        finally:
            process.kill()
    assert (process.returncode, out, server.script.cancelled) == (130, "", ["00r1"])
    assert "CANCELLED" in err


def test_a_run_can_be_looked_at_and_ended_later(server, outside, archive):
    """A detached run is found again by its id: how it stands, what it wrote, and its end."""
    server.script.states = ["RUNNING"]
    started = outside("submit", "--archive", archive, "--executors", 1, "--detach", "--token", "t1", "--json")
    run = json.loads(started.stdout)["run"]
    again = outside("submit", "--archive", archive, "--executors", 1, "--detach", "--token", "t1", "--json")
    assert json.loads(again.stdout)["run"] == run
    assert json.loads(outside("status", run, "--json").stdout)["state"] == "RUNNING"
    assert "Nothing lies under" in outside("logs", run).stdout
    assert outside("cancel", run).stdout == f"{run}: CANCELLED\n"
    assert outside("status", "00nothing").returncode == 5


def test_what_is_asked_for_has_to_be_possible(server, outside, archive):
    """Workers that are not offered, more than are allowed, or volumes nobody knows: nothing starts."""
    for flags, words in (
        (["--executors", 1, "--worker", "3x9"], "EMR Serverless has no such worker"),
        (["--executors", 100], "more vCPUs than the environment allows"),
        (["--executors", 1, "--worker", "large"], "as 4x16"),
        (["--executors", 1, "--token", "a b"], "token"),
        ([], "volumes"),
        (["silver.nothing", "--executors", 1], "silver.nothing"),
    ):
        told = outside("submit", "--archive", archive, *flags)
        assert (told.returncode, words in told.stderr) == (2, True), told.stderr
    assert server.script.started == []


def test_a_size_is_proposed_from_told_volumes(outside, tmp_path):
    """Volumes of a lake that is elsewhere size its jobs; what is no such answer is refused."""
    tables = tmp_path / "tables.json"
    rows = [{"namespace": "bronze", "name": "fhir_resource", "rows": 10**9, "bytes": 10**12, "files": 5000}]
    tables.write_text(json.dumps(rows))
    small = json.loads(outside("size", "--tables", tables, "--minutes", 600, "--json").stdout)
    large = json.loads(
        outside("size", "--tables", tables, "--minutes", 60, "--max-vcpus", 1000, "--json").stdout
    )
    assert 8 <= small["vcpus"] <= 64
    assert small["vcpus"] < large["vcpus"] <= 1000
    assert any("measured" in reason for reason in large["reasons"])
    tables.write_text("{}")
    assert outside("size", "--tables", archive_of(tmp_path)).returncode == 5


def archive_of(folder):
    """A file that is there and is no JSON."""
    path = folder / "no.json"
    path.write_bytes(b"\x1f\x8b\x00")
    return path


def test_a_dry_run_asks_nothing(server, outside, archive):
    """The request is printed, and the server hears nothing; not even credentials are needed."""
    told = outside(
        "submit", "gold.visit_facts", "--archive", archive, "--executors", 1, "--dry-run", "--json",
        AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
    )  # fmt: skip
    request = json.loads(told.stdout)
    assert request["jobDriver"]["sparkSubmit"]["entryPointArguments"][:2] == ["run", "gold.visit_facts"]
    assert server.script.started == server.script.puts == []
    assert aws.Worker(4, 16)
