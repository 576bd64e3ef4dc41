"""CloudTrail and Config: the record of who called what, and of what stood how."""

from aws_cdk import aws_cloudtrail as cloudtrail
from aws_cdk import aws_config as config
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.names import Names

HIPAA_PACK = "AWSConformancePacks-OperationalBestPracticesforHIPAASecurity"
"""AWS's sample rules for the HIPAA Security Rule; to pass them is no proof of compliance."""


class Recorder(Construct):
    """A trail of all regions with what is done to objects, and Config with the pack of rules for HIPAA."""

    def __init__(self, scope: Construct, names: Names, *, zones: tuple[str, ...], audit_key: str) -> None:
        """`zones`: whose buckets' objects are watched; `audit_key`: the ARN of the key of the audit."""
        super().__init__(scope, "recorder")
        self._names = names
        self.trail = self._trail(zones, audit_key)
        self._config()

    def _trail(self, zones: tuple[str, ...], audit_key: str) -> cloudtrail.CfnTrail:
        watched = [f"{self._names.bucket_arn(zone)}/" for zone in (*zones, "athena-results", "audit")]
        return cloudtrail.CfnTrail(
            self,
            "trail",
            trail_name=self._names.of("trail"),
            is_logging=True,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            s3_bucket_name=self._names.bucket("audit"),
            s3_key_prefix="cloudtrail",
            kms_key_id=audit_key,
            advanced_event_selectors=[
                _selector("management", {"eventCategory": ["Management"]}),
                _selector(
                    "objects",
                    {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"]},
                    starts={"resources.ARN": watched},
                ),
                _selector(
                    "functions", {"eventCategory": ["Data"], "resources.type": ["AWS::Lambda::Function"]}
                ),
            ],
        )

    def _config(self) -> None:
        """Config has one recorder an account and region."""
        role = iam.Role(
            self,
            "config-role",
            role_name=self._names.role("config"),
            assumed_by=iam.ServicePrincipal(
                "config.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self._names.account}},
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWS_ConfigRole")],
        )
        recorder = config.CfnConfigurationRecorder(
            self,
            "config",
            name=self._names.of("config"),
            role_arn=role.role_arn,
            recording_group=config.CfnConfigurationRecorder.RecordingGroupProperty(
                all_supported=True, include_global_resource_types=True
            ),
        )
        channel = config.CfnDeliveryChannel(
            self,
            "config-channel",
            name=self._names.of("config"),
            s3_bucket_name=self._names.bucket("audit"),
            s3_key_prefix="config",
        )
        channel.add_dependency(recorder)
        pack = config.CfnConformancePack(
            self,
            "hipaa-pack",
            conformance_pack_name=self._names.of("hipaa-security"),
            template_ssm_document_details={"DocumentName": HIPAA_PACK},
        )
        pack.add_dependency(channel)


def _selector(
    name: str, equals: dict[str, list[str]], starts: dict[str, list[str]] | None = None
) -> cloudtrail.CfnTrail.AdvancedEventSelectorProperty:
    field = cloudtrail.CfnTrail.AdvancedFieldSelectorProperty
    return cloudtrail.CfnTrail.AdvancedEventSelectorProperty(
        name=name,
        field_selectors=[
            *(field(field=each, equal_to=values) for each, values in equals.items()),
            *(field(field=each, starts_with=values) for each, values in (starts or {}).items()),
        ],
    )
