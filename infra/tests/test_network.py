"""The network has no way out but the doors to services."""

import pytest

from infra.stacks.network import SERVICES

OUTWARD = (
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::VPNGateway",
    "AWS::EC2::TransitGatewayAttachment",
    "AWS::EC2::EIP",
)


@pytest.fixture(scope="module")
def network(template):
    return template("network")


@pytest.mark.parametrize("kind", OUTWARD)
def test_nothing_leads_outward(network, kind):
    """There is no gateway, no translation of addresses and no public address."""
    network.resource_count_is(kind, 0)


def test_no_route_but_within(network):
    """No route table has a route of its own: gateway endpoints add theirs."""
    network.resource_count_is("AWS::EC2::Route", 0)


def test_no_subnet_gives_public_addresses(network):
    """Subnets give no public address, and lie in two availability zones."""
    subnets = [each["Properties"] for each in network.find_resources("AWS::EC2::Subnet").values()]
    assert all(each["MapPublicIpOnLaunch"] is False for each in subnets)
    assert len({each["AvailabilityZone"] for each in subnets}) == 2


def test_each_service_has_a_door_for_this_account_alone(network, deployment):
    """Each endpoint serves principals of this account and of no other."""
    doors = [each["Properties"] for each in network.find_resources("AWS::EC2::VPCEndpoint").values()]
    assert len(doors) == len(SERVICES) + 2
    for door in doors:
        (statement,) = door["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:PrincipalAccount": deployment.names.account}}


def test_workers_speak_to_doors_and_each_other(network):
    """Nothing that computes may send to an address outside of the network."""
    groups = network.find_resources("AWS::EC2::SecurityGroup").values()
    outward = [rule for each in groups for rule in each["Properties"].get("SecurityGroupEgress", ())]
    assert outward
    assert all(rule.get("CidrIp") in (None, "10.60.0.0/16", "255.255.255.255/32") for rule in outward)
    assert all(rule.get("CidrIpv6") is None for rule in outward)


def test_flows_are_recorded(network):
    """All that flows is recorded, under a customer key, for more than a year."""
    network.has_resource_properties("AWS::EC2::FlowLog", {"TrafficType": "ALL"})
    (group,) = network.find_resources("AWS::Logs::LogGroup").values()
    assert group["Properties"]["RetentionInDays"] >= 365
    assert "KmsKeyId" in group["Properties"]
