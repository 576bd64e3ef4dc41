"""Dagster: its web server and daemon on Fargate, what it remembers in Postgres, behind a private balancer."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from constructs import Construct

from a360.contract import MASKS
from infra.constructs import statements
from infra.constructs.private_services import PrivateServices, Service
from infra.constructs.service_key import service_key
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

_WEB, _POSTGRES = 3000, 5432
_BACKUP_DAYS = 14
_WORKSPACE = ("--workspace", "workspace.yaml")


class OrchestrationStack(LakeStack):
    """Two services that share an image and a role; nobody reaches them from outside the network."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment. The certificate of the balancer is published by an operator."""
        super().__init__(scope, "orchestration", deployment)
        self.key = service_key(self, "orchestration")
        self.role = self._task_role()
        self.running = PrivateServices(self, "orchestration", key=self.key, image="orchestration")
        self.database, self.secret = self._database()
        self._let_read_password()
        place = {
            "DAGSTER_POSTGRES_HOST": self.database.attr_endpoint_address,
            "DAGSTER_POSTGRES_SECRET": self.secret,
        }
        listen = ("--host", "0.0.0.0", "--port", str(_WEB))  # noqa: S104 - of its own container
        self.services = {
            each.name: self.running.run(each, self.role)
            for each in (
                Service(
                    "web", ("dagster-webserver", *listen, *_WORKSPACE), count=2, port=_WEB, environment=place
                ),
                # Two daemons would each start what is due.
                Service("daemon", ("dagster-daemon", "run", *_WORKSPACE), alone=True, environment=place),
            )
        }
        self._balancer()

    def _database(self) -> tuple[rds.CfnDBInstance, str]:
        """Postgres whose password RDS makes, keeps and rotates; the services read it where it is kept."""
        subnets = rds.CfnDBSubnetGroup(
            self,
            "database-subnets",
            db_subnet_group_description="Isolated subnets",
            subnet_ids=[each.subnet_id for each in self.running.vpc.isolated_subnets],
        )
        group = ec2.SecurityGroup(
            self,
            "database-door",
            vpc=self.running.vpc,
            description="Postgres of Dagster",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(self.running.group, ec2.Port.tcp(_POSTGRES), "Services of Dagster")
        self.running.group.add_egress_rule(group, ec2.Port.tcp(_POSTGRES), "To Postgres")
        database = rds.CfnDBInstance(
            self,
            "database",
            db_instance_identifier=self.names.of("orchestration"),
            db_name="dagster",
            engine="postgres",
            engine_version="17",
            db_instance_class="db.t4g.medium",
            allocated_storage="50",
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=self.key.key_arn,
            master_username="dagster",
            manage_master_user_password=True,
            master_user_secret=rds.CfnDBInstance.MasterUserSecretProperty(kms_key_id=self.key.key_arn),
            enable_iam_database_authentication=True,
            multi_az=True,
            publicly_accessible=False,
            deletion_protection=True,
            backup_retention_period=_BACKUP_DAYS,
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            enable_cloudwatch_logs_exports=["postgresql", "upgrade"],
            enable_performance_insights=True,
            performance_insights_kms_key_id=self.key.key_arn,
            db_subnet_group_name=subnets.ref,
            vpc_security_groups=[group.security_group_id],
        )
        database.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return database, database.attr_master_user_secret_secret_arn

    def _task_role(self) -> iam.Role:
        """What Dagster's processes may do: submit and watch jobs, run and read queries, and report."""
        names = self.names
        at = f"{names.region}:{names.account}"
        role = iam.Role(
            self,
            "task-role",
            role_name=names.role("orchestration"),
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": names.account}}
            ),
        )
        application = f"arn:aws:emr-serverless:{at}:/applications/{self.published('spark', 'application')}"
        guard = self.deployment.environment.keys
        keys = [self.published("keys", each) for each in self.deployment.sensitivities]
        for statement in (
            iam.PolicyStatement(actions=["emr-serverless:StartJobRun"], resources=[application]),
            iam.PolicyStatement(
                actions=["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"],
                resources=[f"{application}/jobruns/*"],
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[names.role_arn("spark")],
                conditions={"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}},
            ),
            iam.PolicyStatement(
                actions=[
                    "athena:GetWorkGroup",
                    "athena:StartQueryExecution",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:StopQueryExecution",
                ],
                resources=[f"arn:aws:athena:{at}:workgroup/{names.of('refine')}"],
            ),
            statements.metrics(),
            *statements.objects(names, ["bronze"]),
            *statements.objects(
                names, ["silver", "gold", "quarantine", "ops", "athena-results", "artifacts"], write=True
            ),
            statements.keys(keys, write=True),
            *statements.catalog(names, (*self.deployment.zones, MASKS), write=True),
            *([statements.guarding(names, guard.key)] if guard else ()),
        ):
            role.add_to_policy(statement)
        return role

    def _let_read_password(self) -> None:
        for grant in (
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.key.key_arn]),
        ):
            self.role.add_to_policy(grant)

    def _balancer(self) -> None:
        door = self.running.door("web", "Web server of Dagster", outside=443, inside=_WEB)
        self.running.web_balancer("balancer", "dagster", door).add_targets(
            "web",
            port=_WEB,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[self.services["web"]],
            health_check=elb.HealthCheck(path="/server_info", healthy_http_codes="200"),
        )
