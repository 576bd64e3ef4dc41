"""Objects and events reach bronze encrypted, by roles that name what they do, and none is lost unseen."""

import contextlib
import dataclasses
import fnmatch
import json

import aws_cdk as cdk
import cfnlint.api
import pytest
from aws_cdk import assertions

from a360.contract import Environment
from infra.constructs.event_stream import landing_prefix
from infra.constructs.event_table import event_members, hive_type
from infra.constructs.landing_function import HANDLER
from infra.constructs.statements import guarding
from infra.names import DEAD_LETTERS
from infra.policy import packs
from infra.policy.acknowledgements import acknowledgements
from infra.stacks.ingest import WRITTEN, IngestStack
from infra.tests.conftest import new_app
from infra.tests.test_policy import LINT_STANDS, findings

POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


@pytest.fixture(scope="module")
def ingest(template):
    return template("ingest")


@pytest.fixture(scope="module")
def operations(template):
    return template("operations")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def listed(value):
    return value if isinstance(value, list) else [value]


def allowed(template):
    """The statements that allow something to any role of the stack."""
    return [
        statement
        for kind in POLICIES
        for policy in properties(template, kind)
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]


def of_role(template, name):
    """What the managed policies of a role of this name allow."""
    return [
        statement
        for policy in properties(template, "AWS::IAM::ManagedPolicy")
        if policy["ManagedPolicyName"].startswith(name)
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]


def test_each_queue_is_encrypted_takes_tls_alone_and_has_a_queue_of_dead_letters(ingest, deployment):
    """A customer key, a refusal of plain HTTP, and a queue of dead letters for what is not one itself."""
    queues = ingest.find_resources("AWS::SQS::Queue")
    dead = {deployment.names.of(each) for each in DEAD_LETTERS}
    for queue in queues.values():
        told = queue["Properties"]
        assert "KmsMasterKeyId" in told
        assert (told["QueueName"] in dead) != ("RedrivePolicy" in told)
    secured = {
        reference["Ref"]
        for policy in properties(ingest, "AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Effect"] == "Deny"
        for reference in policy["Queues"]
    }
    assert secured == set(queues)


def test_only_objects_in_landing_become_messages(ingest, deployment):
    """The rule takes objects of bronze's bucket below `landing/`, and what it cannot hand on is kept."""
    (rule,) = [each for each in properties(ingest, "AWS::Events::Rule") if "EventBusName" not in each]
    detail = rule["EventPattern"]["detail"]
    assert detail["bucket"]["name"] == [deployment.names.bucket("bronze")]
    assert detail["object"]["key"] == [{"prefix": "landing/"}]
    (target,) = rule["Targets"]
    assert "DeadLetterConfig" in target


