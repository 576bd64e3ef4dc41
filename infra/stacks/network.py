"""The network: private subnets without a way to the internet, and the doors to the services that are used."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.private_network import ZONES
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

_CIDR = "10.60.0.0/16"
_NFS = 2049
_LOG_DAYS = logs.RetentionDays.THIRTEEN_MONTHS

_Service = ec2.InterfaceVpcEndpointAwsService
SERVICES = {
    "athena": _Service.ATHENA,
    "bedrock": _Service.BEDROCK_RUNTIME,
    "ecr-api": _Service.ECR,
    "ecr-docker": _Service.ECR_DOCKER,
    "emr-serverless": _Service.EMR_SERVERLESS,
    "events": _Service.EVENTBRIDGE,
    "glue": _Service.GLUE,
    "kinesis": _Service.KINESIS_STREAMS,
    "kms": _Service.KMS,
    "lakeformation": _Service.LAKE_FORMATION,
    "logs": _Service.CLOUDWATCH_LOGS,
    "monitoring": _Service.CLOUDWATCH_MONITORING,
    "sagemaker-runtime": _Service.SAGEMAKER_RUNTIME,
    "secretsmanager": _Service.SECRETS_MANAGER,
    "sns": _Service.SNS,
    "sqs": _Service.SQS,
    "ssm": _Service.SSM,
    "sts": _Service.STS,
}
"""The services that have a door: what is not here cannot be reached from inside."""


class NetworkStack(LakeStack):
    """A VPC of two availability zones, its endpoints, and the record of what flows."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment; others find it by the parameters under `network`."""
        super().__init__(scope, "network", deployment)
        self.vpc = self._vpc()
        self._record_flows()
        self.doors = self._doors()
        self.workers = self._workers()
        self.publish(self.vpc.vpc_id, "network", "vpc")
        for number, subnet in enumerate(self.vpc.isolated_subnets):
            self.publish(subnet.subnet_id, "network", "subnets", str(number))
        self.publish(self.workers.security_group_id, "network", "workers")

    @property
    def availability_zones(self) -> list[str]:
        """Named here, so that a synthesis asks no account which ones it has."""
        return [f"{self.names.region}{letter}" for letter in ZONES]

    def _vpc(self) -> ec2.Vpc:
        """Isolated subnets alone: no gateway to the internet, no translation of addresses."""
        return ec2.Vpc(
            self,
            "vpc",
            vpc_name=self.names.of("vpc"),
            ip_addresses=ec2.IpAddresses.cidr(_CIDR),
            availability_zones=self.availability_zones,
            nat_gateways=0,
            create_internet_gateway=False,
            # Restricting it takes a Lambda function, and nothing is in that group.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=20
                )
            ],
        )

    def _record_flows(self) -> None:
        key = kms.Key(
            self,
            "flow-log-key",
            alias=self.names.key_alias("network"),
            description=f"{self.names.prefix}: flow logs",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        name = f"/{self.names.lake}/{self.names.environment}/flows"
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{self.names.region}.amazonaws.com")],
                actions=[
                    "kms:Encrypt",
                    "kms:Decrypt",
                    "kms:ReEncryptFrom",
                    "kms:ReEncryptTo",
                    "kms:GenerateDataKey",
                    "kms:DescribeKey",
                ],
                resources=["*"],
                conditions={
                    "ArnEquals": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:aws:logs:{self.names.region}:{self.names.account}:log-group:{name}"
                        )
                    }
                },
            )
        )
        group = logs.LogGroup(
            self,
            "flows",
            log_group_name=name,
            encryption_key=key,
            retention=_LOG_DAYS,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.vpc.add_flow_log(
            "flow-log",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.ALL,
        )

    def _doors(self) -> ec2.SecurityGroup:
        """The endpoints, whose policies let this account's principals through and nobody else's."""
        doors = ec2.SecurityGroup(
            self, "doors", vpc=self.vpc, description="Endpoints of AWS services", allow_all_outbound=False
        )
        doors.add_ingress_rule(ec2.Peer.ipv4(_CIDR), ec2.Port.tcp(443), "HTTPS from inside the network")
        own = iam.PolicyStatement(
            principals=[iam.AnyPrincipal()],
            actions=["*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:PrincipalAccount": self.names.account}},
        )
        for name, service in SERVICES.items():
            endpoint = self.vpc.add_interface_endpoint(
                f"door-{name}", service=service, private_dns_enabled=True, open=False, security_groups=[doors]
            )
            endpoint.add_to_policy(own)
        for name, gateway in (
            ("s3", ec2.GatewayVpcEndpointAwsService.S3),
            ("dynamodb", ec2.GatewayVpcEndpointAwsService.DYNAMODB),
        ):
            self.vpc.add_gateway_endpoint(f"door-{name}", service=gateway).add_to_policy(own)
        return doors

    def _workers(self) -> ec2.SecurityGroup:
        """What computes may speak to the endpoints, to S3 and to each other."""
        workers = ec2.SecurityGroup(
            self,
            "workers",
            vpc=self.vpc,
            description="Services and jobs of the lake",
            allow_all_outbound=False,
        )
        workers.add_egress_rule(ec2.Peer.ipv4(_CIDR), ec2.Port.tcp(443), "HTTPS to the endpoints")
        prefixes = ec2.Peer.prefix_list(self._s3_prefixes())
        workers.add_egress_rule(prefixes, ec2.Port.tcp(443), "HTTPS to S3 by its gateway endpoint")
        workers.add_egress_rule(ec2.Peer.ipv4(_CIDR), ec2.Port.tcp(_NFS), "The lake's folder, over TLS")
        workers.connections.allow_internally(ec2.Port.all_tcp(), "Executors of one job speak to each other")
        return workers

    def _s3_prefixes(self) -> str:
        """The list of S3's addresses, whose id each region has its own of: an operator puts it there."""
        return self.published("network", "s3-prefix-list")
