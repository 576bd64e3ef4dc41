"""Stacks of `infra/` on ministack: bootstrapped and deployed by `cdk`, and looked at afterwards."""

import itertools
import json
import re
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from a360.contract import load_contracts, make_plan

sys.path.insert(0, str(Path(__file__).parents[1]))

from stack_deployment import LEFT_OUT, NAMES, ROOT, STAGE, Rehearsal

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = [pytest.mark.aws, pytest.mark.timeout(600)]

ZONES = ("bronze", "silver", "gold", "quarantine", "ops")
BRONZE = NAMES.bucket("bronze")
SENSITIVITIES = ("public", "operational", "phi", "identifier", "audit")
TWO_WEEKS = 14 * 24 * 3600
STACKS = ("storage", "governance", "catalog", "network", "workplace", "processing", "ingest", "reception")
STACKS += ("operations", "ml", *LEFT_OUT)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """All that can be deployed, deployed once."""
    if not (ROOT / "infra/node_modules/aws-cdk").is_dir():
        pytest.skip("the CDK is not installed: make setup-infra")
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "") as emulator:
        made = Rehearsal(emulator, tmp_path_factory.mktemp("rehearsal"))
        made.deploy()
        yield made


@pytest.fixture(scope="module")
def s3(rehearsal):
    return rehearsal.client("s3")


@pytest.fixture(scope="module")
def plan():
    return make_plan(load_contracts(ROOT / "contracts"), "staging")


