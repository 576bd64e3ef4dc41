"""Services that receive are reached from inside the network alone, by TLS, and hold few rights each."""

import subprocess
import sys

import pytest

from infra.stacks.reception import COLLECTOR, CONSUMER, LISTENER

SERVICES = (COLLECTOR, LISTENER, CONSUMER)


@pytest.fixture(scope="module")
def reception(template):
    return template("reception")


def properties(template, kind):
    return [each["Properties"] for each in template.find_resources(kind).values()]


def rights(template, deployment, service):
    """The actions that the role of a service is allowed, with their resources."""
    (role,) = [
        name
        for name, each in template.find_resources("AWS::IAM::Role").items()
        if each["Properties"].get("RoleName") == deployment.names.role(service.name)
    ]
    return [
        (action, str(statement["Resource"]))
        for policy in properties(template, "AWS::IAM::Policy")
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    ]


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_a_service_runs_only_if_there_is_its_command(service):
    """What `a360` has no command for is not started: its count is nought."""
    asked = [sys.executable, "-m", "a360", *service.command, "--help"]
    known = subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode == 0
    assert known or service.count == 0


def test_services_have_the_count_that_is_declared(reception, deployment):
    """The templates start as many as the stack says, and no more."""
    counts = {
        each["ServiceName"]: each["DesiredCount"] for each in properties(reception, "AWS::ECS::Service")
    }
    assert counts == {deployment.names.of("reception", each.name): each.count for each in SERVICES}


def test_balancers_are_private_and_take_tls_alone(reception):
    """Both balancers are internal, cannot be deleted by mistake, and listen for TLS with a certificate."""
    balancers = properties(reception, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert {each["Type"] for each in balancers} == {"application", "network"}
    for each in balancers:
        assert each["Scheme"] == "internal"
        attributes = {one["Key"]: one["Value"] for one in each["LoadBalancerAttributes"]}
        assert attributes["deletion_protection.enabled"] == "true"
    listeners = properties(reception, "AWS::ElasticLoadBalancingV2::Listener")
    assert {each["Protocol"] for each in listeners} == {"HTTPS", "TLS"}
    assert all(each["Certificates"] and "TLS13" in each["SslPolicy"] for each in listeners)


def test_it_stays_encrypted_behind_the_balancers(reception):
    """From the balancers to the services it is TLS again."""
    groups = properties(reception, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert {each["Protocol"] for each in groups} == {"HTTPS", "TLS"}


def test_who_receives_hands_on_and_cannot_read(reception, deployment):
    """Collector and listener put into streams and `landing/`; no object, stream or table can they read."""
    for service in (COLLECTOR, LISTENER):
        actions = {action for action, _ in rights(reception, deployment, service)}
        assert "s3:PutObject" in actions
        assert not actions & {"s3:GetObject", "kinesis:GetRecords", "glue:GetTable"}
        assert not {each for each in actions if each.startswith("elasticfilesystem:")}


def test_what_they_put_lies_in_landing(reception, deployment):
    """The collector's and the listener's objects land where they are taken in from, and nowhere else."""
    landing = f"{deployment.names.bucket_arn('bronze')}/landing/"
    for service in (COLLECTOR, LISTENER):
        put = [on for action, on in rights(reception, deployment, service) if action == "s3:PutObject"]
        assert put
        assert all(on.count("arn:aws:s3") == on.count(landing) for on in put)


def test_containers_cannot_write_their_image_or_be_root(reception):
    """Each container has a read-only root and a user without rights."""
    for task in properties(reception, "AWS::ECS::TaskDefinition"):
        for container in task["ContainerDefinitions"]:
            assert container["ReadonlyRootFilesystem"] is True
            assert container["User"].split(":")[0] not in ("", "0", "root")
