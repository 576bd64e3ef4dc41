"""Services on Fargate that nobody reaches from outside the network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from infra.constructs.lake_folder import MOUNTED, folder_rights, folder_volume
from infra.constructs.private_network import private_network
from infra.constructs.service_key import log_group
from infra.stacks._stack import LakeStack

USER = "10001:10001"
SCRATCH = "/scratch"
"""Where a container can write. Fargate gives it to root, unless the image declares it as its user's."""
_INSIDE = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the command that its container runs, and how many of it run."""

    name: str
    command: tuple[str, ...]
    count: int = 1
    port: int | None = None
    alone: bool = False
    """Two of it would each do what is due: the old one ends before the new one begins."""
    folder: bool = True
    """Whether it works on the lake, whose folder it then has; others hand on what they receive."""
    environment: Mapping[str, str] = field(default_factory=dict)


class PrivateServices:
    """The services of a part of the lake: one cluster, one image, one group of security.

    Containers run without root; they can write to scratch space and to the lake's folder alone.
    """

    def __init__(self, stack: LakeStack, part: str, *, key: kms.IKey, image: str) -> None:
        """`image` is the part of the repository's name and of the parameter that names the tag to run."""
        self.stack, self._part, self._key = stack, part, key
        self.vpc, self.workers = private_network(stack)
        self._image = ecs.ContainerImage.from_ecr_repository(
            ecr.Repository.from_repository_name(stack, "images", stack.names.of(image)),
            stack.published(image, "image"),
        )
        self.cluster = ecs.Cluster(
            stack,
            "cluster",
            cluster_name=stack.names.of(part),
            vpc=self.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        # The workers' own group is the network's and takes no rules from here.
        self.group = ec2.SecurityGroup(
            stack, "services", vpc=self.vpc, description=f"Services of {part}", allow_all_outbound=False
        )

    def role(self, name: str, doc: str, may: Iterable[iam.PolicyStatement]) -> iam.Role:
        """A role that tasks of this account take on."""
        role = iam.Role(
            self.stack,
            f"{name}-role",
            role_name=self.stack.names.role(name),
            description=doc,
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.stack.names.account}},
            ),
        )
        for statement in may:
            role.add_to_policy(statement)
        return role

    def task(self, service: Service, role: iam.Role) -> ecs.FargateTaskDefinition:
        """What runs as a role, whether as a service or by a schedule."""
        stack, names = self.stack, self.stack.names
        for statement in folder_rights(stack) if service.folder else ():
            role.add_to_policy(statement)
        task = ecs.FargateTaskDefinition(
            stack,
            f"{service.name}-task",
            family=names.of(self._part, service.name),
            cpu=1024,
            memory_limit_mib=4096,
            task_role=role,
            volumes=[ecs.Volume(name="scratch"), *([folder_volume(stack)] if service.folder else ())],
        )
        container = task.add_container(
            service.name,
            image=self._image,
            command=[*service.command],
            user=USER,
            readonly_root_filesystem=True,
            essential=True,
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix=service.name,
                log_group=log_group(stack, self._part, service.name, self._key),
            ),
            environment={
                "A360_ENV": stack.deployment.environment.name,
                "A360_LAKE": MOUNTED if service.folder else f"{SCRATCH}/lake",
                "A360_CACHE": f"{SCRATCH}/cache",
                "A360_LOG_FORMAT": "json",
                "HOME": SCRATCH,
                "TMPDIR": SCRATCH,
                **service.environment,
            },
            port_mappings=[ecs.PortMapping(container_port=service.port)] if service.port else [],
        )
        container.add_mount_points(
            ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False)
        )
        if service.folder:
            container.add_mount_points(
                ecs.MountPoint(container_path=MOUNTED, source_volume="lake", read_only=False)
            )
        return task

    def run(self, service: Service, role: iam.Role) -> ecs.FargateService:
        """A service that is kept running."""
        return ecs.FargateService(
            self.stack,
            service.name,
            service_name=self.stack.names.of(self._part, service.name),
            cluster=self.cluster,
            task_definition=self.task(service, role),
            desired_count=service.count,
            min_healthy_percent=0 if service.alone else 50,
            max_healthy_percent=100 if service.alone else 200,
            assign_public_ip=False,
            vpc_subnets=_INSIDE,
            security_groups=[self.workers, self.group],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
        )

    def door(self, name: str, what: str, *, outside: int, inside: int) -> ec2.SecurityGroup:
        """The group of a balancer: from inside the network to it, and from it to the services."""
        door = ec2.SecurityGroup(
            self.stack, f"{name}-door", vpc=self.vpc, description=what, allow_all_outbound=False
        )
        workers = ec2.Peer.security_group_id(self.workers.security_group_id)
        door.add_ingress_rule(workers, ec2.Port.tcp(outside), "From inside the network")
        door.add_egress_rule(self.group, ec2.Port.tcp(inside), "To the service")
        self.group.add_ingress_rule(door, ec2.Port.tcp(inside), f"From the balancer of {name}")
        return door

    def web_balancer(self, identifier: str, name: str, door: ec2.SecurityGroup) -> elb.ApplicationListener:
        """A balancer of HTTPS inside the network; its certificate is published by an operator."""
        balancer = elb.ApplicationLoadBalancer(
            self.stack,
            identifier,
            load_balancer_name=self.stack.names.of(name)[:32],
            vpc=self.vpc,
            internet_facing=False,
            deletion_protection=True,
            drop_invalid_header_fields=True,
            security_group=door,
            vpc_subnets=_INSIDE,
        )
        return balancer.add_listener(
            "https",
            port=443,
            open=False,
            certificates=[self.certificate()],
            ssl_policy=elb.SslPolicy.TLS13_RES,
        )

    def certificate(self) -> elb.IListenerCertificate:
        """The certificate of the part's balancers."""
        return elb.ListenerCertificate.from_arn(self.stack.published(self._part, "certificate"))