def waiting(rehearsal, name):
    """The messages of a queue, those that somebody works on included."""
    sqs = rehearsal.client("sqs")
    url = sqs.get_queue_url(QueueName=NAMES.of(name))["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[each]) for each in names)


@pytest.fixture(scope="module")
def person(rehearsal):
    """The credentials of a role, taken on by a user with a tag; without the right tag nobody gets them."""
    number = itertools.count()

    def take_on(name, **tags):
        may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        told = [(f"a360:{key}", value) for key, value in tags.items()]
        document = {"Version": "2012-10-17", "Statement": [may]}
        return rehearsal.take_on(NAMES.of(name), rehearsal.user(f"person-{next(number)}", document, told))

    return take_on


@pytest.mark.parametrize("part", STACKS)
def test_a_stack_is_deployed(rehearsal, part):
    """CloudFormation made all of it that the emulator knows; where that is no use, it is left out."""
    if part in LEFT_OUT:
        pytest.skip(LEFT_OUT[part])
    (stack,) = rehearsal.client("cloudformation").describe_stacks(StackName=NAMES.of(part))["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["EnableTerminationProtection"]
    assert rehearsal.resources(part)


def test_the_documentation_says_what_is_left_out(rehearsal):
    """`docs/aws.md` names for each stack the types that the emulator does not know, and stacks left out."""
    told = {}
    for row in re.findall(
        r"^\| (`.+) \| (whole|without .+|not: .+) \|$", (ROOT / "docs/aws.md").read_text(), re.MULTILINE
    ):
        for name in re.findall(r"`([^`]+)`", row[0]):
            told[name] = row[1]
    found = {}
    for part, types in rehearsal.unknown.items():
        name = f"{part.split('-')[0]}-<shard>" if part.startswith(("catalog-", "grants-")) else part
        found[name] = found.get(name, frozenset()) | types
    assert told.keys() == found.keys()
    for name, types in found.items():
        if name.split("-")[0] in LEFT_OUT:
            assert told[name].startswith("not: ")
        else:
            assert {f"AWS::{each}" for each in re.findall(r"`([^`]+)`", told[name])} == types, name


def test_a_second_deployment_changes_nothing(rehearsal):
    """What is deployed is what the app says: there is nothing to change, and no difference."""
    assert rehearsal.deploy().count("(no changes)") == len(rehearsal.parts)
    told = rehearsal.cdk("diff", *rehearsal.of_parts, "--exclusively", "--fail")
    assert "Number of stacks with differences: 0" in told


def test_stacks_that_nobody_names_are_looked_at(rehearsal):
    """A `cdk diff` as in a pipeline finds the stacks that are not deployed."""
    told = rehearsal.cdk("diff", "--app", "cdk.out", "--method", "template")
    missing = len(rehearsal.templates) - len(rehearsal.parts)
    assert f"Number of stacks with differences: {missing}" in told


def test_a_pull_request_looks_and_deploys_nothing(rehearsal):
    """With the rights of the workflow that plans, `cdk diff` works, and `cdk deploy` ends at a denial."""
    one, plan = (f"{STAGE}/workplace", "--app", "cdk.out", "--exclusively"), rehearsal.workflows["plan"]
    assert "There were no differences" in rehearsal.cdk("diff", *one, signed_as=plan)
    code, told = rehearsal.run("deploy", *one, "--force", "--require-approval", "never", signed_as=plan)
    assert code != 0
    assert "AccessDenied" in told


def test_what_was_changed_by_hand_is_found(rehearsal):
    """`cdk drift` works as the role that the workflow takes on, and sees a queue that forgets too soon."""
    looking = rehearsal.take_on(
        f"cdk-hnb659fds-lookup-role-{ACCOUNT}-{REGION}", rehearsal.workflows["deploy"]
    )
    assert "resources with drift: 0 " in rehearsal.cdk(
        "drift", *rehearsal.of_parts, "--fail", signed_as=looking
    )
    sqs = rehearsal.client("sqs")
    url = sqs.get_queue_url(QueueName=NAMES.of("landing-dead"))["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    code, told = rehearsal.run("drift", *rehearsal.of_parts, "--fail", signed_as=looking)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": str(TWO_WEEKS)})
    assert code == 1
    assert "resources with drift: 1 " in told


@pytest.mark.parametrize("purpose", [*ZONES, "athena-results", "artifacts", "audit", "access-logs"])
def test_a_bucket_is_closed(s3, purpose):
    """It keeps versions, is open to no public and no ACL, and refuses whoever comes without TLS of today."""
    bucket = NAMES.bucket(purpose)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (owned,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owned == {"ObjectOwnership": "BucketOwnerEnforced"}
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    both = {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"}
    refused = [
        each["Condition"] for each in statements if each["Effect"] == "Deny" and {*each["Resource"]} == both
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in refused
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in refused


def test_the_emulator_leaves_out_of_a_bucket_what_the_documentation_says(s3):
    """It drops keys, lock, lifetimes and logs; once it keeps them, they are to be tested here."""
    told = s3.get_bucket_encryption(Bucket=BRONZE)["ServerSideEncryptionConfiguration"]["Rules"]
    assert told[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=BRONZE)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=BRONZE)
    with pytest.raises(ClientError, match="ObjectLockConfigurationNotFoundError"):
        s3.get_object_lock_configuration(Bucket=NAMES.bucket("audit"))


@pytest.mark.parametrize("sensitivity", SENSITIVITIES)
def test_a_key_rotates(rehearsal, sensitivity):
    """The key that other stacks are told is the one of the alias, and it rotates."""
    kms = rehearsal.client("kms")
    key = kms.describe_key(KeyId=f"alias/{NAMES.prefix}/{sensitivity}")["KeyMetadata"]
    assert rehearsal.published("keys", sensitivity) == key["Arn"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]


def test_tables_are_in_the_catalog(rehearsal, plan):
    """Every table of the plan is in the database of its zone; field ids are not, which the emulator drops."""
    glue = rehearsal.client("glue")
    for zone in ZONES:
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=f"a360_{STAGE}_{zone}")
        found = [table for page in pages for table in page["TableList"]]
        expected = {table.name for table in plan.tables if table.namespace == zone}
        assert {table["Name"] for table in found} == expected
        assert not any("metadata_location" in table["Parameters"] for table in found)


def test_the_import_job_has_its_script(rehearsal, s3):
    """The script was put where the job looks for it."""
    (job,) = rehearsal.resources("catalog")["AWS::Glue::Job"]
    place = rehearsal.client("glue").get_job(JobName=job)["Job"]["Command"]["ScriptLocation"]
    bucket, _, key = place.removeprefix("s3://").partition("/")
    script = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert script == (ROOT / "infra/jobs/import_table.py").read_bytes()


def test_the_network_has_no_way_out(rehearsal):
    """No gateway to the internet is attached, no route leads out, and services have doors."""
    ec2, vpc = rehearsal.client("ec2"), rehearsal.published("network", "vpc")
    own = [{"Name": "vpc-id", "Values": [vpc]}]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
    assert ec2.describe_internet_gateways(Filters=attached)["InternetGateways"] == []
    assert ec2.describe_nat_gateways(Filters=own)["NatGateways"] == []
    routes = [
        each for table in ec2.describe_route_tables(Filters=own)["RouteTables"] for each in table["Routes"]
    ]
    assert "0.0.0.0/0" not in {each.get("DestinationCidrBlock") for each in routes}
    subnets = ec2.describe_subnets(Filters=own)["Subnets"]
    assert [each["MapPublicIpOnLaunch"] for each in subnets] == [False, False]
    doors = {each["ServiceName"] for each in ec2.describe_vpc_endpoints(Filters=own)["VpcEndpoints"]}
    wanted = ("s3", "kms", "glue", "athena", "sts", "lakeformation", "secretsmanager")
    assert {f"com.amazonaws.{REGION}.{each}" for each in wanted} <= doors


def test_the_folder_and_the_images_are_encrypted(rehearsal):
    """The file system and both repositories are under a customer key; an image cannot be replaced."""
    found = rehearsal.client("efs").describe_file_systems(
        FileSystemId=rehearsal.published("workplace", "file-system")
    )
    (folder,) = found["FileSystems"]
    assert folder["Encrypted"]
    for part in ("ingest", "orchestration"):
        asked = rehearsal.client("ecr").describe_repositories(repositoryNames=[NAMES.of(part)])
        (repository,) = asked["repositories"]
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"]["scanOnPush"]
        assert repository["encryptionConfiguration"]["kmsKey"] == folder["KmsKeyId"]


def test_queues_have_a_queue_of_dead_letters(rehearsal):
    """A message that fails five times is put aside; messages are encrypted and kept for two weeks."""
    sqs = rehearsal.client("sqs")
    told = {}
    for name in ("landing", "landing-dead", "undelivered"):
        url = sqs.get_queue_url(QueueName=NAMES.of(name))["QueueUrl"]
        told[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert told[name]["MessageRetentionPeriod"] == str(TWO_WEEKS)
        assert told[name]["KmsMasterKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    redrive = json.loads(told["landing"]["RedrivePolicy"])
    assert redrive == {"deadLetterTargetArn": told["landing-dead"]["QueueArn"], "maxReceiveCount": 5}


def test_an_object_of_landing_reaches_the_queue(rehearsal, s3):
    """Bucket, rule, target and the queue's policy fit together; objects elsewhere tell nobody."""
    s3.put_object(Bucket=BRONZE, Key="silver/elsewhere.parquet", Body=b"rows")
    s3.put_object(Bucket=BRONZE, Key="landing/fhir/clinic/a.ndjson", Body=b"{}")
    deadline = time.monotonic() + 60
    while not waiting(rehearsal, "landing") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert waiting(rehearsal, "landing") == 1
    assert waiting(rehearsal, "undelivered") == 0


def test_alarms_tell_somebody(rehearsal):
    """Each alarm of the stacks is told to the topic to which the environment's address is subscribed."""
    topic = rehearsal.published("alerts", "topic")
    alarms = rehearsal.client("cloudwatch").describe_alarms(AlarmNamePrefix=NAMES.prefix)["MetricAlarms"]
    assert {"failed-runs", "freshness", "landing-dead"} <= {
        each["AlarmName"].removeprefix(f"{NAMES.prefix}-") for each in alarms
    }
    assert all(each["AlarmActions"] == [topic] for each in alarms)
    (told,) = rehearsal.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert told["Endpoint"] == "data-oncall@aesthetics360.example"


def test_a_workgroup_binds_who_asks(rehearsal):
    """Where answers of analysts go, under which key, and how much they read at most, they do not choose."""
    told = rehearsal.client("athena").get_work_group(WorkGroup=NAMES.of("analyst"))["WorkGroup"][
        "Configuration"
    ]
    assert told["EnforceWorkGroupConfiguration"]
    assert told["BytesScannedCutoffPerQuery"] > 0
    results = told["ResultConfiguration"]
    assert results["OutputLocation"] == f"s3://{NAMES.bucket('athena-results')}/analyst/"
    assert results["EncryptionConfiguration"]["KmsKey"] == rehearsal.published("keys", "phi")


def test_an_analyst_reads_no_files(rehearsal, s3, person):
    """Of S3 an analyst has the answers of analysts alone: no file of a zone, and no answer of others."""
    results = NAMES.bucket("athena-results")
    for bucket, key in ((BRONZE, "data/a.parquet"), (results, "analyst/a.csv"), (results, "clinician/a.csv")):
        s3.put_object(Bucket=bucket, Key=key, Body=b"Canary")
    asked = rehearsal.client("s3", **person("analyst-operations", role="analyst"))
    assert asked.get_object(Bucket=results, Key="analyst/a.csv")["Body"].read() == b"Canary"
    for bucket, key in ((BRONZE, "data/a.parquet"), (results, "clinician/a.csv")):
        with pytest.raises(ClientError, match="AccessDenied"):
            asked.get_object(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            asked.put_object(Bucket=bucket, Key=key, Body=b"")
    with pytest.raises(ClientError, match="AccessDenied"):
        asked.list_objects_v2(Bucket=BRONZE)


def test_an_analyst_changes_no_table(rehearsal, person):
    """An analyst may look tables up, and neither change nor delete one."""
    glue = rehearsal.client("glue", **person("analyst-operations", role="analyst"))
    named = {"DatabaseName": f"a360_{STAGE}_gold", "Name": "patient_match"}
    assert glue.get_table(**named)["Table"]["Name"] == "patient_match"
    with pytest.raises(ClientError, match="AccessDenied"):
        glue.delete_table(**named)


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("analyst-operations", {}),
        ("analyst-operations", {"role": "data_scientist"}),
        ("clinician-treatment-emergency-care", {"role": "clinician"}),
        ("admin", {"role": "lake_admin"}),
    ],
)
def test_a_role_is_not_for_everybody(person, name, tags):
    """Who lacks its tag does not get it, nor who lacks a second factor where it asks for one."""
    with pytest.raises(ClientError, match="AccessDenied"):
        person(name, **tags)
