"""What jobs find and leave in S3: the archive, the entry file, and the driver's logs."""

import gzip
import io
import json
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a360.aws._archive import digest_of
from a360.aws._clients import Aws, told
from a360.aws._request import joined, place_of
from a360.aws._runs import Run
from a360.errors import OperatorError

# A driver tells little; a log beyond this is somebody else's.
_LARGEST_LOG = 64 << 20
_LOG_SECONDS = 90.0
_LOG_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class DriverLog:
    """What a run's driver wrote, as far as it lies in S3."""

    place: str
    stdout: str = ""
    stderr: str = ""

    @property
    def report(self) -> list[dict[str, Any]] | None:
        """The report of the run: the last line of standard output that is one."""
        return next((each for each in _objects(self.stdout) if isinstance(each, list)), None)

    @property
    def error(self) -> dict[str, Any] | None:
        """The error that ended it, as `--json` tells errors; None where there was none of ours.

        spark-submit hands Python's standard error on as its own standard output.
        """
        told = (each for each in _objects(f"{self.stderr}\n{self.stdout}") if isinstance(each, dict))
        return next((each for each in told if {"code", "what", "exit_code"} <= each.keys()), None)


def _objects(text: str) -> list[Any]:
    """The lines that are JSON arrays or objects, the last first."""
    found = []
    for line in reversed(text.splitlines()):
        if line[:1] in ("[", "{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def put(aws: Aws, place: str, path: Path, stem: str) -> str:
    """Put a file into a place under a name made of its content, unless it is there, and give its URI.

    Raises:
        OperatorError: `archive-unfit` where the file cannot be read.
    """
    try:
        digest = digest_of(path)
    except OSError as error:
        raise OperatorError(
            "archive-unfit",
            "A file that a job needs cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            next_step="make the archive with 'a360 spark package --output FILE', and name it with --archive",
        ) from None
    uri = joined(place, f"{stem}-{digest[:24]}{''.join(path.suffixes[-2:])}")
    bucket, key = place_of(uri)
    owner = {"ExpectedBucketOwner": aws.environment.account or ""}
    if not _is_there(aws, bucket, key, digest, owner):
        with told("put a file into S3", uri):
            aws.s3.upload_file(str(path), bucket, key, ExtraArgs={**owner, "Metadata": {"sha256": digest}})
    return uri


def _is_there(aws: Aws, bucket: str, key: str, digest: str, owner: dict[str, str]) -> bool:
    try:
        with told("look into the place of jobs in S3", f"s3://{bucket}/{key}"):
            found = aws.s3.head_object(Bucket=bucket, Key=key, **owner)
    except OperatorError as error:
        # a bucket that is missing answers so too, and the upload says which it is
        if error.code.slug == "aws-missing":
            return False
        raise
    return bool(found.get("Metadata", {}).get("sha256") == digest)


@dataclass(slots=True)
class Logs:
    """The logs of drivers. `wait` and `clock` are time itself, but in tests."""

    aws: Aws
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    patience: float = field(default=_LOG_SECONDS)

    def of(self, run: Run) -> DriverLog:
        """What the driver wrote; it comes to S3 a while after the run has ended, for which this waits.

        Raises:
            OperatorError: `aws-missing` where the run keeps no logs in S3, or their bucket is gone.
        """
        if not run.logs:
            raise OperatorError(
                "aws-missing",
                "The run keeps no logs in S3",
                where=f"run {run.id}",
                next_step="look for them in the console of EMR Serverless",
            )
        place = joined(run.logs, "applications", run.application, "jobs", run.id)
        deadline = self.clock() + self.patience
        while True:
            keys = self._driver_keys(place)
            if {"stdout", "stderr"} <= keys.keys() or self.clock() >= deadline:
                return DriverLog(place, *(self._text(place, keys.get(each)) for each in ("stdout", "stderr")))
            self.wait(_LOG_PAUSE)

    def _driver_keys(self, place: str) -> dict[str, str]:
        """The keys of the driver's streams; of several attempts, those of the last."""
        bucket, prefix = place_of(place)
        with told("list the logs of a run", place):
            pages = self.aws.s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=f"{prefix}/", ExpectedBucketOwner=self.aws.environment.account
            )
            keys = sorted(each["Key"] for page in pages for each in page.get("Contents", []))
        found = {}
        for key in keys:
            named = re.search(r"/SPARK_DRIVER/(stdout|stderr)(\.gz)?$", key)
            if named:
                found[named[1]] = key
        return found

    def _text(self, place: str, key: str | None) -> str:
        if key is None:
            return ""
        bucket, _ = place_of(place)
        with told("read a log of a run", f"s3://{bucket}/{key}"):
            answer = self.aws.s3.get_object(
                Bucket=bucket, Key=key, ExpectedBucketOwner=self.aws.environment.account
            )
            content = answer["Body"].read(_LARGEST_LOG)
        if key.endswith(".gz"):
            try:
                with gzip.open(io.BytesIO(content)) as stream:
                    content = stream.read(_LARGEST_LOG)
            except (OSError, EOFError, zlib.error):
                return "(a log that is no whole gzip file)\n"
        return str(content.decode(errors="replace"))
