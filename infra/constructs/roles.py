"""Roles of services, with what they may do as a managed policy: it can be read and attached in one place."""

from collections.abc import Iterable

from aws_cdk import aws_iam as iam

from infra.stacks._stack import LakeStack


def service_role(
    stack: LakeStack, part: str, service: str, doc: str, may: Iterable[iam.PolicyStatement]
) -> iam.Role:
    """A role that a service of AWS takes on for this account alone."""
    role = iam.Role(
        stack,
        f"{part}-role",
        role_name=stack.names.role(part),
        description=doc,
        assumed_by=iam.ServicePrincipal(
            f"{service}.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.names.account}},
        ),
    )
    managed_policy(stack, part, doc, may, [role])
    return role


def managed_policy(
    stack: LakeStack, part: str, doc: str, may: Iterable[iam.PolicyStatement], roles: Iterable[iam.Role] = ()
) -> iam.ManagedPolicy:
    """A managed policy, named after its part."""
    return iam.ManagedPolicy(
        stack,
        f"{part}-policy",
        managed_policy_name=stack.names.role(part),
        description=doc,
        statements=[*may],
        roles=[*roles],
    )
