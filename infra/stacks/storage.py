"""Where the bytes lie: keys by sensitivity, buckets for zones, results, logs and the audit."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.bucket import LakeBucket
from infra.contracts_adapter import Deployment, days_of
from infra.stacks._stack import LakeStack

AUDIT_DAYS = 2_190
"""45 CFR 164.316(b)(2)(i): documentation is kept for six years."""
RESULT_DAYS = 30
LOG_DAYS = 400
_PENDING_DAYS = 30  # in which the deletion of a key can be called off, the longest there is


class StorageStack(LakeStack):
    """Keys and buckets; all of them stay when the stack goes."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "storage", deployment)
        self.keys = {each: self._key(each) for each in (*deployment.sensitivities, "audit")}
        self.logs = self._log_bucket()
        self.zones = {zone: self._zone_bucket(zone) for zone in deployment.zones}
        self.results = self._bucket("athena-results", "phi", [_expire("results", RESULT_DAYS)])
        self.artifacts = self._bucket("artifacts", "operational", [])
        self.audit = self._bucket("audit", "audit", [], locked_days=AUDIT_DAYS)
        self._let_services_record()
        self._let_glue_log()

    def _key(self, sensitivity: str) -> kms.Key:
        alias = self.names.key_alias(sensitivity)
        key = kms.Key(
            self,
            f"key-{sensitivity}",
            alias=alias,
            description=f"{self.names.prefix}: {sensitivity}",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(_PENDING_DAYS),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.publish(key.key_arn, "keys", sensitivity)
        return key

    def _let_glue_log(self) -> None:
        """Jobs of Glue have CloudWatch encrypt what they log by the key of patients' data."""
        at = f"{self.names.region}:{self.names.account}"
        context = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{at}:log-group:/aws-glue/jobs/*"}
        self.keys["phi"].add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{self.names.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],  # of a key's own policy: this key
                conditions={"ArnLike": context},
            )
        )

    def _log_bucket(self) -> s3.Bucket:
        """Access logs are delivered to buckets under S3's own keys alone."""
        return s3.Bucket(
            self,
            "access-logs",
            bucket_name=self.names.bucket("access-logs"),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[_expire("logs", LOG_DAYS)],
        )

    def _zone_bucket(self, zone: str) -> LakeBucket:
        """Rows leave by the lake's own retention; a deleted file's versions stay as long as its snapshots."""
        kept = [
            days_of(table.retention.snapshots)
            for table in self.deployment.tables(zone)
            if table.retention.snapshots
        ]
        rules = [
            s3.LifecycleRule(
                id="deleted-files",
                noncurrent_version_expiration=cdk.Duration.days(max(kept, default=30)),
                expired_object_delete_marker=True,
            )
        ]
        return self._bucket(zone, self.deployment.zone_sensitivity(zone), rules)

    def _let_services_record(self) -> None:
        """CloudTrail and Config write to the audit's bucket, for this account alone."""
        account = self.names.account
        for service, folder in (("cloudtrail", "cloudtrail"), ("config", "config")):
            writer = iam.ServicePrincipal(f"{service}.amazonaws.com")
            own = {"aws:SourceAccount": account}
            bucket = self.audit.bucket
            bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[writer],
                    actions=["s3:GetBucketAcl", "s3:ListBucket"],
                    resources=[bucket.bucket_arn],
                    conditions={"StringEquals": own},
                )
            )
            bucket.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[writer],
                    actions=["s3:PutObject"],
                    resources=[f"{bucket.bucket_arn}/{folder}/AWSLogs/{account}/*"],
                    conditions={"StringEquals": {**own, "s3:x-amz-acl": "bucket-owner-full-control"}},
                )
            )
            self.keys["audit"].add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[writer],
                    actions=["kms:GenerateDataKey", "kms:DescribeKey", "kms:Decrypt"],
                    resources=["*"],
                    conditions={"StringEquals": own},
                )
            )

    def _bucket(
        self, purpose: str, sensitivity: str, rules: list[s3.LifecycleRule], *, locked_days: int | None = None
    ) -> LakeBucket:
        return LakeBucket(
            self,
            purpose,
            name=self.names.bucket(purpose),
            key=self.keys[sensitivity],
            logs=self.logs,
            rules=rules,
            locked_days=locked_days,
        )


def _expire(rule: str, days: int) -> s3.LifecycleRule:
    return s3.LifecycleRule(
        id=rule,
        expiration=cdk.Duration.days(days),
        noncurrent_version_expiration=cdk.Duration.days(days),
    )
