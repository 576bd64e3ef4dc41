"""The policy decides the same everywhere: here, in Lake Formation and Athena, and as an oracle reads it."""

import os
from datetime import UTC, datetime, timedelta
from random import Random

import lake_formation
import policy_worlds as worlds
import pytest

from a360.contract import PolicyIndex
from a360.contract._carriers import assignments, carrier_principals, carry
from a360.errors import ContractError
from a360.trust.policy import Emergency, Policy, Principal

# Ten thousand take 15 s of a processor: TEST_POLICIES=10000.
POLICIES = int(os.environ.get("TEST_POLICIES", "1500"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def one(seed):
    """A policy, a request and some rows, out of a number."""
    random = Random(seed)
    file = worlds.document(random)
    plan = worlds.plan_of(random, file)
    request = worlds.request_of(random, file)
    return file, plan, request, [worlds.world_of(random) for _ in range(4)]


def decide(plan, request, dataset, action="select"):
    """The decision as a program asks for it."""
    principal = Principal(request.user, request.roles, request.groups, request.attributes)
    emergency = request.emergency and Emergency(
        request.user, request.emergency, request.purpose, NOW, NOW + timedelta(hours=1), "1"
    )
    return Policy(plan).decide(
        principal, action, dataset, purpose=request.purpose, at=NOW, emergency=emergency or None
    )


def differences(seed):
    """The cells of an example on which the three do not agree."""
    file, plan, request, rows = one(seed)
    named = {
        (each.ask.user, each.ask.roles, each.ask.purpose, each.ask.break_glass): each
        for each in carrier_principals(plan)
    }
    # No rule lets who asks declare the emergency where there is no principal for it.
    key = (request.user, request.roles, request.purpose)
    principal = named.get((*key, request.emergency)) or named[(*key, None)]
    carriers = carry(plan, PolicyIndex(plan.policy, plan.tables), principal)
    borne = {each.resource: each.tags for each in assignments(plan)}
    for table in plan.tables:
        yield from whole_differences(seed, file, plan, request, table)
        decision = decide(plan, request, table.dataset)
        for world in rows:
            cells = {
                column.name: worlds.shown(file, table, column, request, world) for column in table.columns
            }
            for name, expected in cells.items():
                local = lake_formation.forms(decision, name, world) or "hidden"
                seen = {*lake_formation.seen(carriers, borne, principal.name, table.dataset, name, world)}
                there = "clear" if "clear" in seen else min(seen, key=worlds.ORDER.index, default="hidden")
                if not local == expected == there:
                    yield seed, table.dataset, name, expected, local, there
            row = decision.allowed and lake_formation.holds(decision.where, world)
            if row != any(expected != "hidden" for expected in cells.values()):
                yield seed, table.dataset, "the row", cells, row, decision.where


def whole_differences(seed, file, plan, request, table):
    """The columns on which the oracle does not agree that all of them may be let out or changed."""
    for action in worlds.WHOLE:
        decision = decide(plan, request, table.dataset, action)
        for column in table.columns:
            expected = worlds.done_to_all(file, table, column, request, action)
            if decision.columns[column.name].allowed != expected or (expected and decision.where):
                yield seed, table.dataset, column.name, action, expected


def test_all_three_decide_alike():
    """For random policies and requests no cell of any row shows otherwise than the document says."""
    found = [each for seed in range(POLICIES) for each in differences(seed)]
    assert found == []


def test_two_principals_never_share_a_name():
    """Where a role is named as a user's principal would be, nothing is carried, lest they mingle."""
    random = Random(1)
    file = worlds.document(random)
    file["roles"]["user_ada"] = {"description": "x", "purposes": [*worlds.PURPOSES]}
    with pytest.raises(ContractError, match="user_ada__treatment"):
        _ = worlds.plan_of(random, file).carriers
