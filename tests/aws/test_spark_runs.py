import itertools
import json
from dataclasses import replace

import pytest
from aws_server import APPLICATION, Refusal

from a360 import aws
from a360.aws._clients import Aws
from a360.aws._places import Logs
from a360.errors import A360Error, DeniedError


class Time:
    """Time that passes when somebody waits."""

    def __init__(self, pace=1):
        self.now, self.waits, self.pace = 0.0, [], pace

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += self.pace * seconds

    def clock(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def runs(environment, time):
    return aws.Runs(Aws(environment, tries=1), APPLICATION, time.wait, time.clock)


@pytest.fixture
def job(environment, submission):
    return aws.Jobs(environment).job(submission, "s3://artifacts/e.tar.gz", "s3://artifacts/job.py")


def test_each_change_of_state_is_told_once(server, runs, job, time):
    """A run is watched to its end, and whoever watches hears of a state when it changes, not at each look."""
    server.script.states = ["SUBMITTED", "PENDING", "PENDING", "SCHEDULED", "RUNNING", "RUNNING", "SUCCESS"]
    told = []
    ended = runs.carry_out(job, "t", told.append)
    assert [run.state for run in told] == ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]
    assert (ended.state, ended.seconds, ended.billed) == ("SUCCESS", 61, {"vCPUHour": 0.25})
    assert min(time.waits) > 1
    assert max(time.waits) < 25


def test_a_lack_of_workers_is_waited_out_as_runs_of_their_own(server, runs, job, time):
    """A run that fails for want of capacity is started anew, later each time, under a token of its own."""
    lacking = ["SUBMITTED", "FAILED: ApplicationMaxCapacityExceededException: Worker could not be allocated"]
    server.script.attempts = [lacking, lacking]
    assert runs.carry_out(job, "t", lambda _: None).state == "SUCCESS"
    assert [each["clientToken"] for each in server.script.started] == ["t", "t-2", "t-3"]
    first, second = (wait for wait in time.waits if wait > 30)
    assert 60 <= first <= 240
    assert 120 <= second <= 480


@pytest.mark.parametrize("attempts", [1, 2])
def test_the_attempts_are_bounded(server, runs, job, attempts):
    """Where there never is capacity, the last run's failure is what comes back."""
    server.script.states = ["FAILED: insufficient capacity in the subnet"]
    ended = runs.carry_out(job, "t", lambda _: None, attempts=attempts)
    assert (ended.state, ended.lacked_capacity, len(server.script.runs)) == ("FAILED", True, attempts)


def test_any_other_failure_is_no_reason_to_start_again(server, runs, job):
    """A job that failed by itself would fail again: it is started once."""
    server.script.states = ["RUNNING", "FAILED: Job failed, please check complete logs"]
    assert runs.carry_out(job, "t", lambda _: None).state == "FAILED"
    assert len(server.script.runs) == 1


def test_a_start_that_was_not_answered_starts_one_run(server, environment, job, time):
    """The connection breaks after AWS has started the run: the same token is sent again, and finds it."""
    server.script.start = [None]
    runs = aws.Runs(Aws(environment), APPLICATION, time.wait, time.clock)
    assert runs.carry_out(job, "t", lambda _: None).state == "SUCCESS"
    assert [each["clientToken"] for each in server.script.started] == ["t", "t"]
    assert len(server.script.runs) == 1


def test_a_refused_start_is_tried_again_only_for_want_of_room(server, runs, job, time):
    """Too many requests are waited out; a request that is wrong is told at once."""
    server.script.start = [Refusal(429, "ThrottlingException", "Rate exceeded")]
    assert runs.carry_out(job, "t", lambda _: None).state == "SUCCESS"
    assert max(time.waits) >= 60
    server.script.start = [Refusal(400, "ValidationException", "RunTimeout must be at least 5 minutes")]
    with pytest.raises(A360Error) as caught:
        runs.carry_out(job, "u", lambda _: None)
    assert (caught.value.code.slug, "RunTimeout" in caught.value.found) == ("aws-failed", True)


