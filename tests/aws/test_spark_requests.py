import boto3
import pytest
from moto import mock_aws
from moto.emrserverless.models import emrserverless_backends

from a360 import aws
from a360.contract import Environment, SparkJobs
from a360.errors import A360Error

# moto's own account, which whoever asks it is of
ACCOUNT = "123456789012"


@pytest.fixture
def amazon(nobody):
    """AWS as moto has it: it checks each request against the service's own model."""
    with mock_aws():
        s3 = boto3.client("s3", "us-east-1")
        for bucket in ("artifacts", "lake-logs"):
            s3.create_bucket(Bucket=bucket)
        yield boto3.client("emr-serverless", "us-east-1")


@pytest.fixture
def declared(amazon):
    """An environment whose application is there."""
    made = amazon.create_application(name="a360", releaseLabel="emr-6.6.0", type="SPARK")
    # moto's list of releases ends before those with Spark 4
    applications = emrserverless_backends[ACCOUNT]["us-east-1"].applications
    applications[made["applicationId"]].release_label = "emr-spark-8.2.0"
    spark = SparkJobs(
        application=made["applicationId"],
        role=f"arn:aws:iam::{ACCOUNT}:role/jobs",
        artifacts="s3://artifacts/spark",
        logs="s3://lake-logs/spark",
        key=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b",
    )
    return Environment(name="staging", kind="aws", account=ACCOUNT, region="us-east-1", spark=spark)


def detached(submission):
    return aws.Submission(submission.datasets, submission.sizing, submission.archive, detach=True, token="t")


def test_the_request_is_one_that_the_service_takes(amazon, declared, submission):
    """What is started is what was planned, for the role, the places and the key of the environment."""
    jobs = aws.Jobs(declared)
    run = jobs.submit(detached(submission), lambda _: None).run
    told = amazon.get_job_run(applicationId=run.application, jobRunId=run.id)["jobRun"]
    planned = jobs.planned(submission)
    assert told["executionRole"] == declared.spark.role == planned["executionRoleArn"]
    assert told["name"] == "a360 run silver.patient"
    watched = told["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
    assert watched == {"logUri": "s3://lake-logs/spark/", "encryptionKeyArn": declared.spark.key}
    words = told["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"].split()
    properties = dict(word.split("=", 1) for word in words if word != "--conf")
    assert properties.keys() == {
        word.split("=", 1)[0]
        for word in planned["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"].split()
        if word != "--conf"
    }
    assert properties["spark.io.encryption.enabled"] == properties["spark.ssl.internode.enabled"] == "true"
    held = boto3.client("s3", "us-east-1").list_objects_v2(Bucket="artifacts")["Contents"]
    assert {f"s3://artifacts/{each['Key']}" for each in held} == {
        properties["spark.archives"].removesuffix("#environment"),
        told["jobDriver"]["sparkSubmit"]["entryPoint"],
    }


def test_the_memory_of_workers_is_what_was_sized(amazon, declared, submission):
    """Heap and what lies beside it are together the worker that was asked for."""
    properties = aws.Jobs(declared).job(submission, "s3://a/e", "s3://a/j").properties()
    for kind, worker in (("driver", submission.sizing.driver), ("executor", submission.sizing.executor)):
        names = (f"spark.{kind}.memory", f"spark.{kind}.memoryOverhead")
        assert sum(int(properties[name].removesuffix("g")) for name in names) == worker.memory_gb
        assert properties[f"spark.{kind}.cores"] == str(worker.vcpus)
        assert properties[f"spark.emr-serverless.{kind}.disk"] == f"{worker.disk_gb}g"


def test_what_is_planned_needs_no_amazon(declared, submission, monkeypatch):
    """A dry run names the same places, and asks for no credentials."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    planned = aws.Jobs(declared).planned(submission)
    assert planned["jobDriver"]["sparkSubmit"]["entryPoint"].startswith("s3://artifacts/spark/job-")


def test_a_run_that_is_not_there_is_told(amazon, declared):
    """Status, logs and cancelling of an unknown run are one error, with the run's name."""
    jobs = aws.Jobs(declared)
    for ask in (jobs.status, jobs.cancel, jobs.require_log):
        with pytest.raises(A360Error) as caught:
            ask("00nothing")
        assert (caught.value.code.slug, "00nothing" in str(caught.value)) == ("aws-missing", True)


def test_an_environment_without_jobs_says_so():
    """Where no jobs are declared, none is looked for."""
    with pytest.raises(A360Error, match="jobs-undeclared"):
        aws.Jobs(Environment(name="local", kind="local"))
