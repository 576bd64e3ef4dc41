"""Where the checkpoints of a lake's audit log lie, as its settings have it."""

from pathlib import Path

from a360.contract import default_contracts, load_environment
from a360.errors import OperatorError
from a360.settings import Settings
from a360.trust.audit import CheckpointFolder, CheckpointPlace


def checkpoint_place(settings: Settings, contracts: Path | None = None) -> CheckpointPlace | None:
    """The place that settings name; None where checkpoints lie beside the log.

    Raises:
        OperatorError: `audit-unwritable` where it cannot be used; `setting-invalid` where there are two;
            `not-on-aws` where it is a bucket, and the environment is this machine.
    """
    folder, bucket = settings.audit_anchor, settings.audit_bucket
    if bucket is None:
        return CheckpointFolder(folder) if folder else None
    if folder is not None:
        raise OperatorError(
            "setting-invalid",
            "Checkpoints of the audit log have one place",
            found="both audit_anchor and audit_bucket are set",
            next_step="unset one of them",
        )
    environment = load_environment(contracts or settings.contracts or default_contracts(), settings.env)
    if environment.kind != "aws":
        raise OperatorError(
            "not-on-aws",
            "Checkpoints of the audit log are to lie in a bucket, and this environment is none of AWS",
            where=f"environment {environment.name}",
            found=bucket,
            next_step="name an environment on AWS, as --env staging, or unset A360_AUDIT_BUCKET",
        )
    from a360.aws import Aws, LockedBucket  # noqa: PLC0415 -- an extra

    return LockedBucket(Aws(environment), bucket, settings.audit_retention_days)
