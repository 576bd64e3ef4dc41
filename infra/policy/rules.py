"""Rules for what the packs lack, as plain functions of one resource of a template."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.policy.custody import TYPES, Custody

type Resource = Mapping[str, Any]
type Check = Callable[[Resource], bool]

ELIGIBLE_AS_OF = "2026-11"
"""When the list below was written from AWS's reference of HIPAA eligible services; review it every year."""
# https://aws.amazon.com/compliance/hipaa-eligible-services-reference/
ELIGIBLE = frozenset(
    {
        "Athena",
        "Backup",
        "Bedrock",
        "CloudTrail",
        "CloudWatch",
        "Config",
        "EC2",
        "ECR",
        "ECS",
        "EFS",
        "ElasticLoadBalancingV2",
        "EMRServerless",
        "Events",
        "Glue",
        "GuardDuty",
        "Kinesis",
        "KinesisFirehose",
        "KMS",
        "LakeFormation",
        "Lambda",
        "Logs",
        "Macie",
        "Pipes",
        "RDS",
        "S3",
        "SageMaker",
        "Scheduler",
        "SecretsManager",
        "SecurityHub",
        "SNS",
        "SQS",
        "SSM",
        "StepFunctions",
    }
)
CONTROL = frozenset(["Budgets", "CE", "CDK", "CloudFormation", "IAM", "RAM"])
"""Services that never see data: they say who may do what, what it costs, and what is deployed."""
# Tables have a rule of their own; images can be built again, but not those that run.
_KEPT = (
    *(kind for kind, custody in TYPES.items() if custody is Custody.HOLDS and "::Glue::" not in kind),
    "AWS::ECR::Repository",
)
# Actions for which IAM knows no resource, so that a policy can only say `*`.
_WITHOUT_RESOURCE = (
    "lakeformation:",
    "cloudtrail:LookupEvents",
    "config:",
    "securityhub:",
    "guardduty:",
    "ram:Get",
    "ecr:GetAuthorizationToken",
    "cloudwatch:PutMetricData",
    "ec2:Describe",
    "logs:Describe",
)
_POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a resource of some types has to be; `fix` says how it becomes so."""

    name: str
    types: tuple[str, ...]
    holds: Check
    fix: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A resource that breaks a rule."""

    rule: Rule
    logical_id: str


def _at(resource: Resource, *path: str) -> Any:  # noqa: ANN401 - templates are JSON
    value: Any = resource.get("Properties", {})
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _workgroup(resource: Resource) -> bool:
    told = _at(resource, "WorkGroupConfiguration") or {}
    encrypted = (told.get("ResultConfiguration") or {}).get("EncryptionConfiguration") or {}
    return (
        told.get("EnforceWorkGroupConfiguration") is True
        and bool(told.get("BytesScannedCutoffPerQuery"))
        and encrypted.get("EncryptionOption") == "SSE_KMS"
    )


def _settings(resource: Resource) -> bool:
    return (
        _at(resource, "CreateDatabaseDefaultPermissions") == []
        and _at(resource, "CreateTableDefaultPermissions") == []
        and bool(_at(resource, "Admins"))
    )


def _grant(resource: Resource) -> bool:
    """Not to everybody whom IAM lets."""
    return "IAM_ALLOWED_PRINCIPALS" not in str(_at(resource, "Principal")).upper()


def _table(resource: Resource) -> bool:
    """A table stays; a view is made anew from the policy at any time."""
    is_view = _at(resource, "TableInput", "ViewDefinition") is not None
    return is_view or resource.get("DeletionPolicy") == "Retain"


def _spark(resource: Resource) -> bool:
    monitored = _at(resource, "MonitoringConfiguration", "S3MonitoringConfiguration") or {}
    return bool(_at(resource, "MaximumCapacity")) and "EncryptionKeyArn" in monitored


def _kept(resource: Resource) -> bool:
    return resource.get("DeletionPolicy") in {"Retain", "Snapshot", "RetainExceptOnCreate"}


def _statements(resource: Resource) -> Iterator[Mapping[str, Any]]:
    documents = [_at(resource, "PolicyDocument")]
    documents += [each.get("PolicyDocument") for each in _at(resource, "Policies") or []]
    for document in documents:
        told = (document or {}).get("Statement", [])
        yield from told if isinstance(told, list) else [told]


def _actions(statement: Mapping[str, Any]) -> list[str]:
    told = statement.get("Action", [])
    return [told] if isinstance(told, str) else list(told)


def _named_actions(resource: Resource) -> bool:
    allowed = (each for each in _statements(resource) if each.get("Effect") == "Allow")
    return not any("*" in action for each in allowed for action in _actions(each))


