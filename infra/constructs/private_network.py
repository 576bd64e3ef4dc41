"""The network of the deployment, as stacks see it that did not make it."""

from aws_cdk import aws_ec2 as ec2

from infra.stacks._stack import LakeStack

ZONES = ("a", "b")
"""The letters of the availability zones that the network spans."""


def private_network(stack: LakeStack) -> tuple[ec2.IVpc, ec2.ISecurityGroup]:
    """The VPC with its isolated subnets, and the group of what computes."""
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "network",
        vpc_id=stack.published("network", "vpc"),
        availability_zones=[f"{stack.names.region}{letter}" for letter in ZONES],
        isolated_subnet_ids=subnets_of(stack),
    )
    workers = ec2.SecurityGroup.from_security_group_id(
        stack, "workers", stack.published("network", "workers"), mutable=False
    )
    return vpc, workers


def subnets_of(stack: LakeStack) -> list[str]:
    """The ids of the isolated subnets."""
    return [stack.published("network", "subnets", str(number)) for number, _ in enumerate(ZONES)]
