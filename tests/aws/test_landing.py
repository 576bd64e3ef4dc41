"""What is put into `landing/`, on its way to bronze on ministack: S3, EventBridge, SQS, Lambda, KMS, Glue."""

import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

import a360
from a360.contract import DeployedNames
from a360.handlers.object_created import handler
from a360.lake import open_lake

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = [pytest.mark.aws, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
STAGE = "rehearsal"
NAMES = DeployedNames("a360", STAGE, ACCOUNT, REGION)
BRONZE = NAMES.bucket("bronze")
SERVICES = ("events", "glue", "iam", "kms", "lambda", "s3", "sqs", "sts")
PATIENT = {"resourceType": "Patient", "id": "p-canary", "name": [{"family": "Canary"}]}
VISIT = {
    "resourceType": "Encounter",
    "id": "e1",
    "status": "finished",
    "class": {"code": "AMB"},
    "subject": {"reference": "Patient/p-canary"},
}
# The function is this package, as an image would have it, and signs as a role would.
FUNCTION = """
import os, sys
sys.path[0:0] = {paths!r}
os.environ.update({environ!r})
from a360.handlers.object_created import handler
"""


class Deployed:
    """What the stacks make of it: buckets that tell, a rule, queues, and the function."""

    def __init__(self, emulator, folder):
        self.url, self.folder = emulator.url, folder
        config = Config(region_name=REGION, s3={"addressing_style": "path"})
        self.clients = {
            name: boto3.Session().client(name, endpoint_url=emulator.url, config=config)
            for name in ("events", "lambda", "s3", "sqs")
        }
        for zone in ("bronze", "silver", "gold", "quarantine", "ops"):
            self.clients["s3"].create_bucket(Bucket=NAMES.bucket(zone))
        self.clients["s3"].put_bucket_notification_configuration(
            Bucket=BRONZE, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self.dead = self.queue("landing-dead")
        redrive = {"deadLetterTargetArn": self.arn(self.dead), "maxReceiveCount": "2"}
        self.landing = self.queue("landing", RedrivePolicy=json.dumps(redrive), VisibilityTimeout="30")

    def queue(self, name, **attributes):
        return self.clients["sqs"].create_queue(QueueName=NAMES.of(name), Attributes=attributes)["QueueUrl"]

    def arn(self, queue):
        asked = self.clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return asked["Attributes"]["QueueArn"]

    def waiting(self, queue):
        """How many messages a queue has, those that somebody works on included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = self.clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(asked["Attributes"][each]) for each in names)

    def connect(self):
        """The rule of the stack `ingest`, and its queue as the target."""
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {"bucket": {"name": [BRONZE]}, "object": {"key": [{"prefix": "landing/"}]}},
        }
        events = self.clients["events"]
        events.put_rule(Name=NAMES.of("objects"), EventPattern=json.dumps(pattern), State="ENABLED")
        events.put_targets(
            Rule=NAMES.of("objects"), Targets=[{"Id": "landing", "Arn": self.arn(self.landing)}]
        )

    def deploy(self, emulator, environ):
        """The function, and its messages from the queue."""
        site = Path(boto3.__file__).parents[1]
        paths = [str(Path(a360.__file__).parents[1]), str(site)]
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("object_created.py", FUNCTION.format(paths=paths, environ=environ))
        trust = {"Version": "2012-10-17", "Statement": []}
        role = emulator.iam.create_role(RoleName="taker", AssumeRolePolicyDocument=json.dumps(trust))
        made = self.clients["lambda"].create_function(
            FunctionName=NAMES.of("object-created"),
            Runtime="python3.12",
            Role=role["Role"]["Arn"],
            Handler="object_created.handler",
            Code={"ZipFile": content.getvalue()},
            Timeout=120,
        )
        self.clients["lambda"].create_event_source_mapping(
            EventSourceArn=self.arn(self.landing),
            FunctionName=made["FunctionName"],
            BatchSize=5,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )

    def put(self, key, *resources):
        self.clients["s3"].put_object(
            Bucket=BRONZE, Key=key, Body="\n".join(map(json.dumps, resources)).encode()
        )

    def messages(self):
        """A batch as Lambda is given it."""
        told = self.clients["sqs"].receive_message(QueueUrl=self.landing, MaxNumberOfMessages=10)
        return {
            "Records": [
                {"messageId": each["MessageId"], "body": each["Body"]} for each in told.get("Messages", ())
            ]
        }


def until(condition, seconds=240):
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), ",".join(SERVICES)) as serving:
        yield serving


@pytest.fixture(scope="module")
def place(emulator, tmp_path_factory):
    """A folder with the project's contracts, and an environment whose AWS is the emulator."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "environments").mkdir()
    (folder / "contracts").symlink_to(ROOT / "contracts")
    places = "\n".join(f"  {each}: {emulator.url}" for each in ("glue", "s3", "kms", "sts"))
    (folder / f"environments/{STAGE}.yaml").write_text(
        f"name: {STAGE}\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\ncatalog: glue\n"
        f"keys: {{store: kms, key: '{emulator.keys[0]}'}}\nendpoints:\n{places}\n"
    )
    return folder


@pytest.fixture(scope="module")
def deployed(emulator, place):
    made = Deployed(emulator, place)
    made.connect()
    return made


@pytest.fixture
def settings(place, monkeypatch):
    """The settings that the stack gives the function."""
    monkeypatch.setenv("A360_ENV", STAGE)
    monkeypatch.setenv("A360_LAKE", str(place / "lake"))
    monkeypatch.chdir(place)


def ids(lake):
    """The resources that bronze has, by type and count."""
    found = lake.tables.read("bronze.fhir_resource", ["resource_type"])["resource_type"].to_pylist()
    return sorted(found)


def test_what_lands_is_taken_in_once(deployed, settings, place, caplog):
    """Its messages are done with, its rows are in Glue's table, and the same object again changes nothing."""
    deployed.put("landing/fhir/clinic/Canary-family.ndjson", PATIENT, VISIT)
    until(lambda: deployed.waiting(deployed.landing))
    batch = deployed.messages()
    assert handler(batch) == {"batchItemFailures": []}
    with open_lake(place / "lake", env=STAGE) as lake:
        assert ids(lake) == ["Encounter", "Patient"]
        before = lake.tables.current_snapshot_id("bronze.fhir_resource")
        rows = lake.tables.session.sql("SELECT DISTINCT source FROM bronze.fhir_resource").to_pylist()
        assert rows == [{"source": "clinic"}]
    assert handler(batch) == {"batchItemFailures": []}
    with open_lake(place / "lake", env=STAGE) as lake:
        assert lake.tables.current_snapshot_id("bronze.fhir_resource") == before
    assert "Canary" not in caplog.text


@pytest.mark.parametrize(
    "key", ["landing/fhir/Canary.ndjson", "landing/scrolls/clinic/Canary.txt", "landing/fhir/../x/Canary"]
)
def test_what_lies_elsewhere_fails_alone(deployed, settings, key, caplog, capsys):
    """Its message is answered as failed, names nobody, and the others of the batch are taken in."""
    good = {"bucket": {"name": BRONZE}, "object": {"key": "landing/fhir/clinic/Canary-family.ndjson"}}
    bad = {"bucket": {"name": BRONZE}, "object": {"key": key}}
    batch = {
        "Records": [
            {"messageId": str(at), "body": json.dumps({"detail-type": "Object Created", "detail": each})}
            for at, each in enumerate((bad, good, {}))
        ]
    }
    assert handler(batch) == {"batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "2"}]}
    told = capsys.readouterr()
    assert "Canary" not in caplog.text + told.out + told.err


def test_an_object_goes_from_s3_to_bronze_by_itself(deployed, emulator, settings, place):
    """Told by EventBridge, queued, taken in by the function; what lies elsewhere becomes a dead letter."""
    environ = {name: os.environ[name] for name in os.environ if name.startswith(("AWS_", "A360_"))}
    deployed.deploy(emulator, {**environ, "A360_CONTRACTS": str(place / "contracts")})
    with open_lake(place / "lake", env=STAGE) as lake:
        before = len(ids(lake))
    deployed.put("landing/fhir/clinic/more.ndjson", {**PATIENT, "id": "p2"}, {**PATIENT, "id": "p3"})
    deployed.put("landing/nothing", PATIENT)

    def taken():
        with open_lake(place / "lake", env=STAGE) as lake:
            return len(ids(lake)) == before + 2

    until(taken)
    until(lambda: deployed.waiting(deployed.dead) == 1)
    assert deployed.waiting(deployed.landing) == 0
