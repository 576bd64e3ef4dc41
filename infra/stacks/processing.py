"""What computes: Spark on EMR Serverless, and Athena for those who ask and for silver to gold."""

from aws_cdk import aws_athena as athena
from aws_cdk import aws_emrserverless as emr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs import statements
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

SCAN_LIMIT = 1 << 40
"""Bytes that one query may read where neither its role's budget nor anything else says how many."""
_LEAST_SCAN_LIMIT = 10_000_000  # what Athena takes
_IDLE_MINUTES = 15
_GIB_A_VCPU = 4
_WRITTEN = ("silver", "gold", "quarantine", "ops")


class ProcessingStack(LakeStack):
    """The application of EMR Serverless, the role of its jobs, and a workgroup of Athena for each role."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "processing", deployment)
        self.spark = self._spark()
        self.job_role = self._job_role()
        self.workgroups = [
            self._workgroup(role.name, role.budget.scanned_bytes) for role in deployment.plan.policy.roles
        ]
        self.workgroups.append(self._workgroup("refine", None))
        self.publish(self.spark.attr_application_id, "spark", "application")
        self.publish(self.job_role.role_arn, "spark", "role")

    def _spark(self) -> emr.CfnApplication:
        declared = self.deployment.environment.spark
        vcpus = declared.max_vcpus if declared else 64
        return emr.CfnApplication(
            self,
            "spark",
            name=self.names.of("spark"),
            type="SPARK",
            release_label=declared.release if declared else "emr-spark-8.2.0",
            architecture=(declared.architecture if declared else "x86_64").upper(),
            auto_start_configuration=emr.CfnApplication.AutoStartConfigurationProperty(enabled=True),
            auto_stop_configuration=emr.CfnApplication.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=_IDLE_MINUTES
            ),
            maximum_capacity=emr.CfnApplication.MaximumAllowedResourcesProperty(
                cpu=f"{vcpus} vCPU", memory=f"{vcpus * _GIB_A_VCPU} GB"
            ),
            network_configuration=emr.CfnApplication.NetworkConfigurationProperty(
                subnet_ids=[self.published("network", "subnets", each) for each in ("0", "1")],
                security_group_ids=[self.published("network", "workers")],
            ),
            monitoring_configuration=self._monitoring(),
        )

    def _monitoring(self) -> emr.CfnApplication.MonitoringConfigurationProperty:
        """Logs under a customer key in the artifacts' bucket; AWS's own copy of them is off."""
        key = self.published("keys", "operational")
        return emr.CfnApplication.MonitoringConfigurationProperty(
            s3_monitoring_configuration=emr.CfnApplication.S3MonitoringConfigurationProperty(
                log_uri=f"s3://{self.names.bucket('artifacts')}/spark/logs/", encryption_key_arn=key
            ),
            managed_persistence_monitoring_configuration=(
                emr.CfnApplication.ManagedPersistenceMonitoringConfigurationProperty(enabled=False)
            ),
        )

    def _job_role(self) -> iam.Role:
        """What a job runs as. It reads bronze and writes what is made of it; it cannot pass on its role."""
        names = self.names
        role = iam.Role(
            self,
            "job-role",
            role_name=names.role("spark"),
            description="Jobs of Spark that make silver and gold",
            assumed_by=iam.ServicePrincipal(
                "emr-serverless.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": names.account},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:aws:emr-serverless:{names.region}:{names.account}:"
                        "/applications/*"
                    },
                },
            ),
        )
        arns = [self.published("keys", each) for each in self.deployment.sensitivities]
        for statement in (
            *statements.objects(names, ["bronze"]),
            *statements.objects(names, [*_WRITTEN, "artifacts"], write=True),
            statements.keys(arns, write=True),
            *statements.catalog(names, self.deployment.zones, write=True),
        ):
            role.add_to_policy(statement)
        return role

    def _workgroup(self, role: str, scanned_bytes: int | None) -> athena.CfnWorkGroup:
        """Encryption, place of results and the limit are the workgroup's: a query cannot choose its own."""
        name = self.names.of(role.replace("_", "-"))
        return athena.CfnWorkGroup(
            self,
            f"workgroup-{role}",
            name=name,
            description=f"Queries of {role}",
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=max(scanned_bytes or SCAN_LIMIT, _LEAST_SCAN_LIMIT),
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self.names.bucket('athena-results')}/{role}/",
                    expected_bucket_owner=self.names.account,
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self.published("keys", "phi")
                    ),
                ),
            ),
        )
