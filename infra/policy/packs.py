"""Rule packs that every synthesis is held to, unless `CDK_VALIDATION=false` says that it is to be quick."""

import os

import aws_cdk as cdk
import cdk_nag
from constructs import Construct

from infra.contracts_adapter import Deployment
from infra.policy.acknowledgements import acknowledgements
from infra.policy.plugin import OwnRules

SWITCH = "CDK_VALIDATION"


def is_on() -> bool:
    """Whether this synthesis is checked."""
    return os.environ.get(SWITCH, "true").strip().lower() not in {"false", "0", "no"}


def attach(app: cdk.App) -> None:
    """Have the packs look at what is synthesised; a finding that is not acknowledged fails it."""
    if not is_on():
        return
    packs = (cdk_nag.HIPAASecurityChecks, cdk_nag.AwsSolutionsChecks, cdk_nag.NIST80053R5Checks)
    cdk.Validations.of(app).add_plugins(*(pack(app) for pack in packs), OwnRules())


def acknowledge(stage: Construct, deployment: Deployment) -> None:
    """Say of each finding that stands why it does."""
    if is_on():
        told = acknowledgements(deployment).items()
        cdk.Validations.of(stage).acknowledge(
            *(cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in told)
        )
