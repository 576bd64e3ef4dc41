"""What training may do: jobs in the network, isolated, under customer keys, and none without all of that."""

from aws_cdk import aws_iam as iam

from infra.constructs import statements
from infra.constructs.feature_group import FOLDER
from infra.constructs.private_network import subnets_of
from infra.stacks._stack import LakeStack

TRAINING = "training"
_LEFT = "models"
"""Below the artifacts' bucket: what training leaves."""
_JOBS = {"TrainingJob": "training-job", "ProcessingJob": "processing-job"}
_LOGS = ("TrainingJobs", "ProcessingJobs")
_ATTACH = ("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission")
_SEEN = ("ec2:DescribeVpcs", "ec2:DescribeDhcpOptions", "ec2:DescribeSecurityGroups")


def training_rights(
    stack: LakeStack, *, gold_key: str, artifact_key: str, own_key: str, register: str
) -> list[iam.PolicyStatement]:
    """To read features, to leave models, to run jobs and to register what came out; keys by their ARNs."""
    names = stack.names
    return [
        *statements.folders(names, "gold", [FOLDER]),
        *statements.folders(names, "artifacts", [_LEFT], write=True),
        statements.keys([gold_key]),
        statements.keys([artifact_key, own_key], write=True),
        *_jobs(stack, own_key, artifact_key),
        *_register(stack, register),
        iam.PolicyStatement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[_arn(stack, "logs", f"log-group:/aws/sagemaker/{each}:*") for each in _LOGS],
        ),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[names.role_arn(TRAINING)],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        *statements.interfaces(names, subnets_of(stack), stack.published("network", "workers")),
        iam.PolicyStatement(actions=[*_ATTACH], resources=[_arn(stack, "ec2", "network-interface/*")]),
        iam.PolicyStatement(actions=[*_SEEN], resources=["*"]),
    ]


def _arn(stack: LakeStack, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{stack.names.region}:{stack.names.account}:{resource}"


def _jobs(stack: LakeStack, own_key: str, artifact_key: str) -> list[iam.PolicyStatement]:
    """Who makes a job has to say all that the conditions ask for; a job without it is refused."""
    jobs = [_arn(stack, "sagemaker", f"{kind}/{stack.names.of('*')}") for kind in _JOBS.values()]
    model = _arn(stack, "sagemaker", f"model/{stack.names.of('*')}")
    inside = {
        "ForAllValues:StringEquals": {"sagemaker:VpcSubnets": subnets_of(stack)},
        "Null": {"sagemaker:VpcSubnets": "false"},
    }
    isolated = {"sagemaker:NetworkIsolation": "true"}
    encrypted = {"sagemaker:VolumeKmsKey": own_key, "sagemaker:OutputKmsKey": artifact_key}
    return [
        iam.PolicyStatement(
            actions=[f"sagemaker:Create{each}" for each in _JOBS],
            resources=jobs,
            conditions={
                "Bool": {**isolated, "sagemaker:InterContainerTrafficEncryption": "true"},
                "StringEquals": encrypted,
                **inside,
            },
        ),
        iam.PolicyStatement(
            actions=["sagemaker:CreateModel"], resources=[model], conditions={"Bool": isolated, **inside}
        ),
        iam.PolicyStatement(
            actions=[
                *(f"sagemaker:{verb}{each}" for verb in ("Describe", "Stop") for each in _JOBS),
                "sagemaker:AddTags",
            ],
            resources=jobs,
        ),
    ]


def _register(stack: LakeStack, register: str) -> list[iam.PolicyStatement]:
    """To add a model to the register. Who approves it is somebody else."""
    return [
        iam.PolicyStatement(
            actions=["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            resources=[
                _arn(stack, "sagemaker", f"model-package-group/{register}"),
                _arn(stack, "sagemaker", f"model-package/{register}/*"),
            ],
        ),
        iam.PolicyStatement(
            actions=["sagemaker:DescribeModelPackageGroup"],
            resources=[_arn(stack, "sagemaker", f"model-package-group/{register}")],
        ),
    ]
