"""Our own rules as a plug-in of the CDK's validation."""

import json
from pathlib import Path

import aws_cdk as cdk
import jsii

from infra.policy.rules import NOT_ELIGIBLE, RULES, broken


@jsii.implements(cdk.IPolicyValidationPlugin)
class OwnRules:
    """Looks at every template once it is written."""

    @property
    def name(self) -> str:
        """What the report calls the rules."""
        return "a360"

    @property
    def version(self) -> str:
        """The version of the rules."""
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        """The rules there are."""
        return [rule.name for rule in (*RULES, NOT_ELIGIBLE)]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """What the templates break."""
        found = [
            cdk.PolicyViolation(
                rule_name=each.rule.name,
                description=f"{each.logical_id}: {each.rule.fix}",
                severity="error",
                violating_resources=[
                    cdk.PolicyViolatingResource(
                        resource_logical_id=each.logical_id, template_path=path, locations=["Properties"]
                    )
                ],
            )
            for path in context.template_paths
            for each in broken(json.loads(Path(path).read_text("utf-8")))
        ]
        return cdk.PolicyValidationPluginReport(success=not found, violations=found)
