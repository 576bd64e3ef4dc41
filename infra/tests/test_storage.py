"""Buckets and keys as a compliance officer wants them."""

import pytest


@pytest.fixture(scope="module")
def storage(template):
    return template("storage")


def buckets(storage):
    return {
        each["Properties"]["BucketName"]: each for each in storage.find_resources("AWS::S3::Bucket").values()
    }


def test_every_zone_and_purpose_has_a_bucket(storage, deployment):
    """Each zone has a bucket, and so have results, access logs and the audit."""
    purposes = (*deployment.zones, "athena-results", "access-logs", "artifacts", "audit")
    assert set(buckets(storage)) == {deployment.names.bucket(each) for each in purposes}


def test_buckets_are_closed_versioned_and_kept(storage):
    """No bucket is public, forgets a version, or goes when its stack does."""
    for name, bucket in buckets(storage).items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}, name
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, name
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain", name


def test_buckets_refuse_what_comes_without_tls(storage):
    """Each bucket has a policy that denies everything over plain HTTP, and TLS older than 1.2."""
    policies = storage.find_resources("AWS::S3::BucketPolicy").values()
    assert len(policies) == len(buckets(storage))
    for policy in policies:
        denied = [
            each["Condition"]
            for each in policy["Properties"]["PolicyDocument"]["Statement"]
            if each["Effect"] == "Deny" and each["Principal"] == {"AWS": "*"} and each["Action"] == "s3:*"
        ]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_zones_are_encrypted_by_the_key_of_their_most_sensitive_data(storage, deployment):
    """A zone's bucket uses the customer key of the highest sensitivity among its columns."""
    keys = storage.find_resources("AWS::KMS::Key")
    for zone in deployment.zones:
        bucket = buckets(storage)[deployment.names.bucket(zone)]
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        (key, _) = rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"]
        assert keys[key]["Properties"]["Description"].endswith(f": {deployment.zone_sensitivity(zone)}")
        assert rule["BucketKeyEnabled"] is True


def test_keys_rotate_and_stay(storage):
    """Each key is rotated every year and is not deleted with its stack."""
    for key in storage.find_resources("AWS::KMS::Key").values():
        assert key["Properties"]["EnableKeyRotation"] is True
        assert key["DeletionPolicy"] == "Retain"


def test_the_audit_cannot_be_deleted_for_six_years(storage, deployment):
    """Object Lock holds what is written to the audit bucket for 2,190 days against everybody."""
    audit = buckets(storage)[deployment.names.bucket("audit")]["Properties"]
    assert audit["ObjectLockEnabled"] is True
    retention = audit["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention["Mode"] == "COMPLIANCE"
    assert retention["Days"] >= 2_190


def test_buckets_tell_what_arrives(storage, deployment):
    """Each bucket but that of access logs sends its events to EventBridge, without a Lambda function."""
    told = {
        name
        for name, bucket in buckets(storage).items()
        if "EventBridgeConfiguration" in bucket["Properties"].get("NotificationConfiguration", {})
    }
    assert told == set(buckets(storage)) - {deployment.names.bucket("access-logs")}
    storage.resource_count_is("AWS::Lambda::Function", 0)


def test_what_jobs_of_glue_log_is_encrypted_by_the_key_of_patients_data(storage):
    """CloudWatch may use that key for groups of Glue's jobs, and no other group."""
    (key,) = [
        each["Properties"]
        for each in storage.find_resources("AWS::KMS::Key").values()
        if each["Properties"]["Description"].endswith(": phi")
    ]
    (allowed,) = [
        each for each in key["KeyPolicy"]["Statement"] if "logs." in str(each["Principal"].get("Service", ""))
    ]
    (context,) = allowed["Condition"]["ArnLike"].values()
    assert context.endswith(":log-group:/aws-glue/jobs/*")
