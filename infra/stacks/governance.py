"""Who may do what, as far as it does not hang on tables: Lake Formation's settings and tags, places, roles.

It is deployed before the catalog, so that no table is ever made under the default that IAM alone decides.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lakeformation as lf
from constructs import Construct

from a360.contract import MASKS, CarrierPrincipal
from infra.constructs import duties, statements
from infra.constructs.roles import managed_policy, service_role
from infra.constructs.serial import Serial
from infra.contracts_adapter import Deployment
from infra.names import Names
from infra.stacks._stack import LakeStack
from infra.views import VIEWS

CROSS_ACCOUNT_VERSION = "4"
"""Of Lake Formation's grants to other accounts: the newest, which shares by one resource share a receiver."""
_LONGEST_ROLE = 64
_EMERGENCY_HOURS = 1
_TAG = "a360:role"


def deployer_arn(names: Names) -> str:
    """The role by which CloudFormation deploys, as `cdk bootstrap` calls it."""
    qualifier = cdk.DefaultStackSynthesizer.DEFAULT_QUALIFIER
    return f"arn:aws:iam::{names.account}:role/cdk-{qualifier}-cfn-exec-role-{names.account}-{names.region}"


class GovernanceStack(LakeStack):
    """Settings, LF-Tags, registered places, roles and their policies."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "governance", deployment)
        self._serial = Serial()
        self.policies = self._policies()
        self.admin = self._person("admin", {_TAG: "lake_admin"}, ["duty-admin"], needs_mfa=True)
        settings = self._settings()
        settings.node.add_dependency(self.admin)
        for name, values in deployment.carriers.tags.items():
            self._serial(lf.CfnTag(self, f"tag-{name}", tag_key=name, tag_values=[*values]))
        self._places()
        self._definer()
        for principal in deployment.carriers.principals:
            self._principal(principal)

    def _settings(self) -> lf.CfnDataLakeSettings:
        """Nobody is admin but who is named here, and what is new is open to nobody."""
        settings = lf.CfnDataLakeSettings
        who = (self.names.role_arn("admin"), deployer_arn(self.names))
        return self._serial(
            lf.CfnDataLakeSettings(
                self,
                "settings",
                admins=[
                    settings.DataLakePrincipalProperty(data_lake_principal_identifier=each) for each in who
                ],
                create_database_default_permissions=[],
                create_table_default_permissions=[],
                # Spark that unseals payloads runs as a role with full access to its tables: the fine-grained
                # mode of EMR forbids the functions that do it.
                allow_full_table_external_data_access=True,
                allow_external_data_filtering=False,
                mutation_type="REPLACE",
                parameters={"CROSS_ACCOUNT_VERSION": CROSS_ACCOUNT_VERSION},
            )
        )

    def _places(self) -> None:
        """Lake Formation hands out credentials for the zones' buckets by a role of its own."""
        keys = [self.published("keys", each) for each in self.deployment.sensitivities]
        role = service_role(
            self,
            "places",
            "lakeformation",
            "Lake Formation, reading and writing the zones for whom it lets",
            [
                *statements.objects(self.names, self.deployment.zones, write=True),
                statements.keys(keys, write=True),
            ],
        )
        for zone in self.deployment.zones:
            arn = self.names.bucket_arn(zone)
            self._serial(
                lf.CfnResource(
                    self,
                    f"place-{zone}",
                    resource_arn=arn,
                    role_arn=role.role_arn,
                    use_service_linked_role=False,
                    hybrid_access_enabled=False,
                )
            )
            permissions = lf.CfnPrincipalPermissions
            self._serial(
                lf.CfnPrincipalPermissions(
                    self,
                    f"place-{zone}-deployer",
                    permissions=["DATA_LOCATION_ACCESS"],
                    permissions_with_grant_option=[],
                    principal=permissions.DataLakePrincipalProperty(
                        data_lake_principal_identifier=deployer_arn(self.names)
                    ),
                    resource=permissions.ResourceProperty(
                        data_location=permissions.DataLocationResourceProperty(
                            catalog_id=self.names.account, resource_arn=arn
                        )
                    ),
                )
            )

    def _definer(self) -> None:
        """Masked views read with the rights of this role; no person takes it on."""
        names = self.names
        role = iam.Role(
            self,
            "view-definer-role",
            role_name=names.role("view-definer"),
            description="Definer of masked views",
            assumed_by=iam.CompositePrincipal(
                *(
                    iam.ServicePrincipal(
                        f"{service}.amazonaws.com",
                        conditions={"StringEquals": {"aws:SourceAccount": names.account}},
                    )
                    for service in ("glue", "lakeformation")
                )
            ),
        )
        may = [
            *statements.catalog(names, (*self.deployment.zones, VIEWS, MASKS), write=True),
            *duties.query(names, "refine", (), self.published("keys", "phi")),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[names.role_arn("view-definer")],
                conditions={
                    "StringEquals": {
                        "iam:PassedToService": ["glue.amazonaws.com", "lakeformation.amazonaws.com"]
                    }
                },
            ),
            iam.PolicyStatement(
                actions=["glue:PassConnection"],
                resources=[
                    f"arn:aws:glue:{names.region}:{names.account}:connection/{names.of('view-validation')}"
                ],
            ),
        ]
        managed_policy(self, "view-definer", "Definer of masked views", may, [role])

    def _policies(self) -> dict[str, iam.ManagedPolicy]:
        """One for each duty, and for each role of the lake one that lets it ask."""
        names, zones = self.names, (*self.deployment.zones, VIEWS)
        results, audit = self.published("keys", "phi"), self.published("keys", "audit")
        found = {
            f"duty-{duty}": managed_policy(
                self, f"duty-{duty}", f"What the duty {duty} asks for", duties.of_duty(names, duty, audit)
            )
            for duty in duties.DUTIES
        }
        for role in sorted({each.ask.roles[0] for each in self.deployment.carriers.principals}):
            part = f"query-{role.replace('_', '-')}"
            may = duties.query(names, role, zones, results)
            found[part] = managed_policy(self, part, f"Queries of the role {role}", may)
        return found

    def _principal(self, principal: CarrierPrincipal) -> None:
        """A role or user of the lake acting for a purpose; an emergency ends after an hour."""
        ask, duty = principal.ask, duties.duty_of(principal)
        tags = {"a360:user": ask.user} if ask.user else {_TAG: ask.roles[0]}
        policies = [f"duty-{duty}", f"query-{ask.roles[0].replace('_', '-')}"]
        self._person(duties.role_of(principal), tags, policies, needs_mfa=bool(ask.break_glass))

    def _person(self, part: str, tags: dict[str, str], policies: list[str], *, needs_mfa: bool) -> iam.Role:
        """A role for whom the identity provider gave these tags; no key, no user, no other account."""
        name = self.names.role(part)
        if len(name) > _LONGEST_ROLE:
            raise ValueError(f"the role {name} would have {len(name)} letters; IAM takes {_LONGEST_ROLE}")
        conditions: dict[str, object] = {
            "StringEquals": {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
        }
        if needs_mfa:
            conditions["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
        return iam.Role(
            self,
            f"role-{part}",
            role_name=name,
            description=f"Of the policy of the lake: {part}",
            assumed_by=iam.AccountPrincipal(self.names.account).with_conditions(conditions),
            max_session_duration=cdk.Duration.hours(_EMERGENCY_HOURS),
            managed_policies=[self.policies[each] for each in policies],
        )
