"""Requests to Athena as ministack takes them; it keeps workgroups and queries, and runs no SQL on Iceberg."""

import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from a360.aws import Athena, Aws
from a360.contract import Environment
from a360.errors import DeniedError, OperatorError

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "athena,s3,kms,sts,iam") as serving:
        path_style = Config(region_name=REGION, s3={"addressing_style": "path"})
        session = boto3.Session()
        session.client("s3", endpoint_url=serving.url, config=path_style).create_bucket(Bucket="answers")
        client = session.client("athena", region_name=REGION, endpoint_url=serving.url)
        for name, enforced in (("enforced", True), ("open", False)):
            client.create_work_group(
                Name=name,
                Configuration={
                    "EnforceWorkGroupConfiguration": enforced,
                    "ResultConfiguration": {"OutputLocation": f"s3://answers/{name}/"},
                },
            )
        yield serving


def athena(emulator, workgroup):
    told = {"name": "rehearsal", "kind": "aws", "account": ACCOUNT, "region": REGION}
    places = dict.fromkeys(("athena", "s3"), emulator.url)
    return Athena(Aws(Environment.model_validate(told | {"endpoints": places})), workgroup)


def test_a_query_is_asked_and_answered(emulator):
    """A query runs to its end in a workgroup, and its answer is to lie where the workgroup says."""
    asked = athena(emulator, "enforced")
    assert asked.output() == "s3://answers/enforced"
    done = asked.run("SELECT 1 AS one")
    assert done.place.startswith("s3://answers/enforced/")
    assert asked.columns(done.id)


def test_what_was_written_is_read_and_removed(emulator):
    """The files of an answer are read by their places and deleted by their prefix."""
    asked, place = athena(emulator, "enforced"), "s3://answers/enforced/unloaded/1/part"
    asked.aws.s3.put_object(Bucket="answers", Key="enforced/unloaded/1/part", Body=b"rows")
    assert asked.content(place) == b"rows"
    asked.remove("s3://answers/enforced/unloaded/1")
    with pytest.raises(OperatorError):
        asked.content(place)


def test_a_workgroup_that_enforces_nothing_is_refused(emulator):
    """A workgroup that is there and leaves the place of answers to its users is not asked."""
    with pytest.raises(OperatorError, match="workgroup open"):
        athena(emulator, "open").output()


def test_who_may_not_ask_is_told(emulator, monkeypatch):
    """A user without rights is denied, in words that say what for."""
    emulator.iam.create_user(UserName="visitor")
    key = emulator.iam.create_access_key(UserName="visitor")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(DeniedError, match="athena:"):
        athena(emulator, "enforced").run("SELECT 1")
