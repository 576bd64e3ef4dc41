"""Runs on EMR Serverless: started once, watched to their end, and ended early if asked."""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from a360.aws._clients import Aws, told
from a360.aws._request import Job, token_of
from a360.errors import A360Error, OperatorError

FINAL = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
ATTEMPTS = 3
_FIRST_POLL, _LONGEST_POLL = 2.0, 20.0
_CAPACITY_WAIT = (60.0, 240.0)
_CANCEL_SECONDS = 90.0
# How long AWS may be out of reach before a run is left to itself: it goes on without us.
_PATIENCE_SECONDS = 300.0
# A run waits for the application to start, and in its queue, before its own time-out counts.
_QUEUE_SECONDS = 3600.0
_CAPACITY = re.compile(
    r"MaxCapacity|insufficient.{0,20}capacity|capacity.{0,20}(unavailable|not available|exceeded)"
    r"|concurrent vCPU|quota|free (IP )?addresses|Throttl|TooManyRequests",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as AWS tells it."""

    id: str
    application: str
    state: str
    details: str = ""
    name: str = ""
    logs: str = ""
    seconds: int = 0
    billed: dict[str, float] = field(default_factory=dict)

    @property
    def lacked_capacity(self) -> bool:
        """Whether it failed for want of workers, so that it may succeed later."""
        return self.state == "FAILED" and _CAPACITY.search(self.details) is not None

    def to_json(self) -> dict[str, Any]:
        """The run as an object."""
        return {
            "run": self.id,
            "application": self.application,
            "state": self.state,
            "details": self.details,
            "name": self.name,
            "logs": self.logs,
            "seconds": self.seconds,
            "billed": self.billed,
        }


type Watch = Callable[[Run], None]


def _unwatched(_run: Run) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Runs:
    """The runs of one application. `wait` and `clock` are time itself, but in tests."""

    aws: Aws
    application: str
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def get(self, run: str) -> Run:
        """A run as it stands.

        Raises:
            OperatorError: `aws-missing` where there is no such run.
        """
        with told("tell of a run", f"run {run} of application {self.application}"):
            answer = self.aws.emr.get_job_run(applicationId=self.application, jobRunId=run)["jobRun"]
        billed = answer.get("billedResourceUtilization") or answer.get("totalResourceUtilization") or {}
        monitoring = (answer.get("configurationOverrides") or {}).get("monitoringConfiguration") or {}
        return Run(
            answer["jobRunId"],
            answer["applicationId"],
            answer["state"],
            answer.get("stateDetails") or "",
            answer.get("name") or "",
            (monitoring.get("s3MonitoringConfiguration") or {}).get("logUri", ""),
            int(answer.get("totalExecutionDurationSeconds") or 0),
            {name: float(value) for name, value in billed.items()},
        )

    def start(self, job: Job, token: str) -> str:
        """Start a job's run, and give its id; a second call with the same token gives the same run."""
        with told("start a job", f"application {self.application}"):
            return str(self.aws.emr.start_job_run(**job.request(token))["jobRunId"])

    def cancel(self, run: str) -> Run:
        """End a run early, and wait until it has ended, or for a minute and a half."""
        with told("cancel a run", f"run {run} of application {self.application}"):
            self.aws.emr.cancel_job_run(applicationId=self.application, jobRunId=run)
        return self._until(run, self.clock() + _CANCEL_SECONDS, _unwatched)

    def follow(self, run: str, watch: Watch, *, seconds: float) -> Run:
        """Watch a run until it has ended; `watch` hears of each state.

        Raises:
            OperatorError: `job-unfinished` where it has not ended after `seconds`.
        """
        seen = self._until(run, self.clock() + seconds + _QUEUE_SECONDS, watch)
        if seen.state not in FINAL:
            raise OperatorError(
                "job-unfinished",
                "The run has not ended in the time it was given; it is not waited for any longer",
                where=f"run {run} of application {self.application}",
                found=f"{seen.state} {seen.details}".strip(),
                next_step=f"'a360 spark status {run}' tells more, 'a360 spark cancel {run}' ends it",
            )
        return seen

    def carry_out(
        self, job: Job, token: str, watch: Watch, *, attempts: int = ATTEMPTS, detach: bool = False
    ) -> Run:
        """Start a job and watch it to its end; where workers are lacking, again after a while.

        Who interrupts it ends the run, unless it was to go on by itself. A job that ran in part is safe to
        run again: what it has committed is found unchanged.
        """
        for attempt in range(1, attempts + 1):
            run = self._started(job, token_of(token, attempt), watch, last=attempt == attempts)
            if run is not None:
                if detach:
                    return self.get(run)
                ended = self._followed(run, job, watch)
                if not ended.lacked_capacity or attempt == attempts:
                    return ended
            self.wait(random.uniform(*_CAPACITY_WAIT) * attempt)  # noqa: S311 - jitter, not a secret
        raise AssertionError("the last attempt returns or raises")

    def _started(self, job: Job, token: str, watch: Watch, *, last: bool) -> str | None:
        """The id of the run; None where AWS had no room for it, and there is another attempt."""
        try:
            return self.start(job, token)
        except KeyboardInterrupt:
            # AWS may have started it: the same token says which it is.
            self.cancel(self.start(job, token))
            raise
        except OperatorError as error:
            if last or error.code.slug != "aws-failed" or not _CAPACITY.search(error.found):
                raise
            watch(Run("", self.application, "REFUSED", error.found, job.name))
            return None

    def _followed(self, run: str, job: Job, watch: Watch) -> Run:
        try:
            return self.follow(run, watch, seconds=job.spark.timeout_minutes * 60)
        except KeyboardInterrupt:
            watch(self.cancel(run))
            raise

    def _until(self, run: str, deadline: float, watch: Watch) -> Run:
        """The run when it has ended, or as it stands at the deadline."""
        pause, reached, told_of = _FIRST_POLL, self.clock(), ("", "")
        while True:
            try:
                seen = self.get(run)
            except A360Error as error:
                if error.code.slug != "aws-failed" or self.clock() - reached > _PATIENCE_SECONDS:
                    raise
            else:
                reached = self.clock()
                if (seen.state, seen.details) != told_of:
                    told_of, pause = (seen.state, seen.details), _FIRST_POLL
                    watch(seen)
                if seen.state in FINAL or self.clock() >= deadline:
                    return seen
            self.wait(pause * random.uniform(0.8, 1.2))  # noqa: S311 - likewise
            pause = min(pause * 1.5, _LONGEST_POLL)
