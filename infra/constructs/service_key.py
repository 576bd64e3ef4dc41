"""The customer key of a part of the lake, for its logs and for what services keep for it."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

from infra.stacks._stack import LakeStack

_LOGS = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey")


def log_name(stack: LakeStack, part: str, name: str) -> str:
    """The group that something logs to."""
    return f"/{stack.names.lake}/{stack.names.environment}/{part}/{name}"


def service_key(stack: LakeStack, part: str, services: Sequence[str] = ()) -> kms.Key:
    """A key with rotation that stays. CloudWatch encrypts the part's logs by it.

    `services` are those of AWS that encrypt by it what they deliver, for this account alone.
    """
    names = stack.names
    key = kms.Key(
        stack,
        "key",
        alias=names.key_alias(part),
        description=f"{names.prefix}: {part}",
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    group = f"arn:aws:logs:{names.region}:{names.account}:log-group:{log_name(stack, part, '*')}"
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{names.region}.amazonaws.com")],
            actions=[*_LOGS],
            resources=["*"],  # of a key's own policy: this key
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}},
        )
    )
    if services:
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"{each}.amazonaws.com") for each in services],
                actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": names.account}},
            )
        )
    return key


def log_group(stack: LakeStack, part: str, name: str, key: kms.IKey) -> logs.LogGroup:
    """A group of logs under a customer key, kept for more than a year."""
    return logs.LogGroup(
        stack,
        f"{name}-logs",
        log_group_name=log_name(stack, part, name),
        encryption_key=key,
        retention=logs.RetentionDays.THIRTEEN_MONTHS,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
