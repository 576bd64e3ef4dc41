"""What others put into `landing/` on AWS, taken in."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from a360.contract import load_environment
from a360.errors import OperatorError
from a360.lake._lake import Lake
from a360.lake._reports import IngestReport

if TYPE_CHECKING:
    from a360.aws import LandedObject


def take_landed(lake: Lake, message: str) -> IngestReport:
    """Take in the object that a message tells of; one that the lake knows already changes nothing.

    Args:
        lake: A lake whose tables are in Glue.
        message: An event of S3, as EventBridge puts it into a queue.

    Raises:
        DataError: `event-unknown` for a message that tells of nothing to be taken in.
        OperatorError: `not-on-aws`; `storage-full` where it has no room here; of AWS, or of an ingest.
        UsageError: as `Lake.ingest`.
    """
    from a360.aws import Aws, LandedObject, fetch_object, names_of  # noqa: PLC0415 -- an extra

    parts = lake._for_all  # noqa: SLF001 -- this is a part of the lake
    environment = load_environment(parts.contracts, parts.settings.env)
    if environment.catalog is None:
        raise OperatorError(
            "not-on-aws",
            "The tables of this lake are not on AWS, and nothing lands there for it",
            where=f"environments/{environment.name}.yaml",
            next_step="name the environment of AWS with --env, or a360 ingest what lies here",
        )
    names = names_of(parts.plan.name, environment)
    landed = LandedObject.told_in(message, {names.bucket("bronze"): None})
    with tempfile.TemporaryDirectory(dir=parts.folder.tmp, prefix="landed-") as folder:
        try:
            path = fetch_object(Aws(environment), landed, Path(folder))
        except OSError as error:
            raise _no_room(landed, error) from error
        return lake.ingest(path, kind=landed.kind, source=landed.source)


def _no_room(landed: "LandedObject", error: OSError) -> OperatorError:
    return OperatorError(
        "storage-full",
        "An object of landing cannot be brought here to be taken in",
        where=landed.bucket,
        found=f"{error.strerror or type(error).__name__}; "
        f"{shutil.disk_usage(tempfile.gettempdir()).free >> 20} MiB are free",
        next_step="give the function more room, or put smaller objects there; the message comes again",
    )
