"""Tasks on Fargate that EventBridge Scheduler starts."""

from dataclasses import dataclass

from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler

from infra.constructs.private_services import PrivateServices
from infra.constructs.roles import service_role

_TRIES, _HOUR = 3, 3600


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due."""

    name: str
    when: str
    what: str


def scheduled_task(
    tasks: PrivateServices,
    task: ecs.FargateTaskDefinition,
    schedule: Schedule,
    *,
    key: kms.IKey,
    undelivered: str,
    enabled: bool,
) -> scheduler.CfnSchedule:
    """Starts the task when it is due; that it could not be started is told to a queue."""
    made = scheduler.CfnSchedule
    role = service_role(
        tasks.stack,
        f"schedule-{schedule.name}",
        "scheduler",
        f"Starts what is due: {schedule.what}",
        _rights(tasks, task, key.key_arn, undelivered),
    )
    return made(
        tasks.stack,
        f"schedule-{schedule.name}",
        name=tasks.stack.names.of(schedule.name),
        description=schedule.what,
        schedule_expression=schedule.when,
        flexible_time_window=made.FlexibleTimeWindowProperty(mode="OFF"),
        kms_key_arn=key.key_arn,
        state="ENABLED" if enabled else "DISABLED",
        target=made.TargetProperty(
            arn=tasks.cluster.cluster_arn,
            role_arn=role.role_arn,
            dead_letter_config=made.DeadLetterConfigProperty(arn=undelivered),
            retry_policy=made.RetryPolicyProperty(
                maximum_event_age_in_seconds=_HOUR, maximum_retry_attempts=_TRIES
            ),
            ecs_parameters=made.EcsParametersProperty(
                task_definition_arn=task.task_definition_arn,
                launch_type="FARGATE",
                task_count=1,
                network_configuration=made.NetworkConfigurationProperty(
                    awsvpc_configuration=made.AwsVpcConfigurationProperty(
                        assign_public_ip="DISABLED",
                        subnets=[each.subnet_id for each in tasks.vpc.isolated_subnets],
                        security_groups=[tasks.workers.security_group_id, tasks.group.security_group_id],
                    )
                ),
            ),
        ),
    )


def _rights(
    tasks: PrivateServices, task: ecs.FargateTaskDefinition, key: str, undelivered: str
) -> list[iam.PolicyStatement]:
    names = tasks.stack.names
    family = f"arn:aws:ecs:{names.region}:{names.account}:task-definition/{task.family}:*"
    return [
        iam.PolicyStatement(
            actions=["ecs:RunTask"],
            resources=[family],
            conditions={"ArnEquals": {"ecs:cluster": tasks.cluster.cluster_arn}},
        ),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[task.task_role.role_arn, task.obtain_execution_role().role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[undelivered]),
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key]),
    ]
