"""What all stacks of the lake have in common."""

import aws_cdk as cdk
from constructs import Construct

from infra.contracts_adapter import Deployment


class LakeStack(cdk.Stack):
    """A stack of one deployment: named after it, tagged, and safe from being deleted by mistake."""

    def __init__(self, scope: Construct, part: str, deployment: Deployment) -> None:
        """`part` is what the stack holds, such as `storage` or `catalog-silver-clinical`."""
        names = deployment.names
        super().__init__(
            scope,
            part,
            stack_name=names.of(part),
            description=f"{deployment.plan.name} data lake, {deployment.environment.name}: {part}",
            env=cdk.Environment(account=names.account, region=names.region),
            termination_protection=True,
            # Templates of a few kilobytes go with the call; nothing is staged in a bucket but code.
            synthesizer=cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
        )
        self.deployment = deployment
        self.names = names
        for key, value in (("lake", names.lake), ("environment", names.environment), ("part", part)):
            cdk.Tags.of(self).add(f"a360:{key}", value)

    def publish(self, value: str, *parts: str) -> None:
        """Tell the other stacks a value that is known once this one is deployed."""
        name = self.names.parameter(*parts)
        cdk.aws_ssm.StringParameter(
            self, "-".join(("parameter", *parts)), parameter_name=name, string_value=value
        )

    def published(self, *parts: str) -> str:
        """A value that another stack published, looked up while this one is deployed."""
        name = self.names.parameter(*parts)
        return str(cdk.aws_ssm.StringParameter.value_for_string_parameter(self, name))
