"""What is shared with other accounts is what is declared, and drift is told."""

from dataclasses import replace

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import assertions
from moto import mock_aws

from a360.contract import Share
from infra.sharing import Drift, Shared, declared, drift, granted, verify
from infra.stacks.sharing import SharingStack

OTHER, THIRD = "333333333333", "444444444444"
OWN = "123456789012"  # whose answers moto gives


@pytest.fixture(scope="module")
def sharing(deployment):
    """Staging, if it shared two datasets and whatever has some tags."""
    environment = deployment.environment.model_copy(
        update={
            "sharing": (
                Share(account=OTHER, datasets=("gold.visit_facts", "gold.engagement")),
                Share(
                    account=THIRD, tags=("domain:analytics", "sensitivity:public", "sensitivity:operational")
                ),
            )
        }
    )
    names = replace(deployment.names, account=OWN)
    return replace(deployment, environment=environment, names=names)


@pytest.fixture(scope="module")
def grants(sharing):
    """The grants of the stack, in the shape of the request that CloudFormation makes of them."""
    stage = cdk.Stage(cdk.App(), "sharing", env=cdk.Environment(account=OWN, region="us-east-1"))
    template = assertions.Template.from_stack(SharingStack(stage, sharing))
    found = template.find_resources("AWS::LakeFormation::PrincipalPermissions").values()
    return [each["Properties"] for each in found]


@pytest.fixture
def clients(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("lakeformation", "us-east-1"), boto3.client("ram", "us-east-1")


def share(clients, grants, accounts):
    """What deploying the stack does, and what Lake Formation does in RAM on its own."""
    formation, ram = clients
    for grant in grants:
        formation.grant_permissions(**grant)
    for account in accounts:
        ram.create_resource_share(name=f"LakeFormation-V4-{account}", principals=[account])


def test_what_is_declared_is_granted_to_accounts_by_name_and_by_tag(sharing, grants):
    """The stack grants exactly what the environment's file says, with the right to hand it on."""
    assert granted(grants, OWN) == declared(sharing)
    assert declared(sharing) == {
        Shared(OTHER, "a360_staging_gold.visit_facts"),
        Shared(OTHER, "a360_staging_gold.engagement"),
        Shared(THIRD, "domain=analytics and sensitivity=operational|public"),
    }


def test_after_a_deployment_there_is_no_drift(sharing, grants, clients):
    """Lake Formation and RAM, asked in their own words, say what is declared."""
    share(clients, grants, [OTHER, THIRD])
    assert not verify(sharing, *clients)


def test_a_grant_made_by_hand_is_told(sharing, grants, clients):
    """What somebody granted besides is named, with the account and the table."""
    share(clients, grants, [OTHER, THIRD])
    table = {"Table": {"CatalogId": OWN, "DatabaseName": "a360_staging_silver", "Name": "patient"}}
    principal = {"DataLakePrincipalIdentifier": THIRD}
    clients[0].grant_permissions(Principal=principal, Resource=table, Permissions=["SELECT"])
    found = verify(sharing, *clients)
    assert found == Drift(unexpected=(Shared(THIRD, "a360_staging_silver.patient", ("SELECT",), ()),))
    assert list(found.lines()) == [
        f"granted, though not declared: {THIRD}: a360_staging_silver.patient (SELECT)"
    ]


def test_a_grant_that_was_taken_back_is_told(sharing, grants, clients):
    """What is declared and no longer granted is named."""
    share(clients, grants, [OTHER, THIRD])
    gone = grants[0]
    clients[0].revoke_permissions(**gone)
    (missing,) = verify(sharing, *clients).missing
    assert missing.resource.rpartition(".")[2] == gone["Resource"]["Table"]["Name"]


def test_a_share_with_a_stranger_and_one_that_nobody_got_are_told(sharing, grants, clients):
    """RAM's shares are held to the accounts that are declared, both ways."""
    share(clients, grants, [OTHER, "555555555555"])
    found = verify(sharing, *clients)
    assert found == Drift(strangers=("555555555555",), waiting=(THIRD,))


def test_a_grant_that_is_listed_in_parts_is_one():
    """Lake Formation lists a table's SELECT by its columns and its DESCRIBE by itself; both are one share."""
    table = {"DatabaseName": "d", "Name": "t"}
    parts = (
        ("SELECT", {"TableWithColumns": {**table, "ColumnWildcard": {}}}),
        ("DESCRIBE", {"Table": table}),
    )
    listed = [
        {
            "Principal": {"DataLakePrincipalIdentifier": OTHER},
            "Resource": resource,
            "Permissions": [permission],
            "PermissionsWithGrantOption": [permission],
        }
        for permission, resource in parts
    ]
    assert granted(listed, OWN) == {Shared(OTHER, "d.t")}


def test_principals_of_this_account_are_no_shares():
    """Roles of the account itself are not looked at; roles of others and organisations are."""
    table = {"Table": {"DatabaseName": "d", "Name": "t"}}
    organisation = "arn:aws:organizations::999999999999:organization/o-1"
    principals = (f"arn:aws:iam::{OWN}:role/analyst", f"arn:aws:iam::{OTHER}:role/x", organisation)
    found = granted(
        [
            {"Principal": {"DataLakePrincipalIdentifier": each}, "Resource": table, "Permissions": ["SELECT"]}
            for each in principals
        ],
        OWN,
    )
    assert {each.account for each in found} == {OTHER, organisation}
    assert drift(frozenset(), found, []).unexpected


def test_an_environment_that_shares_nothing_has_no_such_stack(stacks):
    """Staging shares nothing, and has no stack for it."""
    assert "sharing" not in stacks
