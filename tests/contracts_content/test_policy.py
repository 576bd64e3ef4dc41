"""The policy of `lake.yaml`: who sees what, and who sees nothing."""

import pytest
from lake_content import CONTRACTS

from a360.contract import load_contracts, make_plan

PLAN = make_plan(load_contracts(CONTRACTS))
POLICY = PLAN.policy
SENSITIVITY = {
    f"{table.dataset}.{column.name}": column.sensitivity
    for table in (*PLAN.tables, *PLAN.relations)
    for column in table.columns
}
ROLES = {
    "owner",
    "data_engineer",
    "analyst",
    "data_scientist",
    "clinician",
    "compliance_officer",
    "privacy_officer",
    "platform_engineer",
}


def readable(role):
    """The columns a role may select, as (dataset, column, sensitivity)."""
    return {
        (*column.rsplit(".", 1), SENSITIVITY[column])
        for grant in POLICY.grants
        if grant.role == role and "select" in grant.actions
        for column in grant.columns
    }


def test_the_roles_are_those_of_the_clinics():
    """There are eight roles, each with a purpose it acts for."""
    assert {role.name for role in POLICY.roles} == ROLES
    assert all(role.purposes for role in POLICY.roles)


@pytest.mark.parametrize("grant", POLICY.grants, ids=lambda grant: grant.role)
def test_every_grant_reaches_something(grant):
    """No grant is empty: each reaches datasets, and columns in them."""
    assert grant.datasets
    assert grant.columns


def test_only_engineers_of_data_write():
    """Beside the owner one role may write, and neither to quarantine nor to the lake's account of itself."""
    writing = [grant for grant in POLICY.grants if "write" in grant.actions]
    assert {grant.role for grant in writing} == {"data_engineer", "owner"}
    engineers = [grant for grant in writing if grant.role == "data_engineer"]
    assert not any(dataset.startswith(("quarantine.", "ops.")) for g in engineers for dataset in g.datasets)


def test_who_keeps_machines_running_sees_no_health_information():
    """The platform engineer reads operational columns of `ops` and nothing else."""
    seen = readable("platform_engineer")
    assert {dataset.partition(".")[0] for dataset, _, _ in seen} == {"ops"}
    assert {sensitivity for _, _, sensitivity in seen} <= {"public", "operational"}


def test_analysts_read_no_bronze_and_no_clinical_silver():
    """The analyst reads gold, and the directory of silver."""
    seen = {dataset for dataset, _, _ in readable("analyst")}
    assert {dataset for dataset in seen if not dataset.startswith("gold.")} == {
        "silver.practitioner",
        "silver.organization",
        "silver.location",
    }


@pytest.mark.parametrize("role", ["analyst", "data_scientist"])
def test_tokens_are_masked_for_who_analyses(role):
    """Every token that an analysing role may read is masked by a keyed hash of its own."""
    masked = {column for mask in POLICY.masks if role in mask.roles for column in mask.columns}
    tokens = {
        f"{dataset}.{name}" for dataset, name, sensitivity in readable(role) if sensitivity == "identifier"
    }
    assert tokens
    assert tokens <= masked


def test_payloads_are_for_the_pipeline_alone():
    """Beside the owner the data engineer alone reads payloads of bronze, and nobody those of quarantine."""
    readers = {
        (role, dataset)
        for role in ROLES - {"owner"}
        for dataset, column, _ in readable(role)
        if column == "payload"
    }
    assert {dataset for role, dataset in readers if role != "data_engineer"} <= {"ops.lineage_event"}
    assert not any(dataset.startswith("quarantine.") for _, dataset in readers)
