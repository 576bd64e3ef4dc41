"""Adapters to AWS: Glue's catalog, jobs on EMR Serverless, keys under KMS. boto3 is imported where needed."""

from typing import TYPE_CHECKING

from a360._lazy import lazily

if TYPE_CHECKING:
    from a360.aws._anchor import LockedBucket
    from a360.aws._archive import Manifest, digest_of, pack, read_manifest
    from a360.aws._athena import LONGEST_SECONDS, Answered, Athena
    from a360.aws._athena_engine import AthenaSession
    from a360.aws._athena_rows import rows_of
    from a360.aws._athena_sql import deployed_sql
    from a360.aws._clients import Aws
    from a360.aws._jobs import Jobs, Outcome, Submission, spark_of
    from a360.aws._kms import KmsForm, KmsKeyStore
    from a360.aws._lake_catalog import names_of, open_catalog
    from a360.aws._lake_formation import LakeFormation, LfDrift, LfItem
    from a360.aws._landing import LandedObject, fetch_object
    from a360.aws._metrics import Metrics
    from a360.aws._package import Packager, packager
    from a360.aws._places import DriverLog
    from a360.aws._release import Release, release_of
    from a360.aws._request import Job
    from a360.aws._runs import Run, Runs
    from a360.aws._secrets import secret_text
    from a360.aws._sizing import Rate, Rates, Sizing, Work, measured_rates, propose
    from a360.aws._upload import Uploaded, upload_landing
    from a360.aws._volumes import Volume, volumes_of, work_of
    from a360.aws._workers import SHAPES, Worker

_LAZY = {
    "LONGEST_SECONDS": "_athena",
    "SHAPES": "_workers",
    "Answered": "_athena",
    "Athena": "_athena",
    "AthenaSession": "_athena_engine",
    "Aws": "_clients",
    "DriverLog": "_places",
    "Job": "_request",
    "Jobs": "_jobs",
    "KmsForm": "_kms",
    "KmsKeyStore": "_kms",
    "LakeFormation": "_lake_formation",
    "LandedObject": "_landing",
    "LfDrift": "_lake_formation",
    "LfItem": "_lake_formation",
    "LockedBucket": "_anchor",
    "Manifest": "_archive",
    "Metrics": "_metrics",
    "Outcome": "_jobs",
    "Packager": "_package",
    "Rate": "_sizing",
    "Rates": "_sizing",
    "Release": "_release",
    "Run": "_runs",
    "Runs": "_runs",
    "Sizing": "_sizing",
    "Submission": "_jobs",
    "Uploaded": "_upload",
    "Volume": "_volumes",
    "Work": "_sizing",
    "Worker": "_workers",
    "deployed_sql": "_athena_sql",
    "digest_of": "_archive",
    "fetch_object": "_landing",
    "measured_rates": "_sizing",
    "names_of": "_lake_catalog",
    "open_catalog": "_lake_catalog",
    "pack": "_archive",
    "packager": "_package",
    "propose": "_sizing",
    "read_manifest": "_archive",
    "release_of": "_release",
    "rows_of": "_athena_rows",
    "secret_text": "_secrets",
    "spark_of": "_jobs",
    "upload_landing": "_upload",
    "volumes_of": "_volumes",
    "work_of": "_volumes",
}

__all__ = [
    "LONGEST_SECONDS",
    "SHAPES",
    "Answered",
    "Athena",
    "AthenaSession",
    "Aws",
    "DriverLog",
    "Job",
    "Jobs",
    "KmsForm",
    "KmsKeyStore",
    "LakeFormation",
    "LandedObject",
    "LfDrift",
    "LfItem",
    "LockedBucket",
    "Manifest",
    "Metrics",
    "Outcome",
    "Packager",
    "Rate",
    "Rates",
    "Release",
    "Run",
    "Runs",
    "Sizing",
    "Submission",
    "Uploaded",
    "Volume",
    "Work",
    "Worker",
    "deployed_sql",
    "digest_of",
    "fetch_object",
    "measured_rates",
    "names_of",
    "open_catalog",
    "pack",
    "packager",
    "propose",
    "read_manifest",
    "release_of",
    "rows_of",
    "secret_text",
    "spark_of",
    "upload_landing",
    "volumes_of",
    "work_of",
]

__getattr__ = lazily(__name__, _LAZY)
