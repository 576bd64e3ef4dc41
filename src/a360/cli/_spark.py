"""Spark jobs: packaged, sized, submitted and watched."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from a360 import aws
from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import plain, tell
from a360.cli._text import size as in_units
from a360.contract import default_contracts, load_contracts, make_plan
from a360.errors import OperatorError, UsageError
from a360.refine import selected_steps

if TYPE_CHECKING:
    from a360.contract import Environment, LakeContracts

_MAX_VCPUS = 64
_TAIL = 25


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `submit` was asked for."""

    datasets: Sequence[str]
    archive: Path
    minutes: float
    tables: Path | None
    executors: int | None
    worker: str | None
    attempts: int
    token: str | None
    full: bool
    detach: bool


def package(
    face: Face, output: Path, release: str | None, architecture: str | None, python: Path | None
) -> int | None:
    """Make the archive for what the environment, or the flags, name."""
    spark = _environment(face).spark
    release = release or (spark.release if spark else "emr-spark-8.2.0")
    architecture = architecture or (spark.architecture if spark else "x86_64")
    if architecture not in ("x86_64", "arm64"):
        raise UsageError(
            "usage", "EMR has no such processors", found=architecture, next_step="x86_64 or arm64"
        )
    made = aws.packager(release, architecture, python)
    output = output.expanduser()
    output.parent.mkdir(parents=True, exist_ok=True)
    told = made.build(output, lambda stage: face.note(f"package: {stage}"))
    bytes_ = output.stat().st_size
    answer = {
        "output": str(output),
        "bytes": bytes_,
        "sha256": aws.digest_of(output),
        "release": told.release,
        "architecture": told.architecture,
        "python": told.python,
        "packages": told.packages,
        "files": len(told.files),
    }
    face.emit(
        answer,
        f"{output}: {in_units(bytes_)}, {len(told.files):,} files, for {release} on {architecture}",
        f"Python {told.python}, a360 {told.product}, {len(told.packages) - 1} packages",
        f"sha256 {answer['sha256']}",
    )
    return None


def size(
    face: Face, datasets: Sequence[str], minutes: float, tables: Path | None, max_vcpus: int | None
) -> int | None:
    """Propose, and reason."""
    contracts = _contracts(face)
    spark = contracts.environment(face.settings.env).spark
    most = max_vcpus or (spark.max_vcpus if spark else _MAX_VCPUS)
    proposed = aws.propose(_work(face, contracts, datasets, tables), max_vcpus=most, minutes=minutes)
    face.emit(proposed.to_json(), *_reasons(proposed))
    return None


def submit(face: Face, wanted: Wanted, *, dry_run: bool) -> int | None:
    """Submit, wait, and answer as the run did; its error is raised as if it had happened here."""
    contracts = _contracts(face)
    jobs = aws.Jobs(contracts.environment(face.settings.env))
    selected_steps(make_plan(contracts, face.settings.env), wanted.datasets)
    sizing = _sizing(face, contracts, wanted, jobs.spark.max_vcpus)
    submission = aws.Submission(
        wanted.datasets, sizing, wanted.archive.expanduser(), full=wanted.full, detach=wanted.detach,
        attempts=wanted.attempts, token=_token(wanted.token),
    )  # fmt: skip
    if dry_run:
        planned = jobs.planned(submission)
        face.emit(planned, json.dumps(planned, indent=2))
        return None
    for line in _reasons(sizing):
        face.note(line)
    outcome = jobs.submit(submission, lambda run: _watched(face, run))
    if outcome.run.state != "SUCCESS" and outcome.log:
        for line in outcome.log.stderr.splitlines()[-_TAIL:]:
            face.note(f"  {line}")
    outcome.require_success()
    answer = outcome.to_json() | {"sizing": sizing.to_json()}
    if wanted.detach:
        face.emit(answer, f"{outcome.run.id} was started. Next: a360 spark status {outcome.run.id}")
        return None
    report = outcome.log.report if outcome.log else None
    billed = ", ".join(f"{value:,.2f} {name}" for name, value in outcome.run.billed.items())
    face.emit(
        answer,
        *(render.steps(report, face.out.width) if report else ["The driver's report is not in its logs."]),
        f"{outcome.run.id}: {outcome.run.seconds:,} s" + (f"; billed: {billed}" if billed else ""),
    )
    return None


def status(face: Face, run: str) -> int | None:
    """Show a run."""
    seen = _jobs(face).status(run)
    rows = [[name, value] for name, value in seen.to_json().items() if value not in ("", {}, 0)]
    face.emit(seen.to_json(), render.grid(["", ""], rows, widest=200, raw=True))
    return None


