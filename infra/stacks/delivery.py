"""How changes come in: GitHub's identities, and the two roles that they may take on."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

_GITHUB = "token.actions.githubusercontent.com"
_BOOTSTRAP = "hnb659fds"  # the CDK's own word for what its bootstrap made


class DeliveryStack(LakeStack):
    """A role that may see what would change, and one that may change it, each for one kind of workflow."""

    def __init__(self, scope: Construct, deployment: Deployment, *, repository: str) -> None:
        """`repository` is GitHub's, as `owner/name`."""
        super().__init__(scope, "delivery", deployment)
        if repository.count("/") != 1 or "*" in repository or repository.strip("/") != repository:
            raise ValueError(f"{repository!r} is no repository; say -c repository=owner/name")
        provider = iam.CfnOIDCProvider(
            self, "github", url=f"https://{_GITHUB}", client_id_list=["sts.amazonaws.com"]
        )
        environment = deployment.environment.name
        for purpose, subject, roles in (
            ("plan", f"repo:{repository}:pull_request", ("lookup",)),
            (
                "deploy",
                f"repo:{repository}:environment:{environment}",
                ("lookup", "deploy", "file-publishing", "image-publishing"),
            ),
        ):
            self._role(provider, purpose, subject, roles)

    def _role(
        self, provider: iam.CfnOIDCProvider, purpose: str, subject: str, bootstrapped: tuple[str, ...]
    ) -> None:
        """It does nothing itself: it takes on the roles that the CDK's bootstrap made for the purpose."""
        role = iam.Role(
            self,
            purpose,
            role_name=self.names.role("github", purpose),
            description=f"Workflows that {purpose}: {subject}",
            assumed_by=iam.WebIdentityPrincipal(
                provider.attr_arn,
                {"StringEquals": {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": subject}},
            ),
        )
        account, region = self.names.account, self.names.region
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[
                    f"arn:aws:iam::{account}:role/cdk-{_BOOTSTRAP}-{each}-role-{account}-{region}"
                    for each in bootstrapped
                ],
            )
        )