def test_a_broken_network_does_not_lose_a_run(server, runs, job, time):
    """Looking at the run may fail for minutes; it is the run that is waited for, not the network."""
    server.script.get = ["go", *[Refusal(500, "InternalServerException")] * 10]
    assert runs.carry_out(job, "t", lambda _: None).state == "SUCCESS"
    server.script.get = ["go", *[Refusal(500, "InternalServerException")] * 100]
    with pytest.raises(A360Error, match="aws-failed"):
        runs.carry_out(job, "u", lambda _: None)
    assert len(server.script.cancelled) == 0


def test_whoever_interrupts_ends_the_run(server, runs, job):
    """Ctrl-C while waiting cancels the run and waits until it has ended."""
    server.script.states = ["RUNNING"]

    def interrupt(run):
        if run.state == "RUNNING":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.carry_out(job, "t", interrupt)
    assert server.script.cancelled == ["00r1"]
    assert runs.get("00r1").state == "CANCELLED"


def test_a_run_that_never_ends_is_not_waited_for_for_ever(server, runs, job, time):
    """Past the job's own time-out and a while in the queue the run is left, with how to find it."""
    server.script.states, time.pace = ["PENDING"], 100
    with pytest.raises(A360Error) as caught:
        runs.carry_out(job, "t", lambda _: None)
    assert caught.value.code.slug == "job-unfinished"
    assert "00r1" in caught.value.next_step
    assert time.now > job.spark.timeout_minutes * 60


def test_a_detached_run_goes_on(server, runs, job, time):
    """Detached, the run is told as it stands after its start, and nobody waits."""
    assert runs.carry_out(job, "t", lambda _: None, detach=True).state == "SUBMITTED"
    assert time.waits == []


def test_a_submission_brings_back_the_report(server, environment, submission):
    """Files are put by their content, once; the driver's last report is the answer."""
    server.script.states = ["SUCCESS"]
    server.script.stdout = 'a word of Spark\n[{"dataset": "silver.patient", "landed": 5}]\n'
    jobs = aws.Jobs(environment)
    outcome = jobs.submit(submission, lambda _: None)
    outcome.require_success()
    assert outcome.to_json()["report"] == [{"dataset": "silver.patient", "landed": 5}]
    jobs.submit(submission, lambda _: None)
    archive, entry = server.script.puts
    asked = server.script.started[0]["jobDriver"]["sparkSubmit"]
    assert f"spark.archives=s3://{archive.lstrip('/')}#environment" in asked["sparkSubmitParameters"].split()
    assert asked["entryPoint"] == f"s3://{entry.lstrip('/')}"
    assert asked["entryPointArguments"] == ["run", "silver.patient", "--env", "staging", "--json"]
    assert server.script.objects[archive][0] == submission.archive.read_bytes()


@pytest.mark.parametrize(
    ("told", "exit_code", "words"),
    [
        (
            {"code": "rule-blocked", "what": "A rule failed", "exit_code": 4, "found": "3 rows"},
            4,
            "rule-blocked",
        ),
        ({"code": "lake-busy", "what": "Busy", "exit_code": 7}, 7, "lake-busy"),
        (None, 5, "logs 00r1"),
    ],
)
def test_the_error_of_a_job_is_the_error_of_its_submission(
    server, environment, submission, told, exit_code, words
):
    """An error of ours in the driver's log keeps its exit code; anything else points at the logs."""
    server.script.states = ["FAILED: Job failed"]
    server.script.stderr = "Traceback of somebody\n" + (json.dumps(told) if told else "")
    outcome = aws.Jobs(environment).submit(submission, lambda _: None)
    with pytest.raises(A360Error) as caught:
        outcome.require_success()
    assert (caught.value.code.slug, caught.value.exit_code) == ("job-failed", exit_code)
    assert words in str(caught.value)


def test_a_cancelled_run_is_an_error_too(server, environment, submission):
    """A run that somebody cancelled is no success, and says what to do."""
    server.script.states = ["CANCELLED: by an operator"]
    with pytest.raises(A360Error, match="job-cancelled"):
        aws.Jobs(environment).submit(submission, lambda _: None).require_success()


