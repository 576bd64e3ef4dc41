"""Checkpoints of the audit log in a locked bucket, which is ministack's."""

import datetime as dt
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from a360.aws import Aws, LockedBucket
from a360.contract import Environment
from a360.errors import OperatorError
from a360.lake import checkpoint_place
from a360.protect import AuditEvent
from a360.protect.keys import LocalKeyStore
from a360.settings import load_settings
from a360.trust.audit import LocalAuditLog, log_key, verify

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws

BUCKET = "a360-rehearsal-audit"
PLACE = f"s3://{BUCKET}/checkpoints"
DAYS = 2190


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "s3,kms,sts,iam") as serving:
        yield serving


@pytest.fixture(scope="module")
def environment(emulator):
    told = {"name": "rehearsal", "kind": "aws", "account": ACCOUNT, "region": REGION}
    return Environment.model_validate(told | {"endpoints": {"s3": emulator.url}})


@pytest.fixture(scope="module")
def s3(emulator):
    path_style = Config(region_name=REGION, s3={"addressing_style": "path"})
    client = boto3.Session().client("s3", endpoint_url=emulator.url, config=path_style)
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return client


@pytest.fixture
def place(environment, s3, request):
    """A place of its own for each test: nothing in the bucket can be removed."""
    return LockedBucket(Aws(environment), f"{PLACE}/{request.node.name}", DAYS)


@pytest.fixture
def keys(tmp_path):
    return LocalKeyStore.create(tmp_path / "keys")


def record(folder, keys, place, *, times=3):
    with LocalAuditLog(folder, keys, place) as log:
        for _ in range(times):
            log.record(
                AuditEvent(dt.datetime.now(dt.UTC), "somebody", "query", ("gold.visit_facts",), "allowed")
            )


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "audit"
    made.mkdir(mode=0o700)
    return made


def test_a_checkpoint_is_kept_once(place):
    """A note is read as it was written, and another one under its name is not taken."""
    assert place.write("000000000001.note", b"first")
    assert not place.write("000000000001.note", b"second")
    assert (place.names(), place.read("000000000001.note")) == (["000000000001.note"], b"first")


def test_a_checkpoint_is_locked(place, s3, request):
    """No version of a note can be deleted before its time, nor its lock be taken off."""
    place.write("000000000001.note", b"first")
    key = f"checkpoints/{request.node.name}/000000000001.note"
    head = s3.head_object(Bucket=BUCKET, Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert (head["ObjectLockRetainUntilDate"] - dt.datetime.now(dt.UTC)).days >= DAYS - 1
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key, VersionId=head["VersionId"])
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=BUCKET, Key=key, VersionId=head["VersionId"], BypassGovernanceRetention=True)


def test_what_is_put_over_a_checkpoint_hides_nothing(place, s3, request):
    """A version that is newer, and a mark that a note is deleted, leave the first one where it is found."""
    place.write("000000000001.note", b"first")
    key = f"checkpoints/{request.node.name}/000000000001.note"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"another")
    assert place.names() == ["000000000001.note"]
    assert place.read("000000000001.note") == b"first"
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert place.names() == ["000000000001.note"]
    assert place.read("000000000001.note") == b"first"


def test_a_bucket_without_a_lock_is_refused(environment, s3):
    """Checkpoints go to no bucket from which they can be taken away again."""
    s3.create_bucket(Bucket="unlocked")
    with pytest.raises(OperatorError) as raised:
        LockedBucket(Aws(environment), "s3://unlocked/checkpoints", DAYS)
    assert raised.value.code.slug == "audit-unwritable"


def test_a_log_is_held_against_its_bucket(folder, keys, place):
    """A log verifies under the checkpoints in its bucket, and goes on from there."""
    record(folder, keys, place)
    record(folder, keys, place)
    found = verify(folder, log_key(keys), [place])
    assert found.sound
    assert found.covered == found.records
    assert found.checkpoints >= 2


def test_a_log_that_was_cut_is_found(folder, keys, place):
    """Records that are taken off the end are missed by the checkpoint in the bucket."""
    record(folder, keys, place, times=5)
    [file] = folder.glob("*.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:3]))
    assert {each.kind for each in verify(folder, log_key(keys), [place]).findings} == {"truncated"}


def test_a_log_that_was_written_anew_is_found(folder, keys, place, tmp_path):
    """Who has the keys and writes another log of the same length is given away by the bucket."""
    record(folder, keys, place, times=5)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    record(other, keys, None, times=5)
    [file], [written] = folder.glob("*.jsonl"), other.glob("*.jsonl")
    file.write_bytes(written.read_bytes())
    assert {each.kind for each in verify(folder, log_key(keys), [place]).findings} == {"rewritten"}


def test_settings_name_the_bucket(tmp_path, emulator, s3, monkeypatch):
    """`audit_bucket` is where checkpoints go in an environment on AWS; on this machine it is refused."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/rehearsal.yaml").write_text(
        f"name: rehearsal\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\n"
        f"endpoints: {{s3: '{emulator.url}'}}\n"
    )
    monkeypatch.chdir(tmp_path)
    contracts = tmp_path / "contracts"
    assert checkpoint_place(load_settings(env="rehearsal", contracts=contracts)) is None
    named = checkpoint_place(load_settings(env="rehearsal", contracts=contracts, audit_bucket=PLACE))
    assert named.label == PLACE
    with pytest.raises(OperatorError) as raised:
        checkpoint_place(load_settings(audit_bucket=PLACE))
    assert raised.value.code.slug == "not-on-aws"
    with pytest.raises(OperatorError) as raised:
        checkpoint_place(load_settings(env="rehearsal", audit_bucket=PLACE, audit_anchor=tmp_path))
    assert raised.value.code.slug == "setting-invalid"
