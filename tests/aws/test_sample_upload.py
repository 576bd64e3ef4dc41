"""Invented data put into `landing/` of a deployed lake, as somebody does who tries it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from a360.contract import DeployedNames

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws

ROOT = Path(__file__).resolve().parents[2]
STAGE = "rehearsal"
BRONZE = DeployedNames("a360", STAGE, ACCOUNT, REGION).bucket("bronze")
SCRIPT = ROOT / "utils/s3_sample_data_uploader.py"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "iam,kms,s3,sts") as serving:
        yield serving


@pytest.fixture(scope="module")
def place(emulator, tmp_path_factory):
    """A folder with the project's contracts, and an environment whose AWS is the emulator."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "environments").mkdir()
    (folder / "contracts").symlink_to(ROOT / "contracts")
    places = "\n".join(f"  {each}: {emulator.url}" for each in ("s3", "sts"))
    (folder / f"environments/{STAGE}.yaml").write_text(
        f"name: {STAGE}\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\nendpoints:\n{places}\n"
    )
    return folder


@pytest.fixture(scope="module")
def s3(emulator):
    config = Config(region_name=REGION, s3={"addressing_style": "path"})
    client = boto3.Session().client("s3", endpoint_url=emulator.url, config=config)
    client.create_bucket(Bucket=BRONZE)
    return client


@pytest.fixture
def uploaded(place):
    """Calls the script that newcomers know, and gives its exit code and what it told."""

    def call(*arguments, **changes):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
        done = subprocess.run(
            [sys.executable, SCRIPT, "--env", STAGE, "--patients", "3", "--json", *arguments],
            cwd=place,
            env=environ | changes,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, json.loads(done.stdout if done.returncode == 0 else done.stderr)

    return call


def test_a_sample_lands_where_it_is_taken_in_from(uploaded, s3):
    """Each kind of file below its own prefix, under a digest; a second call sends what is missing alone."""
    code, told = uploaded()
    assert code == 0
    assert told["bucket"] == BRONZE
    assert {each["key"].split("/")[1] for each in told["files"]} >= {"fhir", "csv", "parquet", "events"}
    assert all(each["sent"] for each in told["files"])
    there = s3.list_objects_v2(Bucket=BRONZE, Prefix="landing/")["Contents"]
    assert {(each["Key"], each["Size"]) for each in there} == {
        (each["key"], each["bytes"]) for each in told["files"]
    }
    first = s3.get_object(Bucket=BRONZE, Key="landing/fhir/sample/Patient.ndjson")["Body"].read()
    assert [json.loads(line)["resourceType"] for line in first.splitlines()] == ["Patient"] * 3
    s3.delete_object(Bucket=BRONZE, Key="landing/fhir/sample/Patient.ndjson")
    code, told = uploaded()
    assert [each["key"] for each in told["files"] if each["sent"]] == ["landing/fhir/sample/Patient.ndjson"]


def test_a_bucket_that_is_not_there_is_told(uploaded):
    """Where the stacks are not deployed yet, say."""
    code, told = uploaded("--bucket", "a360-nowhere")
    assert (code, told["code"]) == (5, "aws-missing")
    assert "a360-nowhere" in told["where"]


def test_a_profile_that_is_not_there_is_told(uploaded, s3):
    """It is named, and so is what to do."""
    code, told = uploaded("--profile", "nobody-knows-it")
    assert (code, told["code"]) == (5, "aws-credentials")
    assert "nobody-knows-it" in told["found"]


def test_who_may_not_put_is_told(uploaded, s3, emulator):
    """A user without rights is denied, and told what was tried."""
    emulator.iam.create_user(UserName="guest")
    key = emulator.iam.create_access_key(UserName="guest")["AccessKey"]
    code, told = uploaded(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])
    assert (code, told["code"]) == (6, "denied")


def test_on_this_machine_there_is_nowhere_to_put_it(place):
    """The local environment is no place on AWS, and the error names what is."""
    command = [sys.executable, "-m", "a360", "sample", "upload"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 5
    assert "--env" in done.stderr
