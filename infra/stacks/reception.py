"""Services that receive: events over HTTP, HL7 v2 over MLLP, and the consumer of streams."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs import statements
from infra.constructs.private_services import PrivateServices, Service
from infra.constructs.service_key import service_key
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack
from infra.stacks.ingest import receiving_rights

_HTTPS, _MLLP = 8443, 2575
# None of these commands is there yet. They start nothing until one is, and its count is set here.
COLLECTOR = Service("collector", ("collect", "serve"), count=0, port=_HTTPS, folder=False)
LISTENER = Service("mllp", ("hl7v2", "listen"), count=0, port=_MLLP, folder=False)
CONSUMER = Service("consumer", ("stream", "consume"), count=0)


class ReceptionStack(LakeStack):
    """Three services, each with a role of its own, behind balancers that only the network reaches."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment. The certificate of the balancers is published by an operator."""
        super().__init__(scope, "reception", deployment)
        self.key = service_key(self, "reception")
        self.data_key = self.published("keys", deployment.zone_sensitivity("bronze"))
        self.running = PrivateServices(self, "reception", key=self.key, image="ingest")
        self._collector()
        self._listener()
        reads = [
            self._streams("DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"),
            *receiving_rights(self),
        ]
        self.running.run(CONSUMER, self.running.role("consumer", "Takes streams into bronze", reads))

    def _streams(self, *actions: str) -> iam.PolicyStatement:
        names = self.names
        return iam.PolicyStatement(
            actions=[f"kinesis:{each}" for each in actions],
            resources=[
                f"arn:aws:kinesis:{names.region}:{names.account}:stream/{names.stream(each.name)}"
                for each in self.deployment.streams
            ],
        )

    def _lands(self, *paths: str) -> Sequence[iam.PolicyStatement]:
        """To put new objects below `landing/`, and to read none."""
        landing = f"{self.names.bucket_arn('bronze')}/landing"
        return [
            iam.PolicyStatement(
                actions=["s3:PutObject", "s3:AbortMultipartUpload"],
                resources=[f"{landing}/{path}/*" for path in paths],
            ),
            statements.keys([self.data_key], write=True),
        ]

    def _collector(self) -> None:
        may = [self._streams("PutRecord", "PutRecords"), *self._lands("events", "fhir")]
        service = self.running.run(
            COLLECTOR, self.running.role("collector", "Receives events over HTTP", may)
        )
        door = self.running.door("collector", "Collector of events", outside=443, inside=_HTTPS)
        self.running.web_balancer("collector-balancer", "collector", door).add_targets(
            "collector",
            port=_HTTPS,
            protocol=elb.ApplicationProtocol.HTTPS,
            targets=[service],
            health_check=elb.HealthCheck(
                path="/health", protocol=elb.Protocol.HTTPS, healthy_http_codes="200"
            ),
        )

    def _listener(self) -> None:
        """TLS from the sender to the balancer, and TLS again from there to the service."""
        service = self.running.run(
            LISTENER,
            self.running.role("mllp", "Receives HL7 v2 over MLLP", self._lands("hl7v2")),
        )
        door = self.running.door("mllp", "Listener of HL7 v2", outside=_MLLP, inside=_MLLP)
        balancer = elb.NetworkLoadBalancer(
            self,
            "mllp-balancer",
            load_balancer_name=self.names.of("mllp")[:32],
            vpc=self.running.vpc,
            internet_facing=False,
            deletion_protection=True,
            cross_zone_enabled=True,
            security_groups=[door],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
        )
        listener = balancer.add_listener(
            "mllp-tls",
            port=_MLLP,
            protocol=elb.Protocol.TLS,
            certificates=[self.running.certificate()],
            ssl_policy=elb.SslPolicy.TLS13_RES,
        )
        listener.add_targets(
            "mllp",
            port=_MLLP,
            protocol=elb.Protocol.TLS,
            targets=[service],
            health_check=elb.HealthCheck(protocol=elb.Protocol.TCP),
        )
