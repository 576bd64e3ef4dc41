"""What happens is recorded where nobody can delete it, watched, and can be restored."""

import pytest

from infra.constructs.watch import watched


@pytest.fixture(scope="module")
def operations(template):
    return template("operations")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def test_the_trail_is_whole_and_lies_in_the_locked_bucket(operations, deployment):
    """One trail of all regions goes, encrypted and with digests, to the bucket that Object Lock holds."""
    (trail,) = properties(operations, "AWS::CloudTrail::Trail")
    assert trail["IsMultiRegionTrail"] is trail["EnableLogFileValidation"] is trail["IsLogging"] is True
    assert trail["S3BucketName"] == deployment.names.bucket("audit")
    assert "KMSKeyId" in trail


def test_what_is_done_to_objects_of_every_zone_is_recorded(operations, deployment):
    """The trail has the data events of each zone's bucket, of results and of the audit itself."""
    (trail,) = properties(operations, "AWS::CloudTrail::Trail")
    fields = {
        selector["Name"]: {field["Field"]: field for field in selector["FieldSelectors"]}
        for selector in trail["AdvancedEventSelectors"]
    }
    assert set(fields["objects"]["resources.ARN"]["StartsWith"]) == {
        f"{deployment.names.bucket_arn(each)}/" for each in (*deployment.zones, "athena-results", "audit")
    }
    assert "management" in fields


def test_each_thing_watched_has_an_alarm_that_tells_somebody(operations, deployment):
    """Every alarm acts on the topic, which has each address of the environment."""
    alarms = properties(operations, "AWS::CloudWatch::Alarm")
    assert {each["AlarmName"] for each in alarms} == {
        deployment.names.of(each.name)
        for each in watched(deployment.names, [each.name for each in deployment.streams])
    }
    assert all(each["AlarmActions"] for each in alarms)
    told = {each["Endpoint"] for each in properties(operations, "AWS::SNS::Subscription")}
    assert told == set(deployment.environment.alerts.emails)


def test_silence_of_freshness_is_an_alarm(operations, deployment):
    """A lake that no longer reports how fresh it is counts as stale."""
    (alarm,) = [
        each
        for each in properties(operations, "AWS::CloudWatch::Alarm")
        if each["AlarmName"] == deployment.names.of("freshness")
    ]
    assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::SecurityHub::Hub",
        "AWS::GuardDuty::Detector",
        "AWS::Macie::Session",
        "AWS::Config::ConfigurationRecorder",
        "AWS::Config::ConformancePack",
        "AWS::Budgets::Budget",
        "AWS::CE::AnomalySubscription",
        "AWS::Backup::RestoreTestingSelection",
    ],
)
def test_services_that_watch_are_on(operations, kind):
    """Findings, configuration, cost and restores are each looked after by the service for it."""
    assert len(operations.find_resources(kind)) == 1


def test_backups_cannot_be_deleted_early(operations):
    """The vault's lock holds copies for two weeks at least, and soon nobody can take it off."""
    (vault,) = properties(operations, "AWS::Backup::BackupVault")
    assert vault["LockConfiguration"]["MinRetentionDays"] >= 14
    assert vault["LockConfiguration"]["ChangeableForDays"] >= 3
