"""Dagster: its web server and daemon on Fargate, what it remembers in Postgres, behind a private balancer."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.constructs import statements
from infra.constructs.private_network import private_network
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

_WEB, _POSTGRES = 3000, 5432
_USER = "10001:10001"
_BACKUP_DAYS = 14
_COMMANDS = {
    "web": ["dagster-webserver", "--host", "0.0.0.0", "--port", str(_WEB), "--workspace", "workspace.yaml"],  # noqa: S104
    "daemon": ["dagster-daemon", "run", "--workspace", "workspace.yaml"],
}


class OrchestrationStack(LakeStack):
    """Two services that share an image and a role; nobody reaches them from outside the network."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment. The certificate of the balancer is published by an operator."""
        super().__init__(scope, "orchestration", deployment)
        self.vpc, self.workers = private_network(self)
        self.key = self._key()
        self.images = self._images()
        self.database, self.secret = self._database()
        self.cluster = ecs.Cluster(
            self,
            "cluster",
            cluster_name=self.names.of("orchestration"),
            vpc=self.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        self.role = self._task_role()
        self.services = {name: self._service(name, command) for name, command in _COMMANDS.items()}
        self._balancer()

    def _key(self) -> kms.Key:
        key = kms.Key(
            self,
            "key",
            alias=self.names.key_alias("orchestration"),
            description=f"{self.names.prefix}: orchestration",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        group = f"arn:aws:logs:{self.names.region}:{self.names.account}:log-group:{self._log_name('*')}"
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{self.names.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}},
            )
        )
        return key

    def _log_name(self, service: str) -> str:
        return f"/{self.names.lake}/{self.names.environment}/orchestration/{service}"

    def _images(self) -> ecr.Repository:
        return ecr.Repository(
            self,
            "images",
            repository_name=self.names.of("orchestration"),
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=self.key,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _database(self) -> tuple[rds.CfnDBInstance, str]:
        """Postgres whose password RDS makes, keeps and rotates; the services read it where it is kept."""
        subnets = rds.CfnDBSubnetGroup(
            self,
            "database-subnets",
            db_subnet_group_description="Isolated subnets",
            subnet_ids=[each.subnet_id for each in self.vpc.isolated_subnets],
        )
        group = ec2.SecurityGroup(
            self, "database-door", vpc=self.vpc, description="Postgres of Dagster", allow_all_outbound=False
        )
        group.add_ingress_rule(self.workers, ec2.Port.tcp(_POSTGRES), "Services of Dagster")
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
                    "athena:StartQueryExecution",
                    "athena:GetQueryExecution",
                    "athena:GetQueryResults",
                    "athena:StopQueryExecution",
                ],
                resources=[f"arn:aws:athena:{at}:workgroup/{names.of('refine')}"],
            ),
            # PutMetricData knows no resource; the namespace is what bounds it.
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": "A360"}},
            ),
            *statements.objects(names, ["bronze"]),
            *statements.objects(
                names, ["silver", "gold", "quarantine", "ops", "athena-results", "artifacts"], write=True
            ),
            statements.keys(keys, write=True),
            *statements.catalog(names, self.deployment.zones, write=True),
        ):
            role.add_to_policy(statement)
        return role

    def _service(self, name: str, command: list[str]) -> ecs.FargateService:
        group = logs.LogGroup(
            self,
            f"{name}-logs",
            log_group_name=self._log_name(name),
            encryption_key=self.key,
            retention=logs.RetentionDays.THIRTEEN_MONTHS,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        task = ecs.FargateTaskDefinition(
            self,
            f"{name}-task",
            family=self.names.of("orchestration", name),
            cpu=1024,
            memory_limit_mib=4096,
            task_role=self.role,
            volumes=[ecs.Volume(name="scratch")],
        )
        container = task.add_container(
            name,
            image=ecs.ContainerImage.from_ecr_repository(self.images, self._image_tag()),
            command=command,
            user=_USER,
            readonly_root_filesystem=True,
            essential=True,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=group),
            environment={
                "A360_ENV": self.deployment.environment.name,
                "DAGSTER_POSTGRES_HOST": self.database.attr_endpoint_address,
                "DAGSTER_POSTGRES_SECRET": self.secret,
            },
            port_mappings=[ecs.PortMapping(container_port=_WEB)] if name == "web" else [],
        )
        # The one place that can be written to.
        container.add_mount_points(
            ecs.MountPoint(container_path="/scratch", source_volume="scratch", read_only=False)
        )
        for grant in (
            iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[self.secret]),
            iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self.key.key_arn]),
        ):
            self.role.add_to_policy(grant)
        return ecs.FargateService(
            self,
            name,
            service_name=self.names.of("orchestration", name),
            cluster=self.cluster,
            task_definition=task,
            # Two daemons would each start what is due.
            desired_count=2 if name == "web" else 1,
            min_healthy_percent=50 if name == "web" else 0,
            max_healthy_percent=200 if name == "web" else 100,
            assign_public_ip=False,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[self.workers],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
        )

    def _image_tag(self) -> str:
        """The image to run; published when one has been pushed, as tags never move."""
        return self.published("orchestration", "image")

    def _balancer(self) -> None:
        door = ec2.SecurityGroup(
            self, "web-door", vpc=self.vpc, description="Web server of Dagster", allow_all_outbound=False
        )
        inside = ec2.Peer.security_group_id(self.workers.security_group_id)
        door.add_ingress_rule(inside, ec2.Port.tcp(443), "From inside the network")
        door.add_egress_rule(inside, ec2.Port.tcp(_WEB), "To the web server")
        balancer = elb.ApplicationLoadBalancer(
            self,
            "balancer",
            load_balancer_name=self.names.of("dagster")[:32],
            vpc=self.vpc,
            internet_facing=False,
            deletion_protection=True,
            drop_invalid_header_fields=True,
            security_group=door,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        )
        listener = balancer.add_listener(
            "https",
            port=443,
            open=False,
            certificates=[elb.ListenerCertificate.from_arn(self.published("orchestration", "certificate"))],
            ssl_policy=elb.SslPolicy.TLS13_RES,
        )
        listener.add_targets(
            "web",
            port=_WEB,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[self.services["web"]],
            health_check=elb.HealthCheck(path="/server_info", healthy_http_codes="200"),
        )
