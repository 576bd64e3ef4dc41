"""What models learn from and how they are used: features, training, a register, Bedrock's guardrail."""

import aws_cdk as cdk
from aws_cdk import aws_bedrock as bedrock
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lakeformation as lf
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs import statements
from infra.constructs.feature_group import DATABASE, FOLDER, feature_group
from infra.constructs.guardrail import bedrock_rights, guardrail
from infra.constructs.roles import service_role
from infra.constructs.serial import Serial
from infra.constructs.service_key import service_key
from infra.constructs.training import TRAINING, training_rights
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

REGISTER = "models"
_SERVERS = 2  # one in each zone of the network


class MlStack(LakeStack):
    """Nothing of it is reached from the internet, and no model is used that the environment does not name."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "ml", deployment)
        self.key = service_key(self, "ml")
        self.gold_key = self.published("keys", deployment.zone_sensitivity("gold"))
        self.artifact_key = self.published("keys", "operational")
        self._features()
        self.register = sagemaker.CfnModelPackageGroup(
            self,
            "register",
            model_package_group_name=self.names.of(REGISTER),
            model_package_group_description="Models trained on this lake; each is approved before it serves",
        )
        self._pipeline()
        self._serving()
        self._bedrock()

    def _features(self) -> None:
        """A group for each dataset that its contract says is one, in a database of their own."""
        names = self.names
        database = glue.CfnDatabase(
            self,
            "database",
            catalog_id=names.account,
            database_name=names.database(DATABASE),
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=names.database(DATABASE),
                description="Offline stores of features; without tags, so that no tag grant reaches them.",
            ),
        )
        database.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        role = self._keeper()
        granted = self._grants(role.role_arn, database)
        for plan in self.deployment.plan.features:
            group = feature_group(
                self,
                names,
                plan,
                self.deployment.plan.table(plan.dataset),
                role_arn=role.role_arn,
                key=self.gold_key,
            )
            group.add_dependency(granted)

    def _keeper(self) -> iam.Role:
        """What SageMaker keeps features as."""
        gold = self.names.bucket_arn("gold")
        return service_role(
            self,
            "features",
            "sagemaker",
            "Keeps features of the lake",
            [
                iam.PolicyStatement(
                    actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                    resources=[f"{gold}/{FOLDER}/*"],
                ),
                iam.PolicyStatement(
                    actions=["s3:GetBucketLocation", "s3:GetBucketAcl", "s3:ListBucket"], resources=[gold]
                ),
                statements.keys([self.gold_key], write=True),
                *statements.catalog(self.names, [DATABASE], write=True),
            ],
        )

    def _grants(self, role_arn: str, database: glue.CfnDatabase) -> lf.CfnPrincipalPermissions:
        """Lake Formation lets the role make tables there, whose files lie in gold's bucket."""
        serial, grants = Serial(), lf.CfnPrincipalPermissions
        account = self.names.account
        resources = {
            "features-database": (
                ["CREATE_TABLE", "DESCRIBE"],
                grants.ResourceProperty(
                    database=grants.DatabaseResourceProperty(
                        catalog_id=account, name=self.names.database(DATABASE)
                    )
                ),
            ),
            "features-place": (
                ["DATA_LOCATION_ACCESS"],
                grants.ResourceProperty(
                    data_location=grants.DataLocationResourceProperty(
                        catalog_id=account, resource_arn=self.names.bucket_arn("gold")
                    )
                ),
            ),
        }
        for part, (permissions, resource) in resources.items():
            last = serial(
                grants(
                    self,
                    part,
                    permissions=permissions,
                    permissions_with_grant_option=[],
                    principal=grants.DataLakePrincipalProperty(data_lake_principal_identifier=role_arn),
                    resource=resource,
                )
            )
            last.add_dependency(database)
        return last

    def _pipeline(self) -> None:
        """Trains on features and registers models."""
        role = service_role(
            self,
            TRAINING,
            "sagemaker",
            "Trains models on features and registers them",
            training_rights(
                self,
                gold_key=self.gold_key,
                artifact_key=self.artifact_key,
                own_key=self.key.key_arn,
                register=self.names.of(REGISTER),
            ),
        )
        self.publish(role.role_arn, "ml", "training-role")

    def _serving(self) -> None:
        """How the model is served that the environment names; where it names none, there is no endpoint."""
        models = self.deployment.environment.models
        if models is None or models.served is None:
            return
        made = sagemaker.CfnEndpointConfig
        made(
            self,
            "serving",
            endpoint_config_name=self.names.of(models.served),
            kms_key_id=self.key.key_arn,
            production_variants=[
                made.ProductionVariantProperty(
                    variant_name="all",
                    model_name=models.served,
                    instance_type=models.instance,
                    initial_instance_count=_SERVERS,
                    initial_variant_weight=1,
                    enable_ssm_access=False,
                )
            ],
        )

    def _bedrock(self) -> None:
        """Programs ask the models that the environment names, through the guardrail and from inside alone."""
        rail = guardrail(self, self.names, self.key)
        version = bedrock.CfnGuardrailVersion(
            self, "guardrail-version", guardrail_identifier=rail.attr_guardrail_id
        )
        version.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        models = self.deployment.environment.models
        role = service_role(
            self,
            "bedrock",
            "ecs-tasks",
            "Asks models of Bedrock, through the guardrail",
            bedrock_rights(
                self,
                models.bedrock if models else (),
                guardrail=rail.attr_guardrail_arn,
                key=self.key.key_arn,
            ),
        )
        self.publish(role.role_arn, "ml", "bedrock-role")
        self.publish(rail.attr_guardrail_id, "ml", "guardrail")
        self.publish(version.attr_version, "ml", "guardrail-version")
