"""What is there before anything of the lake runs: repositories of images, and the lake's folder."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.constructs.private_network import private_network
from infra.constructs.service_key import service_key
from infra.contracts_adapter import Deployment
from infra.stacks._stack import LakeStack

IMAGES = ("ingest", "orchestration")
"""The parts that run an image of their own. Who pushes one publishes its tag as `<part>/image`."""
_OWNER = "10001"
_NFS = 2049
_PENDING_DAYS = 30  # in which the deletion of a key can be called off, the longest there is


class WorkplaceStack(LakeStack):
    """Comes before the stacks that run images, so that there is something to run when these are made."""

    def __init__(self, scope: Construct, deployment: Deployment) -> None:
        """One stack a deployment."""
        super().__init__(scope, "workplace", deployment)
        self.key = service_key(self, "workplace")
        self.packs = self._guard()
        self.images = {part: self._repository(part) for part in IMAGES}
        self._let_functions_pull(self.images["ingest"])
        self.folder, self.point = self._folder()
        self.publish(self.folder.ref, "workplace", "file-system")
        self.publish(self.point.ref, "workplace", "access-point")

    def _guard(self) -> kms.Key:
        """The key that guards the lake's keys, for an environment to name: `alias/<prefix>/packs`."""
        return kms.Key(
            self,
            "packs",
            alias=self.names.key_alias("packs"),
            description=f"{self.names.prefix}: guards the keys of the lake",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(_PENDING_DAYS),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _repository(self, part: str) -> ecr.Repository:
        return ecr.Repository(
            self,
            f"images-{part}",
            repository_name=self.names.of(part),
            encryption=ecr.RepositoryEncryption.KMS,
            encryption_key=self.key,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )

    def _let_functions_pull(self, repository: ecr.Repository) -> None:
        """Lambda pulls an image as itself, not as the function's role."""
        functions = f"arn:aws:lambda:{self.names.region}:{self.names.account}:function:{self.names.of('*')}"
        repository.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                conditions={"ArnLike": {"aws:SourceArn": functions}},
            )
        )

    def _folder(self) -> tuple[efs.CfnFileSystem, efs.CfnAccessPoint]:
        """A file system that only mounts over TLS, of known roles, through its access point."""
        vpc, workers = private_network(self)
        folder = efs.CfnFileSystem(
            self,
            "folder",
            encrypted=True,
            kms_key_id=self.key.key_arn,
            performance_mode="generalPurpose",
            throughput_mode="elastic",
            backup_policy=efs.CfnFileSystem.BackupPolicyProperty(status="ENABLED"),
            file_system_tags=[
                efs.CfnFileSystem.ElasticFileSystemTagProperty(key="Name", value=self.names.of("folder"))
            ],
            file_system_policy=self._policy(),
        )
        folder.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        door = ec2.SecurityGroup(
            self, "folder-door", vpc=vpc, description="The folder of the lake", allow_all_outbound=False
        )
        door.add_ingress_rule(
            ec2.Peer.security_group_id(workers.security_group_id), ec2.Port.tcp(_NFS), "What computes"
        )
        for number, subnet in enumerate(vpc.isolated_subnets):
            efs.CfnMountTarget(
                self,
                f"folder-{number}",
                file_system_id=folder.ref,
                subnet_id=subnet.subnet_id,
                security_groups=[door.security_group_id],
            )
        # Whoever comes through it is the owner of the folder, and sees nothing above it.
        point = efs.CfnAccessPoint(
            self,
            "access-point",
            file_system_id=folder.ref,
            posix_user=efs.CfnAccessPoint.PosixUserProperty(uid=_OWNER, gid=_OWNER),
            root_directory=efs.CfnAccessPoint.RootDirectoryProperty(
                path=f"/{self.names.prefix}",
                creation_info=efs.CfnAccessPoint.CreationInfoProperty(
                    owner_uid=_OWNER, owner_gid=_OWNER, permissions="0700"
                ),
            ),
        )
        return folder, point

    def _policy(self) -> iam.PolicyDocument:
        everybody = [iam.AnyPrincipal()]
        mount = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        return iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    principals=everybody,
                    actions=[*mount, "elasticfilesystem:ClientRootAccess"],
                    conditions={"Bool": {"aws:SecureTransport": "false"}},
                ),
                iam.PolicyStatement(
                    principals=[iam.AccountRootPrincipal()],
                    actions=mount,
                    conditions={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
                ),
            ]
        )