def test_a_run_that_has_ended_is_not_cancelled(server, environment, submission):
    """Cancelling looks first: what has ended is left as it is."""
    jobs = aws.Jobs(environment)
    run = jobs.submit(submission, lambda _: None).run
    assert jobs.cancel(run.id).state == "SUCCESS"
    assert server.script.cancelled == []


BEFORE = [
    ({"account": "999999999999"}, "aws-credentials"),
    ({"application": {"releaseLabel": "emr-7.9.0", "architecture": "X86_64"}}, "archive-unfit"),
    ({"application": {"releaseLabel": "emr-spark-8.2.0", "architecture": "ARM64"}}, "archive-unfit"),
    ({"get": [Refusal(404, "ResourceNotFoundException", "no application")]}, "aws-missing"),
    ({"get": [Refusal(403, "AccessDeniedException", "not authorized")]}, "denied"),
    ({"get": [Refusal(403, "ExpiredTokenException", "expired")]}, "aws-credentials"),
    ({"refused_buckets": {"artifacts": Refusal(404, "NoSuchBucket")}}, "aws-missing"),
    ({"refused_buckets": {"artifacts": Refusal(403, "AccessDenied")}}, "denied"),
    ({"start": [Refusal(403, "AccessDeniedException", "iam:PassRole")]}, "denied"),
    ({"start": [Refusal(409, "ConflictException", "application is STOPPING")]}, "aws-failed"),
]


@pytest.mark.parametrize(("changed", "code"), BEFORE, ids=itertools.count())
def test_what_stands_in_the_way_is_told_and_nothing_is_started(
    server, environment, submission, changed, code
):
    """Account, application, places and rights are looked at before a run is started; each has its code."""
    for name, value in changed.items():
        setattr(server.script, name, value)
    with pytest.raises(A360Error) as caught:
        aws.Jobs(environment).submit(submission, lambda _: None)
    assert caught.value.code.slug == code
    assert isinstance(caught.value, DeniedError) == (code == "denied")
    assert caught.value.next_step
    assert server.script.runs == {}


def test_without_credentials_nothing_is_asked(server, environment, submission, monkeypatch):
    """No credentials are an error of their own, with how to get some."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(A360Error, match="aws-credentials"):
        aws.Jobs(environment).submit(submission, lambda _: None)


def test_an_archive_for_other_workers_is_refused(environment, submission, tmp_path):
    """Release and processors of the archive are those of the environment, or nothing is sent."""
    other = tmp_path / "other.tar.gz"
    aws.pack(tmp_path / "root", other, aws.Manifest("emr-spark-8.2.0", "arm64", "3.12.9", {}))
    for path in (other, tmp_path / "none.tar.gz", tmp_path / "environments/staging.yaml"):
        with pytest.raises(A360Error, match="archive-unfit"):
            aws.Jobs(environment).submit(replace(submission, archive=path), lambda _: None)


def test_logs_that_come_late_are_waited_for_and_those_that_never_come_hide_no_outcome(
    server, environment, time
):
    """The driver's streams are taken when both are there, and the last attempt's of several."""
    run = aws.Run("00r9", APPLICATION, "SUCCESS", logs="s3://logs/spark/")
    place = f"/logs/spark/applications/{APPLICATION}/jobs/00r9"

    def wait(seconds):
        time.wait(seconds)
        if time.now > 20:
            server.script.objects[f"{place}/attempts/1/SPARK_DRIVER/stdout"] = (b"old", {})
            server.script.objects[f"{place}/attempts/2/SPARK_DRIVER/stdout"] = (b"new", {})
            server.script.objects[f"{place}/attempts/2/SPARK_DRIVER/stderr.gz"] = (b"no gzip", {})

    log = Logs(Aws(environment), wait, time.clock).of(run)
    assert (log.stdout, 20 < time.now < 40) == ("new", True)
    assert "no whole gzip" in log.stderr
    assert Logs(Aws(environment), time.wait, time.clock).of(replace(run, id="00r8")).stdout == ""
