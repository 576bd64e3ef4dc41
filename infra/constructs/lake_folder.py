"""The lake's folder on AWS: what tables do not hold, which is the audit log, packs of keys, journals."""

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam

from infra.stacks._stack import LakeStack

MOUNTED = "/mnt/lake"
"""Where containers and functions find it. A function's mounts are below `/mnt`, always."""
_PART = "workplace"


def folder_rights(stack: LakeStack) -> list[iam.PolicyStatement]:
    """To mount the folder and write in it, through its access point and in no other way."""
    return [
        iam.PolicyStatement(
            actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            resources=[_arn(stack, f"file-system/{stack.published(_PART, 'file-system')}")],
            conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": access_point(stack)}},
        )
    ]


def access_point(stack: LakeStack) -> str:
    """The ARN of the access point."""
    return _arn(stack, f"access-point/{stack.published(_PART, 'access-point')}")


def folder_volume(stack: LakeStack) -> ecs.Volume:
    """The folder as a volume of a task, over TLS, as the task's role."""
    return ecs.Volume(
        name="lake",
        efs_volume_configuration=ecs.EfsVolumeConfiguration(
            file_system_id=stack.published(_PART, "file-system"),
            transit_encryption="ENABLED",
            authorization_config=ecs.AuthorizationConfig(
                access_point_id=stack.published(_PART, "access-point"), iam="ENABLED"
            ),
        ),
    )


def _arn(stack: LakeStack, resource: str) -> str:
    return f"arn:aws:elasticfilesystem:{stack.names.region}:{stack.names.account}:{resource}"
