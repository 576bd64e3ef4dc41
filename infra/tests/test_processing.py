"""Spark and Athena run within limits, encrypted, and as roles that name what they may do."""

import pytest


@pytest.fixture(scope="module")
def processing(template):
    return template("processing")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def statements(template):
    return [
        statement
        for policy in properties(template, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_spark_is_limited_private_and_stops_by_itself(processing, deployment):
    """The application has the declared release, an upper limit, private subnets and an end when idle."""
    (spark,) = properties(processing, "AWS::EMRServerless::Application")
    assert spark["ReleaseLabel"] == deployment.environment.spark.release
    assert spark["MaximumCapacity"]["Cpu"] == f"{deployment.environment.spark.max_vcpus} vCPU"
    assert len(spark["NetworkConfiguration"]["SubnetIds"]) == 2
    assert spark["AutoStopConfiguration"]["Enabled"] is True
    assert "EncryptionKeyArn" in spark["MonitoringConfiguration"]["S3MonitoringConfiguration"]


def test_queries_cannot_leave_their_workgroups_rules(processing):
    """Each workgroup enforces its encryption, its place of results and its scan limit."""
    for group in properties(processing, "AWS::Athena::WorkGroup"):
        configuration = group["WorkGroupConfiguration"]
        assert configuration["EnforceWorkGroupConfiguration"] is True
        assert configuration["BytesScannedCutoffPerQuery"] >= 10_000_000
        result = configuration["ResultConfiguration"]
        assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
        assert result["OutputLocation"].startswith("s3://")


def test_each_role_has_a_workgroup_with_its_budget(processing, deployment):
    """A role's budget of scanned bytes is the limit of its workgroup."""
    limits = {
        group["Name"]: group["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"]
        for group in properties(processing, "AWS::Athena::WorkGroup")
    }
    for role in deployment.plan.policy.roles:
        name = deployment.names.of(role.name.replace("_", "-"))
        assert role.budget.scanned_bytes in (None, limits[name]), role.name


def test_jobs_name_what_they_do_and_on_what(processing):
    """No action holds an asterisk, and no resource is everything but where the service knows no other."""
    for statement in statements(processing):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not [action for action in actions if "*" in action]
        if statement["Resource"] == "*":
            assert actions == ["lakeformation:GetDataAccess"]


def test_jobs_never_write_bronze(processing, deployment):
    """What was received is changed by nobody who computes."""
    bronze = deployment.names.bucket_arn("bronze")
    for statement in statements(processing):
        if bronze in str(statement["Resource"]):
            assert "Put" not in str(statement["Action"])
            assert "Delete" not in str(statement["Action"])
