"""Checkpoints of the audit log in a bucket whose objects nobody can change or delete before their time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from a360.aws._clients import Aws, told
from a360.aws._request import place_of
from a360.errors import A360Error, OperatorError

_SUFFIX = ".note"
_THERE = ("PreconditionFailed", "412", "ConditionalRequestConflict")


class LockedBucket:
    """A place of checkpoints in S3 under Object Lock in compliance mode.

    Each note is locked for as long as the log has to be kept. Of a note that lies there in several versions
    the first counts: whoever may write to the bucket can put others over it, or a mark that it is deleted,
    and both leave the first one where it is.

    Args:
        aws: The environment.
        place: `s3://bucket/prefix`.
        days: How long a note is locked.

    Raises:
        OperatorError: `audit-unwritable` where the bucket locks nothing.
    """

    def __init__(self, aws: Aws, place: str, days: int) -> None:
        self._aws = aws
        self._place = place.rstrip("/")
        self._bucket, prefix = place_of(place)
        self._prefix = f"{prefix}/" if prefix else ""
        self._days = days
        self._owner = {"Bucket": self._bucket, "ExpectedBucketOwner": aws.environment.account}
        self._require_lock()

    @property
    def label(self) -> str:
        """The place."""
        return self._place

    def names(self) -> Sequence[str]:
        """The names of all notes, sorted, those included that a mark says are deleted."""
        self.__dict__.pop("_first", None)  # another process may have signed
        return sorted(self._first)

    def read(self, name: str) -> bytes:
        """A note, as it was first written."""
        with self._usable("read a checkpoint"):
            found = self._aws.s3.get_object(
                Key=self._prefix + name, VersionId=self._first[name]["VersionId"], **self._owner
            )
            return bytes(found["Body"].read())

    def write(self, name: str, note: bytes) -> bool:
        """Keep a note, locked; False where there is one of this name."""
        until = datetime.now(UTC) + timedelta(days=self._days)
        try:
            with told("keep a checkpoint", self._place):
                self._aws.s3.put_object(
                    Key=self._prefix + name,
                    Body=note,
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ObjectLockMode="COMPLIANCE",
                    ObjectLockRetainUntilDate=until,
                    **self._owner,
                )
        except A360Error as error:
            if error.found.startswith(_THERE):
                return False
            raise _lost(self._place, error) from None
        self.__dict__.pop("_first", None)
        return True

    @cached_property
    def _first(self) -> Mapping[str, Mapping[str, Any]]:
        """The first version of each note."""
        found: dict[str, Mapping[str, Any]] = {}
        with self._usable("list checkpoints"):
            pages = self._aws.s3.get_paginator("list_object_versions").paginate(
                Prefix=self._prefix, **self._owner
            )
            for page in pages:
                for version in page.get("Versions", ()):
                    name = str(version["Key"]).removeprefix(self._prefix)
                    known = found.get(name)
                    if "/" in name or not name.endswith(_SUFFIX):
                        continue
                    if known is None or version["LastModified"] <= known["LastModified"]:
                        # They are listed newest first, so that of the same second the last is the first.
                        found[name] = version
        return found

    def _require_lock(self) -> None:
        with self._usable("look at the lock of the checkpoints' bucket"):
            answer = self._aws.s3.get_object_lock_configuration(**self._owner)
        if answer.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise _lost(self._place, "the bucket has no Object Lock")

    @contextmanager
    def _usable(self, what: str) -> Iterator[None]:
        try:
            with told(what, self._place):
                yield
        except A360Error as error:
            raise _lost(self._place, error) from None


def _lost(place: str, why: A360Error | str) -> OperatorError:
    return OperatorError(
        "audit-unwritable",
        "The place of the audit log's checkpoints cannot be used",
        where=place,
        found=why if isinstance(why, str) else why.found or why.what,
        next_step="see that the bucket is there, has Object Lock, and lets these credentials read and write",
    )
