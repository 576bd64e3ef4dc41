"""Files put into `landing/` of a lake's bucket, each once: what lies there already is left as it is."""

import hashlib
import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from a360.aws._clients import Aws, told
from a360.aws._landing import PLACE

_DIGEST: Final = "a360-sha256"
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file of a sample: its key, its size in bytes, and whether it had to be sent."""

    key: str
    bytes: int
    sent: bool


def upload_landing(
    aws: Aws,
    bucket: str,
    source: str,
    files: Iterable[tuple[str, Path]],
    progress: Callable[[Uploaded], None] = lambda _: None,
) -> Sequence[Uploaded]:
    """Put files, each of a kind, below `landing/KIND/SOURCE/` by their own names.

    The bucket encrypts them by its own key. A file whose content lies there already is not sent again, so
    that a call that died is gone on with by the next.

    Raises:
        OperatorError: `aws-credentials`, also where they are of another account; `aws-missing` for a bucket
            that is not there; `aws-failed`.
        DeniedError: `denied`.
    """
    aws.require_account()
    owner = {"ExpectedBucketOwner": aws.environment.account}
    with told("reach the bucket of bronze", bucket):
        aws.s3.head_bucket(Bucket=bucket, **owner)
    done = []
    for kind, path in files:
        key = f"{PLACE}/{kind}/{source}/{path.name}"
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        with told("put a file into landing", bucket):
            sent = _digest_there(aws, bucket, key, owner) != digest
            if sent:
                aws.s3.upload_file(
                    str(path),
                    bucket,
                    key,
                    ExtraArgs={"Metadata": {_DIGEST: digest}, "ChecksumAlgorithm": "SHA256", **owner},
                )
        done.append(Uploaded(key, path.stat().st_size, sent))
        progress(done[-1])
    return done


def _digest_there(aws: Aws, bucket: str, key: str, owner: dict[str, Any]) -> str | None:
    """The digest of the content that lies under a key, if anything does."""
    try:
        there: dict[str, Any] = aws.s3.head_object(Bucket=bucket, Key=key, **owner)
    except importlib.import_module("botocore.exceptions").ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise
    found: str | None = there["Metadata"].get(_DIGEST)
    return found
