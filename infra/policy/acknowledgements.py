"""Findings of the packs that stand, each with the reason why it may.

A finding is named by its pack, its rule and, where the rule has them, what it found; so that a wildcard
somewhere else is a finding of its own. A test holds that these are the findings, no fewer and no more.
"""

from collections.abc import Iterator

from a360.contract import MASKS
from infra.constructs.event_stream import SOURCE
from infra.constructs.event_table import DATABASE as STREAMS
from infra.constructs.event_table import FOLDER as EVENT_TABLES
from infra.constructs.feature_group import DATABASE, FOLDER
from infra.contracts_adapter import Deployment
from infra.stacks.catalog import OPTIMIZER_LOGS
from infra.views import VIEWS

_HIPAA, _NIST, _SOLUTIONS = "HIPAA.Security", "NIST.800.53.R5", "AwsSolutions"
# What the CDK calls a parameter that it looks up when a stack is deployed ends like this, always.
_LOOKED_UP = "C96584B6F00A464EAD1953AFF4B05118Parameter"

_OF_BOTH = {
    "S3BucketReplicationEnabled": (
        "Copies lie elsewhere: AWS Backup takes the zones into a locked vault every day, and the "
        "audit is under Object Lock. A replica would keep what erasure has to destroy."
    ),
    "S3DefaultEncryptionKMS": ("S3 delivers access logs only to buckets under its own keys."),
    "IAMNoInlinePolicy": (
        "The policy of a service's role belongs to that role alone and goes with it. What people "
        "may do is in managed policies, which a rule of our own holds."
    ),
    "VPCDefaultSecurityGroupClosed": (
        "Nothing is placed in the default group; to close it would take a Lambda function with "
        "rights to change groups."
    ),
    "RDSEnhancedMonitoringEnabled": (
        "The database holds runs of the orchestrator and no data of patients; its metrics in "
        "CloudWatch are enough to run it."
    ),
    "RDSInBackupPlan": (
        "RDS backs it up itself, for 14 days; it holds runs of the orchestrator, and no data."
    ),
    "EFSInBackupPlan": (
        "The file system's own backup policy is on: AWS Backup copies the lake's folder every day and "
        "keeps copies for 35 days. The packs ask for a plan in the same template."
    ),
    "ELBLoggingEnabled": (
        "The balancer is reached from within the network alone, whose flow logs tell who did."
    ),
    "CloudTrailCloudWatchLogsEnabled": (
        "The record of calls lies in a locked bucket with digests; a second copy would name the "
        "same objects under weaker protection."
    ),
}
_OF_NIST = {"ALBWAFEnabled": "No request from the internet reaches the balancer, whose scheme is internal."}
_OF_SOLUTIONS = {
    "RDS11": "The port tells nobody anything: the group admits the orchestrator's services alone.",
    "ECS2": "The variables name the environment and its places; secrets come from Secrets Manager.",
    "ELB2": _OF_BOTH["ELBLoggingEnabled"],
    "KDS3": (
        "Events of patients are encrypted by the customer key of bronze; AWS's own key has no policy of ours."
    ),
}
_OF_CLOUDFORMATION = {
    "CloudFormation-Validate::W3010": "Zones come from the context, so that a synthesis asks AWS nothing.",
    "Annotation::@aws-cdk/aws-ec2:noSubnetRouteTableId": "Nothing of this stack changes routes.",
}
_AWS_POLICIES = {
    "service-role/AWS_ConfigRole": "AWS keeps what Config records up to date in it.",
    "AWSBackupServiceRolePolicyForS3Backup": "AWS keeps what Backup needs up to date in it.",
    "AWSBackupServiceRolePolicyForS3Restore": "AWS keeps what Backup needs up to date in it.",
}
_NO_RESOURCE = (
    "These actions know no resource to name; a rule of our own allows no other action on everything."
)


def acknowledgements(deployment: Deployment) -> dict[str, str]:
    """By the name of the finding, why it stands."""
    found = dict(_OF_CLOUDFORMATION)
    for pack, rules in (
        (_HIPAA, _OF_BOTH),
        (_NIST, {**_OF_BOTH, **_OF_NIST}),
        (_SOLUTIONS, _OF_SOLUTIONS),
    ):
        found |= {f"{pack}::{pack}-{rule}": reason for rule, reason in rules.items()}
    for policy, reason in _AWS_POLICIES.items():
        found[f"{_SOLUTIONS}::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]"] = (
            reason
        )
    if deployment.environment.firehose:
        found[f"{_SOLUTIONS}::AwsSolutions-KDF1"] = (
            "A delivery that reads a stream of Kinesis keeps nothing itself; the stream is encrypted."
        )
    for resource, reason in _wildcards(deployment):
        found[f"{_SOLUTIONS}::AwsSolutions-IAM5[Resource::{resource}]"] = reason
    return found


