"""Objects of `landing/`, where others put what is to be taken in, by the events in which S3 tells of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from a360.aws._clients import Aws, told
from a360.errors import DataError

PLACE: Final = "landing"
_CREATED: Final = "Object Created"
_CHUNK: Final = 1 << 20
# Below the place lie the kind, the source, and what the object is called.
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class LandedObject:
    """An object of `landing/KIND/SOURCE/`.

    Attributes:
        bucket: Its bucket.
        key: Its name, which may say who a patient is: it is told nobody.
        version: The version that S3 told of, where the bucket keeps versions.
        kind: As whose data it is taken in: `fhir`, `csv` and so on; the lake knows which there are.
        source: The source that it came from.
        name: The rest of its key, by which an extract is known.
    """

    bucket: str
    key: str
    version: str | None
    kind: str
    source: str
    name: Path

    @classmethod
    def told_in(cls, message: str, buckets: Mapping[str, object]) -> "LandedObject":
        """What an event of S3 tells of, as EventBridge puts it into a queue; `buckets` may be told of.

        Raises:
            DataError: `event-unknown`.
        """
        try:
            event = json.loads(message)
            detail = event["detail"]
            bucket, key = str(detail["bucket"]["name"]), str(detail["object"]["key"])
            version = detail["object"].get("version-id")
            kind_of_event = event["detail-type"]
        except (ValueError, KeyError, TypeError) as error:
            raise _unknown("it is no event of S3 as EventBridge tells it", type(error).__name__) from None
        if kind_of_event != _CREATED or bucket not in buckets:
            raise _unknown("an event of something else", "not of an object created in bronze's bucket")
        place, *parts = key.split("/")
        if place != PLACE or len(parts) < _DEPTH or not all(map(_is_plain, parts)):
            raise _unknown("an object that lies elsewhere", f"not {PLACE}/KIND/SOURCE/NAME")
        kind, source, *name = parts
        return cls(bucket, key, None if version is None else str(version), kind, source, Path(*name))


def fetch_object(aws: Aws, landed: LandedObject, folder: Path) -> Path:
    """Bring an object into a folder, below its own name; the version that was told of, and no other.

    Raises:
        OperatorError: `aws-credentials`, `aws-missing` or `aws-failed`.
        DeniedError: `denied`.
    """
    path = folder / landed.name
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Any] = {"Bucket": landed.bucket, "Key": landed.key}
    if landed.version is not None:
        wanted["VersionId"] = landed.version
    with told("read an object of landing", landed.bucket):
        body = aws.s3.get_object(**wanted, ExpectedBucketOwner=aws.environment.account)["Body"]
        with path.open("wb") as stream:
            for chunk in body.iter_chunks(_CHUNK):
                stream.write(chunk)
    return path


def _is_plain(part: str) -> bool:
    return part not in {"", ".", ".."} and "\0" not in part


def _unknown(tried: str, found: str) -> DataError:
    return DataError(
        "event-unknown",
        f"A message of the queue is not taken in: {tried}",
        found=found,
        next_step=f"put objects below {PLACE}/KIND/SOURCE/ of bronze's bucket, as docs/aws.md says",
    )
