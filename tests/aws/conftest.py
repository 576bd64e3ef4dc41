import os
import sys
import threading
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from aws_server import ACCOUNT, APPLICATION, SECRET, AwsServer

from a360 import aws
from a360.contract import Environment

ROOT = Path(__file__).resolve().parents[2]
# Only what boto3 must not find on the machine, and credentials that are nobody's.
NOBODY = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def nobody(monkeypatch):
    """Credentials that are nobody's, and no others."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)
    return NOBODY


@pytest.fixture
def server(nobody):
    """A server that speaks the API, and does what its script says."""
    with AwsServer() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()


@pytest.fixture
def folder(server, tmp_path):
    """A folder to work in: the project's contracts, and an environment whose AWS is the server."""
    (tmp_path / "contracts").symlink_to(ROOT / "contracts")
    (tmp_path / "environments").mkdir()
    places = "\n".join(f"  {service}: {server.url}" for service in ("emr-serverless", "s3", "sts"))
    (tmp_path / "environments/staging.yaml").write_text(
        f"name: staging\nkind: aws\naccount: '{ACCOUNT}'\nregion: us-east-1\nendpoints:\n{places}\n"
        f"spark:\n  application: {APPLICATION}\n  role: arn:aws:iam::{ACCOUNT}:role/jobs\n"
        "  artifacts: s3://artifacts/spark\n  logs: s3://logs/spark/\n"
    )
    return tmp_path


@pytest.fixture
def environment(folder):
    """That environment, as it is read."""
    told = yaml.safe_load((folder / "environments/staging.yaml").read_text())
    return Environment.model_validate(told)


@pytest.fixture
def archive(tmp_path):
    """An archive with nothing but its manifest."""
    root = tmp_path / "root"
    root.mkdir()
    path = tmp_path / "environment.tar.gz"
    aws.pack(root, path, aws.Manifest("emr-spark-8.2.0", "x86_64", "3.12.9", {"a360-data-lake": "0.1.0"}))
    return path


@pytest.fixture
def submission(archive):
    """One dataset, on one executor."""
    sizing = aws.Sizing(aws.Worker(4, 16), aws.Worker(4, 16, 30), 1, 60.0, 10.0)
    return aws.Submission(["silver.patient"], sizing, archive)