def _named_resources(resource: Resource) -> bool:
    return all(
        action.startswith(_WITHOUT_RESOURCE)
        for each in _statements(resource)
        if each.get("Effect") == "Allow" and each.get("Resource") in ("*", ["*"])
        for action in _actions(each)
    )


def _people(resource: Resource) -> bool:
    """A role that people of the account take on asks for a tag and has no policy of its own."""
    statements = (_at(resource, "AssumeRolePolicyDocument") or {}).get("Statement", [])
    for each in statements:
        if "AWS" in (each.get("Principal") or {}):
            conditions = str(each.get("Condition", {}))
            if "aws:PrincipalTag/" not in conditions or _at(resource, "Policies"):
                return False
    return True


RULES = (
    Rule(
        "a360-AthenaWorkGroupEnforced",
        ("AWS::Athena::WorkGroup",),
        _workgroup,
        "enforce the workgroup's configuration, with SSE_KMS and a limit of bytes scanned",
    ),
    Rule(
        "a360-LakeFormationNoIamFallback",
        ("AWS::LakeFormation::DataLakeSettings",),
        _settings,
        "name the admins, and leave both default permissions empty",
    ),
    Rule(
        "a360-LakeFormationNoGrantToAll",
        ("AWS::LakeFormation::PrincipalPermissions",),
        _grant,
        "grant to a role, not to IAM_ALLOWED_PRINCIPALS",
    ),
    Rule(
        "a360-LakeFormationNoHybridAccess",
        ("AWS::LakeFormation::Resource",),
        lambda resource: _at(resource, "HybridAccessEnabled") is not True,
        "register the place without hybrid access",
    ),
    Rule("a360-GlueTableKept", ("AWS::Glue::Table",), _table, "have the table retained"),
    Rule(
        "a360-GlueJobEncrypted",
        ("AWS::Glue::Job",),
        lambda resource: bool(_at(resource, "SecurityConfiguration")),
        "give the job a security configuration",
    ),
    Rule(
        "a360-GlueCatalogEncrypted",
        ("AWS::Glue::DataCatalogEncryptionSettings",),
        lambda resource: (
            "KmsKeyId" in str(_at(resource, "DataCatalogEncryptionSettings", "EncryptionAtRest"))
        ),
        "encrypt the catalog by a customer key",
    ),
    Rule(
        "a360-KinesisStreamEncrypted",
        ("AWS::Kinesis::Stream",),
        lambda resource: _at(resource, "StreamEncryption", "EncryptionType") == "KMS",
        "encrypt the stream by a customer key",
    ),
    Rule(
        "a360-FirehoseEncrypted",
        ("AWS::KinesisFirehose::DeliveryStream",),
        lambda resource: (
            bool(_at(resource, "KinesisStreamSourceConfiguration"))
            or _at(resource, "DeliveryStreamEncryptionConfigurationInput", "KeyType")
            == "CUSTOMER_MANAGED_CMK"
        ),
        "encrypt what is put into the stream by a customer key",
    ),
    Rule(
        "a360-EmrServerlessBounded",
        ("AWS::EMRServerless::Application",),
        _spark,
        "set the maximum capacity, and a key for logs",
    ),
    Rule(
        "a360-BedrockGuardrailEncrypted",
        ("AWS::Bedrock::Guardrail",),
        lambda resource: bool(_at(resource, "KmsKeyArn")),
        "give the guardrail a customer key",
    ),
    Rule("a360-DataKept", _KEPT, _kept, "set a deletion policy of Retain or Snapshot"),
    Rule("a360-NamedActions", _POLICIES, _named_actions, "name each action that is allowed"),
    Rule(
        "a360-NamedResources",
        _POLICIES,
        _named_resources,
        "name the resource; `*` is for actions that know none",
    ),
    Rule(
        "a360-PeopleByTag",
        ("AWS::IAM::Role",),
        _people,
        "have the trust ask for a tag of the principal, and attach managed policies",
    ),
)
NOT_ELIGIBLE = Rule(
    "a360-HipaaEligibleService",
    (),
    lambda resource: service_of(resource) in ELIGIBLE | CONTROL,
    f"use a service that AWS lists as HIPAA eligible (list of {ELIGIBLE_AS_OF})",
)


def service_of(resource: Resource) -> str:
    """The service of a resource: `S3` of `AWS::S3::Bucket`; what is not AWS's has none."""
    vendor, _, rest = str(resource.get("Type", "")).partition("::")
    return rest.partition("::")[0] if vendor == "AWS" else ""


def broken(template: Mapping[str, Any]) -> Iterator[Broken]:
    """What of a template breaks a rule."""
    for logical_id, resource in template.get("Resources", {}).items():
        for rule in RULES:
            if resource["Type"] in rule.types and not rule.holds(resource):
                yield Broken(rule, logical_id)
        if not NOT_ELIGIBLE.holds(resource):
            yield Broken(NOT_ELIGIBLE, logical_id)