def test_only_that_rule_sends_to_the_queue_of_objects(ingest):
    """EventBridge may put messages into the queue for this rule's sake, and nobody else may at all."""
    (queue,) = [
        name
        for name, each in ingest.find_resources("AWS::SQS::Queue").items()
        if "RedrivePolicy" in each["Properties"]
    ]
    (policy,) = [
        each for each in properties(ingest, "AWS::SQS::QueuePolicy") if each["Queues"] == [{"Ref": queue}]
    ]
    (statement,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert "aws:SourceArn" in statement["Condition"]["ArnEquals"]


def test_the_function_runs_the_handler_in_the_network_with_the_lakes_folder(ingest):
    """The image's handler runs without a way to the internet, on encrypted variables, a few at once."""
    (function,) = properties(ingest, "AWS::Lambda::Function")
    assert function["PackageType"] == "Image"
    assert function["ImageConfig"]["Command"] == [HANDLER]
    assert len(function["VpcConfig"]["SubnetIds"]) == 2
    assert "KmsKeyArn" in function
    assert function["ReservedConcurrentExecutions"] <= 10
    (mounted,) = function["FileSystemConfigs"]
    assert function["Environment"]["Variables"]["A360_LAKE"] == mounted["LocalMountPath"]


def test_a_failed_object_is_tried_alone_and_longer_than_the_function_runs(ingest):
    """One failed object of a batch comes again without the others, and not while it is still worked on."""
    (mapping,) = properties(ingest, "AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (function,) = properties(ingest, "AWS::Lambda::Function")
    (queue,) = [each for each in properties(ingest, "AWS::SQS::Queue") if "RedrivePolicy" in each]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_nothing_is_taken_in_before_a_key_of_kms_guards_the_lakes_keys(ingest, deployment):
    """An environment that names no key store of KMS has its function and schedule wait."""
    (mapping,) = properties(ingest, "AWS::Lambda::EventSourceMapping")
    (schedule,) = properties(ingest, "AWS::Scheduler::Schedule")
    guarded = deployment.environment.keys is not None
    assert mapping["Enabled"] is guarded
    assert (schedule["State"] == "ENABLED") is guarded


def test_each_type_of_events_has_its_stream(ingest, deployment):
    """The contracts say which records are events; each has a stream that is encrypted and kept a week."""
    streams = {each["Name"]: each for each in properties(ingest, "AWS::Kinesis::Stream")}
    declared = [each.name for each in deployment.plan.receptions if "events" in each.kinds]
    assert declared
    assert set(streams) == {deployment.names.stream(each) for each in declared}
    for each in streams.values():
        assert each["StreamEncryption"]["EncryptionType"] == "KMS"
        assert each["RetentionPeriodHours"] >= 168


def test_files_of_events_are_named_so_that_the_lake_knows_what_they_hold(ingest, deployment):
    """What a delivery writes lies in `landing/events/`, under a name that only its own record type has."""
    deliveries = {
        each["DeliveryStreamName"]: each["ExtendedS3DestinationConfiguration"]
        for each in properties(ingest, "AWS::KinesisFirehose::DeliveryStream")
    }
    for reception in deployment.streams:
        told = deliveries[deployment.names.stream(reception.name)]
        assert told["Prefix"] == landing_prefix(reception)
        name = told["Prefix"].rpartition("/")[2] + "delivery-1-2026-01-01-00-00-00" + told["FileExtension"]
        knowing = [
            each.name
            for each in deployment.plan.receptions
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in each.files)
        ]
        assert knowing == [reception.name]
        assert told["Prefix"].startswith("landing/events/")
        assert not told["ErrorOutputPrefix"].startswith("landing/")


def test_events_pass_on_encrypted_and_what_fails_is_told_without_its_content(ingest):
    """Deliveries have the customer key, pipes a queue of dead letters, and logs nothing of an event."""
    for each in properties(ingest, "AWS::KinesisFirehose::DeliveryStream"):
        assert each["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == "CUSTOMER_MANAGED_CMK"
        assert "KMSEncryptionConfig" in each["ExtendedS3DestinationConfiguration"]["EncryptionConfiguration"]
    for each in properties(ingest, "AWS::Pipes::Pipe"):
        assert "DeadLetterConfig" in each["SourceParameters"]["KinesisStreamParameters"]
        assert "KmsKeyIdentifier" in each
        assert "IncludeExecutionData" not in each["LogConfiguration"]


def test_the_bus_is_encrypted_and_hands_each_event_on_bare(ingest, deployment):
    """The stream gets what a program told, without the bus's envelope, or a queue of dead letters does."""
    (bus,) = properties(ingest, "AWS::Events::EventBus")
    assert {"KmsKeyIdentifier", "DeadLetterConfig"} <= set(bus)
    rules = [each for each in properties(ingest, "AWS::Events::Rule") if "EventBusName" in each]
    assert {name for each in rules for name in each["EventPattern"]["detail-type"]} == {
        each.name for each in deployment.streams
    }
    for each in rules:
        (target,) = each["Targets"]
        assert target["InputPath"] == "$.detail"
        assert {"DeadLetterConfig", "KinesisParameters"} <= set(target)


def test_roles_name_what_they_do_and_on_what(ingest):
    """No action holds an asterisk; a resource that is everything is for what IAM knows none of."""
    bare = {
        "lakeformation:GetDataAccess",
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
    }
    for statement in allowed(ingest):
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        if listed(statement["Resource"]) == ["*"]:
            assert set(listed(statement["Action"])) <= bare


def test_what_takes_objects_in_never_changes_them(ingest, deployment):
    """The function reads `landing/` and writes the tables of bronze; what landed it cannot overwrite."""
    bronze = deployment.names.bucket_arn("bronze")
    written = [
        resource
        for statement in of_role(ingest, deployment.names.role("object-created"))
        if "s3:PutObject" in statement["Action"]
        for resource in listed(statement["Resource"])
    ]
    below = {each for each in written if each.startswith(bronze)}
    assert below == {f"{bronze}/{table.name}/*" for table in deployment.tables("bronze")}
    assert all(any(deployment.names.bucket_arn(zone) in each for zone in WRITTEN) for each in written)


def test_the_functions_code_cannot_change_the_network(ingest):
    """Lambda makes the function's interfaces; the function itself is denied that."""
    denied = [
        statement
        for policy in properties(ingest, "AWS::IAM::ManagedPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
    ]
    (statement,) = denied
    assert "ec2:CreateNetworkInterface" in statement["Action"]
    assert "lambda:SourceFunctionArn" in statement["Condition"]["ArnEquals"]


def test_deliveries_put_files_and_read_none(ingest, deployment):
    """A delivery's role writes below two paths of bronze's bucket, and can read no object."""
    for each in deployment.streams:
        role = deployment.names.role("deliver-" + each.name.replace("_", "-"))
        actions = [action for one in of_role(ingest, role) for action in listed(one["Action"])]
        assert "s3:PutObject" in actions
        assert "s3:GetObject" not in actions


def test_logs_are_encrypted_and_kept_for_more_than_a_year(ingest):
    """Every group of logs has the stack's customer key."""
    groups = properties(ingest, "AWS::Logs::LogGroup")
    assert groups
    assert all("KmsKeyId" in each and each["RetentionInDays"] >= 365 for each in groups)


def test_the_alarms_watch_what_is_there(ingest, operations, deployment):
    """Alarms on queues, streams and deliveries name those of this stack, and each of these has one."""
    told = {
        (one["Name"], one["Value"])
        for alarm in properties(operations, "AWS::CloudWatch::Alarm")
        for one in alarm.get("Dimensions", ())
        if one["Name"] in ("QueueName", "StreamName", "DeliveryStreamName")
    }
    made = {("QueueName", each["QueueName"]) for each in properties(ingest, "AWS::SQS::Queue")}
    made |= {("StreamName", each["Name"]) for each in properties(ingest, "AWS::Kinesis::Stream")}
    made |= {
        ("DeliveryStreamName", each["DeliveryStreamName"])
        for each in properties(ingest, "AWS::KinesisFirehose::DeliveryStream")
    }
    assert told == made


def test_the_schedule_starts_one_task_and_passes_on_its_roles_alone(ingest, deployment):
    """The nightly task runs in private subnets; its schedule passes two roles on, to tasks of ECS."""
    (schedule,) = properties(ingest, "AWS::Scheduler::Schedule")
    network = schedule["Target"]["EcsParameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    (passed,) = [each for each in allowed(ingest) if "iam:PassRole" in listed(each["Action"])]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert len(passed["Resource"]) == 2


def test_what_takes_data_in_is_granted_the_tables_it_writes_and_no_others(template, deployment):
    """Lake Formation lets the three roles at bronze, quarantine and ops, and at nothing of silver or gold."""
    roles = {deployment.names.role_arn(each) for each in ("object-created", "ingest", "consumer")}
    granted = {
        json.dumps(each["Resource"], sort_keys=True)
        for each in properties(template("grants"), "AWS::LakeFormation::PrincipalPermissions")
        if each["Principal"]["DataLakePrincipalIdentifier"] in roles
    }
    for zone in deployment.zones:
        database = f'"{deployment.names.database(zone)}"'
        assert any(database in each for each in granted) is (zone in WRITTEN), zone


def saying(deployment, **more):
    """The deployment, of whose environment more is told."""
    told = deployment.environment.model_dump(by_alias=True, exclude_none=True) | more
    return dataclasses.replace(deployment, environment=Environment.model_validate(told))


@pytest.fixture(scope="module")
def guarded(deployment):
    """The stack where the environment names a key of KMS by its alias."""
    keys = {"store": "kms", "key": f"alias/{deployment.names.prefix}/packs"}
    stack = IngestStack(cdk.Stage(new_app(), "guarded"), saying(deployment, keys=keys))
    return assertions.Template.from_stack(stack)


def test_with_a_key_of_kms_data_is_taken_in(guarded):
    """The function gets its messages, and the schedule runs."""
    (mapping,) = properties(guarded, "AWS::Lambda::EventSourceMapping")
    assert mapping["Enabled"] is True
    (schedule,) = properties(guarded, "AWS::Scheduler::Schedule")
    assert schedule["State"] == "ENABLED"


def test_the_function_may_use_the_key_that_is_named_and_no_other(guarded, deployment):
    """A policy cannot name a key by its alias: a condition holds the function to it."""
    statements = of_role(guarded, deployment.names.role("object-created"))
    (used,) = [each for each in statements if "kms:Encrypt" in listed(each["Action"])]
    alias = f"alias/{deployment.names.prefix}/packs"
    assert used["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": [alias]}}


def test_a_key_that_is_named_by_its_arn_is_the_resource(deployment):
    """Then no condition is needed, and no wildcard is there."""
    key = f"arn:aws:kms:{deployment.names.region}:{deployment.names.account}:key/0f00-11"
    told = guarding(deployment.names, key).to_statement_json()
    assert told["Resource"] == key
    assert "Condition" not in told


@pytest.fixture(scope="module")
def beside(deployment):
    """A deployment whose environment has events written to tables beside the lake."""
    return saying(deployment, firehose="iceberg")


@pytest.fixture(scope="module")
def tables_beside(beside, tmp_path_factory):
    """The app of its stack under the packs: the folder, and the template."""
    folder = tmp_path_factory.mktemp("beside")
    app = new_app(outdir=str(folder))
    stack = IngestStack(cdk.Stage(app, beside.environment.name), beside)
    packs.attach(app)
    with contextlib.suppress(RuntimeError):
        app.synth()
    return folder, assertions.Template.from_stack(stack)


def test_events_lie_beside_the_lake_only_where_the_environment_says_so(ingest, tables_beside, beside):
    """Without the word there is no such table; with it one a stream, kept, which a delivery fills."""
    assert not ingest.find_resources("AWS::Glue::Table")
    _, template = tables_beside
    tables = template.find_resources("AWS::Glue::Table").values()
    named = {each["Properties"]["TableInput"]["Name"] for each in tables}
    assert named == {each.name for each in beside.streams}
    assert all(each["DeletionPolicy"] == "Retain" for each in tables)
    deliveries = [
        each
        for each in properties(template, "AWS::KinesisFirehose::DeliveryStream")
        if "IcebergDestinationConfiguration" in each
    ]
    assert len(deliveries) == len(beside.streams)
    assert all("KinesisStreamSourceConfiguration" in each for each in deliveries)


def test_tables_of_events_have_the_members_that_contracts_know(beside):
    """Every member of an event is a column, those within others a struct."""
    members = event_members(next(each for each in beside.streams if each.name == "sensor_reading"))
    assert members["reading_id"] == "string"
    assert hive_type(members["device"]).startswith("struct<serial:string")


def test_nobody_but_the_delivery_is_granted_tables_of_events(tables_beside, beside):
    """Lake Formation lets the one role at them, without a right to hand it on."""
    _, template = tables_beside
    grants = properties(template, "AWS::LakeFormation::PrincipalPermissions")
    assert len({str(each["Principal"]) for each in grants}) == 1
    assert all(each["PermissionsWithGrantOption"] == [] for each in grants)


def test_tables_of_events_leave_no_finding_open(tables_beside, beside):
    """The packs and our own rules find nothing there that is not acknowledged with its reason."""
    folder, _ = tables_beside
    assert findings(folder) <= set(acknowledgements(beside))
    (path,) = folder.glob("assembly-*/*.template.json")
    matches = cfnlint.api.lint_file(path, config=cfnlint.api.ManualArgs(regions=[beside.names.region]))
    assert {each.rule.id for each in matches} <= LINT_STANDS
