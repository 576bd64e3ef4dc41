"""Stacks stay small, and what stands in one stays there, however many datasets come."""

from dataclasses import replace

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from hypothesis import given
from hypothesis import strategies as st

from a360.contract import ColumnPlan, DataCellFilter, TagAssignment
from infra.shards import CAPACITY, assign
from infra.stacks.catalog import add_catalog
from infra.stacks.grants import add_grants

DATASETS = 500
MOST_RESOURCES = 450  # CloudFormation takes 500


@pytest.fixture(scope="module")
def many(deployment):
    """The lake with 500 more datasets of one domain; those of the first shard need all that a dataset can."""
    pattern, carriers = deployment.plan.table("silver.observation"), deployment.carriers
    columns = tuple(
        ColumnPlan(f"column_{number}", "string", False, number, sensitivity)
        for number, sensitivity in enumerate(deployment.sensitivities, start=1)
    )
    plain = replace(pattern, key=(), partition=(), sort=(), properties={}, tags=("domain:made",))
    added = tuple(
        replace(plain, name=f"made_{number:03}", columns=columns if number < CAPACITY else columns[:1])
        for number in range(DATASETS)
    )
    made = replace(deployment, plan=replace(deployment.plan, tables=(*deployment.plan.tables, *added)))
    # Decided for 500 more datasets it would be as large, and take minutes.
    made.__dict__["carriers"] = replace(
        carriers,
        assignments=(*carriers.assignments, *(each for table in added for each in tags_of(table))),
        filters=(
            *carriers.filters,
            *(
                DataCellFilter(f"{table.name}__{who.name}", who.name, table.dataset, ("column_1",))
                for table in added[:CAPACITY]
                for who in carriers.principals
            ),
        ),
    )
    return made


def tags_of(table):
    yield TagAssignment(table.dataset, {"domain": "made"})
    for column in table.columns:
        yield TagAssignment(f"{table.dataset}.{column.name}", {"sensitivity": column.sensitivity})


def test_no_stack_nears_the_limit_with_500_more_datasets(many):
    """With 500 more datasets, one shard of them filtered for everybody, no stack has 450 resources."""
    stage = cdk.Stage(cdk.App(), "many", env=cdk.Environment(account="111111111111", region="us-east-1"))
    ledger = assign(many.plan.tables, {})
    catalog, tables = add_catalog(stage, many, ledger)
    grants, table_grants = add_grants(stage, many, ledger)
    stacks = (catalog, *tables, grants, *table_grants)
    sizes = {
        each.node.id: len(assertions.Template.from_stack(each).to_json()["Resources"]) for each in stacks
    }
    assert max(sizes.values()) == sizes["grants-silver-made-1"] < MOST_RESOURCES
    assert len(table_grants) >= DATASETS / CAPACITY


@given(st.lists(st.sampled_from(range(DATASETS)), unique=True, min_size=1), st.data())
def test_nothing_moves_when_datasets_come(many, numbers, data):
    """Whatever datasets come, those that have a place keep it, and no shard is filled past its capacity."""
    tables = [many.plan.table(f"silver.made_{number:03}") for number in numbers[:60]]
    first = data.draw(st.integers(0, len(tables)))
    before = assign(tables[:first], {})
    after = assign(tables, before)
    assert before.items() <= after.items()
    places = list(after.values())
    assert max(map(places.count, places)) <= CAPACITY
