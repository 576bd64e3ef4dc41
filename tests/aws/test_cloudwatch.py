"""Jobs of a lake on AWS tell CloudWatch how they ended; Glue, S3 and CloudWatch are ministack's."""

import datetime as dt
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from a360.aws import Aws, Metrics, names_of
from a360.contract import Environment
from a360.lake import open_lake
from a360.lake._metrics import LakeMetrics
from a360.lake._verify import Verification
from a360.settings import load_settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws

STAGE = "rehearsal"
LAKE = [{"Name": "Environment", "Value": STAGE}]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "monitoring,glue,s3,kms,sts,iam") as serving:
        yield serving


@pytest.fixture
def watched(emulator, monkeypatch):
    """CloudWatch, and a way to ask it for the newest value of a metric."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", emulator.url)
    client = boto3.Session().client("cloudwatch", region_name=REGION, endpoint_url=emulator.url)

    def total(metric):
        now = dt.datetime.now(dt.UTC)
        found = client.get_metric_statistics(
            Namespace="A360",
            MetricName=metric,
            Dimensions=LAKE,
            StartTime=now - dt.timedelta(hours=1),
            EndTime=now + dt.timedelta(hours=1),
            Period=7200,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(each["Sum"] for each in found) if found else None

    return total


def environment(url):
    told = {"name": STAGE, "kind": "aws", "account": ACCOUNT, "region": REGION, "catalog": "glue"}
    return Environment.model_validate(told | {"endpoints": dict.fromkeys(("glue", "s3", "sts", "kms"), url)})


def test_numbers_are_told_under_the_dimension_that_alarms_know(emulator, watched):
    """What is put is found again by namespace, name and environment, more than one request takes as well."""
    many = {f"Metric{number}": float(number) for number in range(1200)}
    assert Metrics(Aws(environment(emulator.url))).put(many)
    assert watched("Metric1199") == 1199


def test_jobs_tell_how_they_ended(emulator, watched, tmp_path, monkeypatch):
    """A job that failed and one that did not are told apart; neither tells whose data it had."""
    names = names_of("a360", environment(emulator.url))
    path_style = Config(region_name=REGION, s3={"addressing_style": "path"})
    s3 = boto3.Session().client("s3", endpoint_url=emulator.url, config=path_style)
    for zone in ("bronze", "silver", "gold", "ops", "quarantine"):
        s3.create_bucket(Bucket=names.bucket(zone))
    (tmp_path / "environments").mkdir()
    (tmp_path / "contracts").symlink_to(Path(__file__).resolve().parents[2] / "contracts")
    places = "\n".join(f"  {each}: {emulator.url}" for each in ("glue", "s3", "kms", "sts"))
    (tmp_path / f"environments/{STAGE}.yaml").write_text(
        f"name: {STAGE}\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\ncatalog: glue\n"
        f"keys: {{store: kms, key: '{emulator.keys[0]}'}}\nendpoints:\n{places}\n"
    )
    monkeypatch.chdir(tmp_path)
    with open_lake(tmp_path / "lake", env=STAGE) as lake:
        jobs = lake._parts.jobs
        # The tables are another test's business; here the record is what is looked at.
        lake._parts.folder.note_applied(jobs.fingerprint)
        with jobs.recorded("look"):
            pass
        assert watched("RunsFailed") == 0
        with pytest.raises(RuntimeError), jobs.recorded("look"):
            raise RuntimeError
        assert watched("RunsFailed") == 1
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "https://127.0.0.1:9")
        with jobs.recorded("look"):
            pass
    assert watched("RunsFailed") == 1


def test_what_is_switched_off_tells_nobody(tmp_path, emulator, watched, monkeypatch):
    """With the setting off, and in an environment of this machine, nothing is told."""
    monkeypatch.chdir(tmp_path)
    contracts = Path(__file__).resolve().parents[2] / "contracts"
    for flags in ({"env": "staging", "cloudwatch": False}, {"env": "local"}):
        LakeMetrics(load_settings(**flags), contracts).verification(Verification(1, 1, 1, ()))
    assert watched("FilesVerified") is None


def test_what_cloudwatch_does_not_take_fails_nothing(emulator, monkeypatch):
    """A metric that is not taken is a warning, and the job goes on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "https://127.0.0.1:9")
    assert not Metrics(Aws(environment(emulator.url), tries=1)).put({"RunsFailed": 1})
