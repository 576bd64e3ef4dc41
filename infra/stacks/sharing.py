"""What other accounts may read: Lake Formation's grants to them, for which it makes the shares of RAM itself.

A share made by hand in RAM would be without Lake Formation's knowledge; `infra.sharing` tells of such.
"""

from aws_cdk import aws_lakeformation as lf
from constructs import Construct

from infra.constructs.serial import Serial
from infra.contracts_adapter import Deployment
from infra.sharing import PERMISSIONS, expression
from infra.stacks._stack import LakeStack


class SharingStack(LakeStack):
    """Grants to other accounts, one after the other."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment that shares anything."""
        super().__init__(scope, "sharing", deployment)
        self._serial = Serial()
        policy = lf.CfnPrincipalPermissions
        account = self.names.account
        for share in deployment.environment.sharing:
            for dataset in share.datasets:
                table = deployment.plan.table(dataset)
                self._grant(
                    f"{share.account}-{dataset}",
                    share.account,
                    policy.ResourceProperty(
                        table=policy.TableResourceProperty(
                            catalog_id=account,
                            database_name=self.names.database(table.namespace),
                            name=table.name,
                        )
                    ),
                )
            if share.tags:
                self._grant(
                    "-".join((share.account, *share.tags)),
                    share.account,
                    policy.ResourceProperty(
                        lf_tag_policy=policy.LFTagPolicyResourceProperty(
                            catalog_id=account,
                            resource_type="TABLE",
                            expression=[
                                policy.LFTagProperty(tag_key=key, tag_values=[*values])
                                for key, values in expression(share.tags).items()
                            ],
                        )
                    ),
                )

    def _grant(self, part: str, account: str, resource: lf.CfnPrincipalPermissions.ResourceProperty) -> None:
        """The other account's administrator may hand on what it is granted, and nothing else."""
        permissions = lf.CfnPrincipalPermissions
        self._serial(
            permissions(
                self,
                part,
                permissions=[*PERMISSIONS],
                permissions_with_grant_option=[*PERMISSIONS],
                principal=permissions.DataLakePrincipalProperty(data_lake_principal_identifier=account),
                resource=resource,
            )
        )
