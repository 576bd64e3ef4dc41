"""Buckets as the lake has them."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

_ABANDONED_UPLOADS = 7  # days


class LakeBucket(Construct):
    """A bucket without public access or plain HTTP; versioned, encrypted, logged, kept for good."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own word
        *,
        name: str,
        key: kms.IKey,
        logs: s3.IBucket | None,
        rules: Sequence[s3.LifecycleRule] = (),
        locked_days: int | None = None,
    ) -> None:
        """`locked_days`: for how long nobody, not even the root user, can delete what was written."""
        super().__init__(scope, id)
        self.bucket = s3.Bucket(
            self,
            "bucket",
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=f"{id}/" if logs else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="abandoned-uploads",
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(_ABANDONED_UPLOADS),
                ),
                *rules,
            ],
            object_lock_enabled=locked_days is not None,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(cdk.Duration.days(locked_days)) if locked_days else None
            ),
        )
        # The CDK's own switch brings a Lambda function that sets this; CloudFormation can do it by itself.
        bucket: s3.CfnBucket = self.bucket.node.default_child
        bucket.add_property_override(
            "NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True
        )
