"""What a type of resource has to do with data of patients. A type that is not told here is an error."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from a360.errors import OperatorError


class Custody(StrEnum):
    """How near a resource comes to data of patients."""

    HOLDS = "holds"
    """Data lies in it, or could not be read again without it: losing it loses data."""
    CARRIES = "carries"
    """Data passes through it, or is worked on in it."""
    GUARDS = "guards"
    """It decides who reaches data, or keeps watch of who did."""
    BESIDE = "beside"
    """It never comes near: what things cost, when something starts, what is called how."""


_TYPES = {
    Custody.HOLDS: """
        Backup::BackupVault EFS::FileSystem Glue::Database Glue::Table KMS::Key Kinesis::Stream
        Logs::LogGroup RDS::DBInstance S3::Bucket SageMaker::FeatureGroup
    """,
    Custody.CARRIES: """
        Athena::WorkGroup Bedrock::Guardrail ECS::Service EFS::AccessPoint EFS::MountTarget
        EMRServerless::Application ElasticLoadBalancingV2::Listener
        ElasticLoadBalancingV2::LoadBalancer ElasticLoadBalancingV2::TargetGroup Events::EventBus
        Events::Rule Glue::Connection Glue::Job KinesisFirehose::DeliveryStream
        Lambda::EventSourceMapping Lambda::Function Logs::LogStream Pipes::Pipe SNS::Subscription
        SNS::Topic SQS::Queue
    """,
    Custody.GUARDS: """
        CloudTrail::Trail Config::ConfigurationRecorder Config::ConformancePack
        Config::DeliveryChannel EC2::FlowLog EC2::SecurityGroup EC2::SecurityGroupEgress
        EC2::SecurityGroupIngress EC2::VPCEndpoint Glue::DataCatalogEncryptionSettings
        Glue::SecurityConfiguration GuardDuty::Detector IAM::ManagedPolicy IAM::OIDCProvider
        IAM::Policy IAM::Role KMS::Alias LakeFormation::DataCellsFilter
        LakeFormation::DataLakeSettings LakeFormation::PrincipalPermissions LakeFormation::Resource
        LakeFormation::Tag LakeFormation::TagAssociation Macie::Session RAM::ResourceShare
        S3::BucketPolicy SNS::TopicPolicy SQS::QueuePolicy SecurityHub::Hub SecurityHub::Standard
    """,
    Custody.BESIDE: """
        Backup::BackupPlan Backup::BackupSelection Backup::RestoreTestingPlan
        Backup::RestoreTestingSelection Bedrock::GuardrailVersion Budgets::Budget CDK::Metadata
        CE::AnomalyMonitor CE::AnomalySubscription CloudWatch::Alarm CloudWatch::Dashboard
        EC2::RouteTable EC2::Subnet EC2::SubnetRouteTableAssociation EC2::VPC ECR::Repository
        ECS::Cluster ECS::TaskDefinition Glue::DataQualityRuleset Glue::TableOptimizer
        RDS::DBSubnetGroup SSM::Parameter SageMaker::ModelPackageGroup Scheduler::Schedule
    """,
}
TYPES: Mapping[str, Custody] = MappingProxyType(
    {f"AWS::{name}": custody for custody, names in _TYPES.items() for name in names.split()}
)


def custody_of(resource: Mapping[str, Any]) -> Custody:
    """What a resource of a template has to do with data of patients.

    A view holds none, though it is a table to Glue.

    Raises:
        OperatorError: nobody has said so of its type yet.
    """
    kind = resource["Type"]
    if kind not in TYPES:
        raise OperatorError(
            "setting-invalid",
            f"Nobody has said what {kind} has to do with data of patients",
            where=str(Path("infra/policy") / Path(__file__).name),
            found="a type that the file does not name",
            next_step="put the type into one of the four lists of the file",
        )
    view = resource.get("Properties", {}).get("TableInput", {}).get("ViewDefinition")
    return Custody.CARRIES if view else TYPES[kind]
