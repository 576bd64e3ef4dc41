"""Dagster runs without the internet, without root, and with no right that it does not use."""

import pytest


@pytest.fixture(scope="module")
def orchestration(template):
    return template("orchestration")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def test_the_database_is_closed_encrypted_and_kept(orchestration):
    """Postgres is private, encrypted, doubled, backed up, and cannot be deleted by mistake."""
    (database,) = properties(orchestration, "AWS::RDS::DBInstance")
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is database["MultiAZ"] is database["DeletionProtection"] is True
    assert database["BackupRetentionPeriod"] >= 7


def test_no_password_stands_anywhere(orchestration):
    """RDS makes and keeps the password: the template has none, not even a reference to one of ours."""
    (database,) = properties(orchestration, "AWS::RDS::DBInstance")
    assert database["ManageMasterUserPassword"] is True
    assert "MasterUserPassword" not in database


def test_containers_cannot_write_their_image_or_be_root(orchestration):
    """Each container has a read-only root, a user without rights, and an encrypted log."""
    for task in properties(orchestration, "AWS::ECS::TaskDefinition"):
        for container in task["ContainerDefinitions"]:
            assert container["ReadonlyRootFilesystem"] is True
            assert container["User"].split(":")[0] not in ("", "0", "root")
    assert all("KmsKeyId" in each for each in properties(orchestration, "AWS::Logs::LogGroup"))


def test_only_one_daemon_runs(orchestration, deployment):
    """A deployment ends the old daemon before it begins the new one."""
    (daemon,) = [
        each
        for each in properties(orchestration, "AWS::ECS::Service")
        if each["ServiceName"] == deployment.names.of("orchestration", "daemon")
    ]
    assert daemon["DesiredCount"] == 1
    assert daemon["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_the_balancer_is_private_and_speaks_tls_alone(orchestration):
    """Nobody outside reaches the web server, and nobody inside without TLS 1.3 or 1.2."""
    (balancer,) = properties(orchestration, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert balancer["Scheme"] == "internal"
    (listener,) = properties(orchestration, "AWS::ElasticLoadBalancingV2::Listener")
    assert listener["Protocol"] == "HTTPS"
    assert "TLS13" in listener["SslPolicy"]


def test_the_tasks_pass_on_one_role_to_one_service(orchestration, deployment):
    """Dagster hands jobs the role of Spark, to EMR Serverless, and no other role to nobody."""
    passed = [
        statement
        for policy in properties(orchestration, "AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    (statement,) = passed
    assert statement["Resource"] == deployment.names.role_arn("spark")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "emr-serverless.amazonaws.com"}}


def test_services_reach_their_database_and_the_balancer_reaches_them(orchestration):
    """The services' own group lets them out to Postgres, and lets the balancer in to the web server."""
    egress = properties(orchestration, "AWS::EC2::SecurityGroupEgress")
    ingress = properties(orchestration, "AWS::EC2::SecurityGroupIngress")
    assert {each["FromPort"] for each in egress} >= {5432, 3000}
    assert {each["FromPort"] for each in ingress} >= {5432, 3000}
    for service in properties(orchestration, "AWS::ECS::Service"):
        assert len(service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]) == 2


def test_the_lakes_folder_is_mounted_over_tls_as_the_role(orchestration):
    """Each task mounts the folder through its access point, and finds the lake there."""
    for task in properties(orchestration, "AWS::ECS::TaskDefinition"):
        (volume,) = [each for each in task["Volumes"] if each["Name"] == "lake"]
        mounted = volume["EFSVolumeConfiguration"]
        assert mounted["TransitEncryption"] == "ENABLED"
        assert mounted["AuthorizationConfig"]["IAM"] == "ENABLED"
        (container,) = task["ContainerDefinitions"]
        told = {each["Name"]: each["Value"] for each in container["Environment"]}
        assert told["A360_LAKE"] in {each["ContainerPath"] for each in container["MountPoints"]}