def _wildcards(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Resources that end in a wildcard, since what they are has no name yet."""
    names = deployment.names
    at = f"{names.region}:{names.account}"
    roles = sorted({each.ask.roles[0] for each in deployment.carriers.principals})
    results = names.bucket_arn("athena-results")
    yield "*", _NO_RESOURCE
    for purpose in (*deployment.zones, "artifacts", "audit"):
        yield (
            f"{names.bucket_arn(purpose)}/*",
            "Objects of one bucket of the lake, named when they are written.",
        )
    for role in (*roles, "refine"):
        yield f"{results}/{role}/*", "Answers of one role alone; they are named when they are written."
    yield f"{results}/*", "The orchestrator runs the queries of refinement; answers are named when written."
    for zone in (*deployment.zones, VIEWS, MASKS):
        table = f"arn:aws:glue:{at}:table/{names.database(zone)}/*"
        yield table, "Tables of one database; what of them is seen, Lake Formation decides."
    yield (
        f"arn:aws:glue:{at}:dataQualityRuleset/{names.of('*')}",
        "Rulesets of this lake; they come and go with contracts.",
    )
    yield (
        f"arn:aws:glue:{at}:connection/{names.of('source')}-*",
        "Connections to source databases, which are made by whoever runs the lake.",
    )
    yield (
        f"arn:aws:emr-serverless:{at}:/applications/*",
        "AWS makes the ids of applications; a condition holds them to this environment's.",
    )
    application = "".join(filter(str.isalnum, names.parameter("spark", "application")))
    yield (
        f"arn:aws:emr-serverless:{at}:/applications/<SsmParameterValue{application}{_LOOKED_UP}>/jobruns/*",
        "Runs of one application; AWS makes their ids.",
    )
    for group in OPTIMIZER_LOGS:
        yield (
            f"arn:aws:logs:{at}:log-group:{group}:*",
            "Streams of the groups that optimizers log to.",
        )
    for group in (f"/{names.prefix}", "/aws-glue/jobs"):
        yield f"arn:aws:logs:{at}:log-group:{group}/*", "Groups of logs of this lake's jobs."
    yield from _receiving(deployment)
    yield from _learning(deployment)
    yield (
        f"arn:aws:sagemaker:{at}:feature-group/{names.of('*')}",
        "Feature groups of this lake; they come and go with models.",
    )


def _receiving(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """What takes data in writes below paths of bronze's bucket, and Lambda makes interfaces for it."""
    names = deployment.names
    at, bronze = f"{names.region}:{names.account}", names.bucket_arn("bronze")
    for table in deployment.tables("bronze"):
        yield f"{bronze}/{table.name}/*", "Files of one table of bronze, named when they are written."
    for path in ("landing", "landing/events", f"landing/events/{SOURCE}", "landing/fhir", "landing/hl7v2"):
        yield f"{bronze}/{path}/*", "Objects that arrive below one path; senders and times name them."
    yield (
        f"{bronze}/undelivered/*",
        "What a delivery could not write as an event, named when it is put there.",
    )
    yield (
        f"arn:aws:ec2:{at}:network-interface/*",
        "Lambda makes interfaces whose ids AWS chooses, in two subnets and one group that are named.",
    )
    yield (
        f"arn:aws:logs:{at}:log-group:/{names.lake}/{names.environment}/ingest/object-created:*",
        "Streams of the one group that the function logs to.",
    )
    yield (
        f"arn:aws:ecs:{at}:task-definition/{names.of('ingest', 'replay')}:*",
        "Each deployment makes a revision of the one task that the schedule may start.",
    )
    if deployment.environment.firehose:
        yield f"{bronze}/{EVENT_TABLES}/*", "Files of tables beside the lake, named when they are written."
        yield (
            f"arn:aws:glue:{at}:table/{names.database(STREAMS)}/*",
            "Tables of events, in a database that holds nothing else.",
        )
    if deployment.environment.keys and ":key/" not in deployment.environment.keys.key:
        yield (
            f"arn:aws:kms:{at}:key/*",
            "The environment names its key by an alias, to which a condition holds this.",
        )


def _learning(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """Jobs, models and features come and go; the names of all of them begin as this deployment's do."""
    names = deployment.names
    at = f"{names.region}:{names.account}"
    yield (
        f"{names.bucket_arn('gold')}/{FOLDER}/*",
        "Files of the offline stores of features, named when they are written.",
    )
    yield f"{names.bucket_arn('artifacts')}/models/*", "What training leaves, named by its job."
    yield (
        f"arn:aws:glue:{at}:table/{names.database(DATABASE)}/*",
        "Tables of offline stores, in a database that holds nothing else.",
    )
    for kind in ("training-job", "processing-job", "model"):
        yield (
            f"arn:aws:sagemaker:{at}:{kind}/{names.of('*')}",
            "Each run has a name of its own, which begins as this deployment's names do.",
        )
    yield (
        f"arn:aws:sagemaker:{at}:model-package/{names.of('models')}/*",
        "Versions in the one register of models; SageMaker counts them.",
    )
    for kind in ("TrainingJobs", "ProcessingJobs"):
        yield (
            f"arn:aws:logs:{at}:log-group:/aws/sagemaker/{kind}:*",
            "SageMaker names the group and, for each job, its streams.",
        )
