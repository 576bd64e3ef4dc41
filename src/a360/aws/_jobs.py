"""Jobs of one environment: submitted, looked at, ended early; their outcome as a report or as an error."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from a360.aws._archive import Manifest, read_manifest
from a360.aws._clients import Aws, told
from a360.aws._places import DriverLog, Logs, put
from a360.aws._release import release_of
from a360.aws._request import Job, joined
from a360.aws._runs import ATTEMPTS, FINAL, Run, Runs, Watch
from a360.aws._sizing import Sizing
from a360.contract import Environment, SparkJobs
from a360.errors import (
    A360Error,
    ConflictError,
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
)

_CLASSES: dict[int, type[A360Error]] = {
    each.exit_code: each
    for each in (
        InternalError,
        ContractError,
        DataError,
        OperatorError,
        DeniedError,
        ConflictError,
    )
}
_MACHINES = {"X86_64": "x86_64", "ARM64": "arm64"}


def spark_of(environment: Environment) -> SparkJobs:
    """Where an environment's jobs run.

    Raises:
        OperatorError: `jobs-undeclared`.
    """
    if environment.spark is None:
        raise OperatorError(
            "jobs-undeclared",
            "The environment does not say where Spark jobs run",
            where=f"environments/{environment.name}.yaml",
            found="no `spark`",
            next_step="name an environment on AWS with --env; docs/contracts.md#environments shows the keys",
        )
    return environment.spark


@dataclass(frozen=True, slots=True)
class Submission:
    """What is to be submitted."""

    datasets: Sequence[str]
    sizing: Sizing
    archive: Path
    full: bool = False
    detach: bool = False
    attempts: int = ATTEMPTS
    token: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, with what its driver wrote."""

    run: Run
    log: DriverLog | None = None

    def to_json(self) -> dict[str, Any]:
        """The outcome as an object; `report` is what `a360 run --json` answers."""
        return {**self.run.to_json(), "report": self.log.report if self.log else None}

    def require_success(self) -> None:
        """Raise what ended the run: an error of ours in its own class, so that its exit code is the job's.

        Raises:
            A360Error: `job-failed` or `job-cancelled`.
        """
        if self.run.state in FINAL and self.run.state != "SUCCESS":
            raise self._error()

    def _error(self) -> A360Error:
        run, told = self.run, (self.log.error if self.log else None) or {}
        where = f"run {run.id} of application {run.application}"
        if run.state == "CANCELLED":
            return OperatorError(
                "job-cancelled",
                "The run was cancelled, or ran out of its time",
                where=where,
                found=run.details,
                next_step="submit it again, with more `timeoutMinutes` where it took too long",
            )
        if told:
            kind = _CLASSES.get(int(told["exit_code"]), OperatorError)
            return kind(
                "job-failed",
                f"The run failed: {told['what']} [{told['code']}]",
                where="; ".join(filter(None, (where, str(told.get("where", ""))))),
                found=str(told.get("found", "")),
                next_step=str(told.get("next", "")),
            )
        return OperatorError(
            "job-failed",
            "The run failed",
            where=where,
            found=run.details,
            next_step=f"'a360 spark logs {run.id}' shows what its driver wrote",
        )


class Jobs:
    """The Spark jobs of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.spark = spark_of(environment)
        self.environment = environment

    @cached_property
    def _aws(self) -> Aws:
        aws = Aws(self.environment)
        aws.require_account()
        return aws

    @property
    def runs(self) -> Runs:
        """The runs of the environment's application."""
        return Runs(self._aws, self.spark.application)

    def job(self, submission: Submission, archive: str, entry: str) -> Job:
        """What is to run, with the files of the submission where they lie in S3."""
        return Job(
            self.environment.name, self.spark, tuple(submission.datasets), submission.full,
            submission.sizing, archive, entry,
        )  # fmt: skip

    def planned(self, submission: Submission) -> dict[str, Any]:
        """The request that a submission would send; nothing is asked of AWS."""
        self._require_fit(read_manifest(submission.archive))
        name = joined(self.spark.artifacts, f"environment-SHA256{''.join(submission.archive.suffixes[-2:])}")
        return self.job(submission, name, joined(self.spark.artifacts, "job-SHA256.py")).request("TOKEN")

    def submit(self, submission: Submission, watch: Watch) -> Outcome:
        """Put the files where they belong, run the job, and bring back what its driver wrote.

        Raises:
            OperatorError: `archive-unfit`, `aws-…`, `job-unfinished`.
            DeniedError: `denied`.
        """
        self._require_fit(read_manifest(submission.archive))
        self._require_application()
        archive = put(self._aws, self.spark.artifacts, submission.archive, "environment")
        entry = put(self._aws, self.spark.artifacts, entry_file(), "job")
        run = self.runs.carry_out(
            self.job(submission, archive, entry),
            submission.token or secrets.token_hex(16),
            watch,
            attempts=submission.attempts,
            detach=submission.detach,
        )
        return Outcome(run, None if submission.detach else self.log(run))

    def status(self, run: str) -> Run:
        """A run as it stands."""
        return self.runs.get(run)

    def cancel(self, run: str) -> Run:
        """End a run early; one that has ended is left as it is."""
        seen = self.runs.get(run)
        return seen if seen.state in FINAL else self.runs.cancel(run)

    def log(self, run: Run) -> DriverLog | None:
        """What a run's driver wrote; None where it cannot be had, which hides no outcome."""
        # who is cancelled before it began has written nothing
        logs = Logs(self._aws, patience=0) if run.state == "CANCELLED" else Logs(self._aws)
        try:
            return logs.of(run)
        except A360Error:
            return None

    def require_log(self, run: str) -> DriverLog:
        """The same of a run by its id, with the reason where it cannot be had."""
        return Logs(self._aws, patience=0).of(self.runs.get(run))

    def _require_application(self) -> None:
        spark = self.spark
        with told("tell of the application", f"application {spark.application}"):
            found = self._aws.emr.get_application(applicationId=spark.application)["application"]
        machine = _MACHINES.get(found.get("architecture", "X86_64"), "")
        if found["releaseLabel"] != spark.release or machine != spark.architecture:
            raise OperatorError(
                "archive-unfit",
                "The application is not the one that the environment declares",
                where=f"application {spark.application}, environments/{self.environment.name}.yaml",
                found=f"{found['releaseLabel']} on {machine}, not {spark.release} on {spark.architecture}",
                next_step="correct `release` and `architecture`, and make the archive for them",
            )

    def _require_fit(self, manifest: Manifest) -> None:
        release_of(self.spark.release)
        wanted, found = (
            (self.spark.release, self.spark.architecture),
            (manifest.release, manifest.architecture),
        )
        if wanted != found:
            raise OperatorError(
                "archive-unfit",
                "The archive was made for other workers",
                found=f"{' on '.join(found)}, not {' on '.join(wanted)}",
                next_step=f"a360 spark package --env {self.environment.name} --output FILE",
            )


def entry_file() -> Path:
    """The file that spark-submit is given: of the package, or of the checkout it lies in."""
    packed = Path(str(files("a360") / "_defaults" / "job.py"))
    return packed if packed.is_file() else Path(__file__).parents[3] / "spark" / "src" / "job.py"