def logs(face: Face, run: str) -> int | None:
    """Print a driver's log: to a program both streams, to a person one after the other."""
    log = _jobs(face).require_log(run)
    told = {"place": log.place, "stdout": log.stdout, "stderr": log.stderr}
    lines = [plain(line) for text in (log.stderr, log.stdout) for line in text.splitlines()]
    face.emit(told, *(lines or [f"Nothing lies under {log.place} yet."]))
    return None


def cancel(face: Face, run: str) -> int | None:
    """End a run."""
    seen = _jobs(face).cancel(run)
    face.emit(seen.to_json(), f"{seen.id}: {seen.state}")
    return None


def _contracts(face: Face) -> "LakeContracts":
    return load_contracts(face.settings.contracts or default_contracts(), packs=face.settings.packs)


def _environment(face: Face) -> "Environment":
    return _contracts(face).environment(face.settings.env)


def _jobs(face: Face) -> "aws.Jobs":
    return aws.Jobs(_environment(face))


def _work(
    face: Face, contracts: "LakeContracts", datasets: Sequence[str], tables: Path | None
) -> "list[aws.Work]":
    steps = selected_steps(make_plan(contracts, face.settings.env), datasets)
    return aws.work_of(steps, _volumes(face, tables))


def _volumes(face: Face, tables: Path | None) -> "Mapping[str, aws.Volume]":
    if tables is not None:
        try:
            return aws.volumes_of(json.loads(tables.expanduser().read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise OperatorError(
                "input-missing",
                "The volumes of tables cannot be read",
                where=str(tables),
                found=getattr(error, "strerror", None) or "no JSON",
                next_step="write them with 'a360 tables --json'",
            ) from None
    with face.lake() as lake:
        return aws.volumes_of([asdict(each) for each in lake.tables_info()])


def _sizing(face: Face, contracts: "LakeContracts", wanted: Wanted, most: int) -> "aws.Sizing":
    """What is proposed, less what was said; without volumes, all must be said."""
    known = wanted.tables is not None or face.has_lake
    if not known and wanted.executors is None:
        raise UsageError(
            "usage",
            "The volumes to size the job by are not known here",
            where=str(face.settings.lake),
            found="no lake",
            next_step="name a lake with --lake, its volumes with --tables, or say how many with --executors",
        )
    work = _work(face, contracts, wanted.datasets, wanted.tables) if known else []
    sizing = aws.propose(work, max_vcpus=most, minutes=wanted.minutes)
    if wanted.worker is not None:
        sizing = replace(sizing, executor=_worker(wanted.worker, sizing.executor.disk_gb))
    if wanted.executors is not None:
        sizing = replace(sizing, executors=wanted.executors)
    if (wanted.worker or wanted.executors) and sizing.vcpus > most:
        raise UsageError(
            "usage",
            "The job would have more vCPUs than the environment allows it",
            found=f"{sizing.vcpus}, of {most}",
            next_step="ask for fewer, or raise `maxVcpus` in the environment",
        )
    return sizing if wanted.worker is None and wanted.executors is None else replace(sizing, reasons=())


def _worker(text: str, disk_gb: int) -> "aws.Worker":
    found = re.fullmatch(r"(\d{1,2})x(\d{1,3})", text)
    if found is None:
        raise UsageError("usage", "A worker is its vCPUs and GB of memory", found=text, next_step="as 4x16")
    return aws.Worker(int(found[1]), int(found[2]), disk_gb)


def _token(given: str | None) -> str:
    if given is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", given):
        raise UsageError(
            "usage",
            "A token is 1 to 60 letters, digits, dots, underscores and hyphens",
            found=f"{len(given)} characters",
            next_step="hand over the id of the scheduler's run, for one",
        )
    return given or ""


def _watched(face: Face, run: "aws.Run") -> None:
    """A line a change of state, on standard error: the answer is for standard output."""
    details = f" ({run.details})" if run.details else ""
    line = f"{datetime.now(UTC):%H:%M:%S} {run.id or 'start'}: {run.state}{details}"
    if not face.as_json:
        tell(plain(line))


def _reasons(sizing: "aws.Sizing") -> list[str]:
    many = "1 executor" if sizing.executors == 1 else f"{sizing.executors:,} executors"
    return [
        f"driver: {_described(sizing.driver)}",
        f"{many}: {_described(sizing.executor)}",
        *(f"  {reason}" for reason in sizing.reasons),
    ]


def _described(worker: "aws.Worker") -> str:
    return f"{worker.vcpus} vCPUs, {worker.memory_gb} GB of memory, {worker.disk_gb} GB of disk"
