"""What people may do beside reading what Lake Formation grants them: explicit actions, by duty."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam

from a360.contract import CarrierPrincipal
from infra.constructs import statements
from infra.names import Names

_QUERY = (
    "athena:GetWorkGroup",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetQueryResultsStream",
    "athena:ListQueryExecutions",
)
_RESULTS = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
_ADMIN = (
    "lakeformation:GetDataLakeSettings",
    "lakeformation:GrantPermissions",
    "lakeformation:RevokePermissions",
    "lakeformation:BatchGrantPermissions",
    "lakeformation:BatchRevokePermissions",
    "lakeformation:ListPermissions",
    "lakeformation:GetEffectivePermissionsForPath",
    "lakeformation:ListLFTags",
    "lakeformation:GetLFTag",
    "lakeformation:AddLFTagsToResource",
    "lakeformation:RemoveLFTagsFromResource",
    "lakeformation:GetResourceLFTags",
    "lakeformation:SearchTablesByLFTags",
    "lakeformation:SearchDatabasesByLFTags",
    "lakeformation:CreateDataCellsFilter",
    "lakeformation:UpdateDataCellsFilter",
    "lakeformation:DeleteDataCellsFilter",
    "lakeformation:ListDataCellsFilter",
    "lakeformation:ListResources",
    "lakeformation:DescribeResource",
)
_AUDIT = (
    "lakeformation:GetDataLakeSettings",
    "lakeformation:ListPermissions",
    "lakeformation:ListLFTags",
    "lakeformation:GetResourceLFTags",
    "lakeformation:ListDataCellsFilter",
    "lakeformation:ListResources",
    "cloudtrail:LookupEvents",
    "config:DescribeComplianceByConfigRule",
    "config:GetComplianceDetailsByConfigRule",
    "securityhub:GetFindings",
    "guardduty:ListFindings",
    "guardduty:GetFindings",
    "ram:GetResourceShares",
    "ram:GetResourceShareAssociations",
)
_PURPOSES: Mapping[str, str] = {
    "maintenance": "engineer",
    "compliance": "auditor",
    "research": "data-scientist",
}
DUTIES = ("admin", "engineer", "analyst", "data-scientist", "auditor", "break-glass")


def duty_of(principal: CarrierPrincipal) -> str:
    """The duty that somebody acts in, by the purpose of use."""
    if principal.ask.break_glass:
        return "break-glass"
    return _PURPOSES.get(principal.ask.purpose or "", "analyst")


def role_of(principal: CarrierPrincipal) -> str:
    """The part of its role's name; IAM has hyphens where Athena has underscores."""
    return principal.role


def query(names: Names, role: str, zones: Sequence[str], results_key: str) -> list[iam.PolicyStatement]:
    """To ask in the workgroup of a role of the lake, and to read the answers of that role alone."""
    results = names.bucket_arn("athena-results")
    return [
        iam.PolicyStatement(
            actions=[*_QUERY],
            resources=[_arn(names, "athena", f"workgroup/{names.of(role.replace('_', '-'))}")],
        ),
        iam.PolicyStatement(actions=[*_RESULTS], resources=[f"{results}/{role}/*"]),
        iam.PolicyStatement(actions=["s3:GetBucketLocation"], resources=[results]),
        statements.keys([results_key], write=True),
        *statements.catalog(names, zones),
    ]


def of_duty(names: Names, duty: str, audit_key: str) -> list[iam.PolicyStatement]:
    """What a duty asks for beside queries."""
    quality = iam.PolicyStatement(
        actions=["glue:GetDataQualityRuleset", "glue:ListDataQualityRulesets", "glue:GetDataQualityResult"],
        resources=[_arn(names, "glue", f"dataQualityRuleset/{names.of('*')}")],
    )
    match duty:
        case "admin":
            # Lake Formation knows no resources in IAM; who may do this is an administrator of all of it.
            return [iam.PolicyStatement(actions=[*_ADMIN], resources=["*"]), quality]
        case "engineer":
            return [*_engineer(names), quality]
        case "data-scientist":
            features = _arn(names, "sagemaker", f"feature-group/{names.of('*')}")
            described = ["sagemaker:DescribeFeatureGroup", "sagemaker:GetRecord", "sagemaker:BatchGetRecord"]
            return [quality, iam.PolicyStatement(actions=described, resources=[features])]
        case "auditor":
            # These tell of the account as a whole and take no resource, or of findings that have no name yet.
            return [
                iam.PolicyStatement(actions=[*_AUDIT], resources=["*"]),
                *statements.objects(names, ["audit"]),
                statements.keys([audit_key]),
            ]
        case "break-glass":
            return [
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    actions=["athena:StartQueryExecution", "lakeformation:GetDataAccess"],
                    resources=["*"],
                    conditions={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                )
            ]
        case _:
            return [quality]


def _engineer(names: Names) -> list[iam.PolicyStatement]:
    """To run jobs as the roles that jobs have, and to read what they log."""
    ours = {"StringEquals": {"aws:ResourceTag/a360:environment": names.environment}}
    spark = ["GetApplication", "StartApplication", "StopApplication"]
    spark += ["StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun", "GetDashboardForJobRun"]
    glue = ["glue:GetJob", "glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    return [
        iam.PolicyStatement(
            actions=[f"emr-serverless:{each}" for each in spark],
            resources=[_arn(names, "emr-serverless", "/applications/*")],
            conditions=ours,
        ),
        iam.PolicyStatement(actions=glue, resources=[_arn(names, "glue", f"job/{names.of('import')}")]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[names.role_arn("spark")],
            conditions={"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}},
        ),
        iam.PolicyStatement(
            actions=["logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"],
            resources=[
                _arn(names, "logs", "log-group:/aws-glue/jobs/*"),
                _arn(names, "logs", f"log-group:/{names.prefix}/*"),
            ],
        ),
        *statements.objects(names, ["artifacts"], write=True),
    ]


def _arn(names: Names, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{names.region}:{names.account}:{resource}"
