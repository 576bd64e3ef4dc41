"""The function that takes objects of `landing/` into bronze."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as functions

from infra.constructs import statements
from infra.constructs.lake_folder import MOUNTED, access_point, folder_rights
from infra.constructs.private_network import subnets_of
from infra.constructs.roles import managed_policy, service_role
from infra.constructs.service_key import log_group
from infra.stacks._stack import LakeStack

HANDLER = "a360.handlers.object_created.handler"
MINUTES = 15  # the longest there is
AT_ONCE = 4
_MIB = 4096
_NAME = "object-created"


def landing_function(
    stack: LakeStack,
    *,
    image: str,
    key: kms.IKey,
    messages: str,
    undelivered: str,
    may: Sequence[iam.PolicyStatement],
) -> functions.CfnFunction:
    """The lake's own image as a function: with Arrow and DuckDB it is twice what a zipped one may be.

    `messages` and `undelivered` are the ARNs of queues, `may` what the handler itself does.
    """
    role = service_role(stack, _NAME, "lambda", "Takes in what lands", [*may, *folder_rights(stack)])
    runtime = _runtime(stack, key.key_arn, messages, undelivered)
    policy = managed_policy(stack, f"{_NAME}-runtime", "What Lambda does as the function", runtime, [role])
    made = functions.CfnFunction
    function = made(
        stack,
        _NAME,
        function_name=stack.names.of(_NAME),
        description="Takes an object of landing into bronze",
        role=role.role_arn,
        package_type="Image",
        architectures=["x86_64"],
        code=made.CodeProperty(image_uri=image),
        image_config=made.ImageConfigProperty(
            entry_point=["python", "-m", "awslambdaric"], command=[HANDLER]
        ),
        memory_size=_MIB,
        timeout=MINUTES * 60,
        reserved_concurrent_executions=2 * AT_ONCE,
        ephemeral_storage=made.EphemeralStorageProperty(size=_MIB),
        environment=_environment(stack),
        kms_key_arn=key.key_arn,
        dead_letter_config=made.DeadLetterConfigProperty(target_arn=undelivered),
        file_system_configs=[
            made.FileSystemConfigProperty(arn=access_point(stack), local_mount_path=MOUNTED)
        ],
        logging_config=made.LoggingConfigProperty(
            log_format="JSON", log_group=log_group(stack, "ingest", _NAME, key).log_group_name
        ),
        vpc_config=made.VpcConfigProperty(
            subnet_ids=subnets_of(stack), security_group_ids=[stack.published("network", "workers")]
        ),
    )
    function.node.add_dependency(policy)
    return function


def _environment(stack: LakeStack) -> functions.CfnFunction.EnvironmentProperty:
    return functions.CfnFunction.EnvironmentProperty(
        variables={
            "A360_ENV": stack.deployment.environment.name,
            "A360_LAKE": MOUNTED,
            "A360_CACHE": "/tmp/a360",  # noqa: S108 - the function's own, gone with it
            "A360_LOG_FORMAT": "json",
            "HOME": "/tmp",  # noqa: S108 - likewise
            "A360_MEMORY_LIMIT": f"{_MIB // 2}MiB",
        }
    )


def _runtime(stack: LakeStack, key: str, messages: str, undelivered: str) -> list[iam.PolicyStatement]:
    """What Lambda does on the function's behalf: messages, logs, its interfaces in the network."""
    names = stack.names
    at = f"{names.region}:{names.account}"
    function = f"arn:aws:lambda:{at}:function:{names.of(_NAME)}"
    allowed = iam.PolicyStatement
    return [
        allowed(
            actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            resources=[messages],
        ),
        allowed(actions=["sqs:SendMessage"], resources=[undelivered]),
        allowed(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[key]),
        allowed(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"arn:aws:logs:{at}:log-group:/{names.lake}/{names.environment}/ingest/{_NAME}:*"],
        ),
        *statements.interfaces(names, subnets_of(stack), stack.published("network", "workers")),
        # Lambda needs these to set the function up; the function's own code does not.
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=["ec2:CreateNetworkInterface", *statements.CHANGE_INTERFACES],
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": function}},
        ),
    ]
