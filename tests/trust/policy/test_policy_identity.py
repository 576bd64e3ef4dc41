"""Who asks: accounts, acting as others, and emergencies."""

from datetime import UTC, datetime, timedelta
from random import Random

import policy_worlds as worlds
import pytest

from a360.contract import LakePlan
from a360.contract._lakefile import LakeFile
from a360.contract._plan_policy import plan_policy
from a360.errors import DeniedError
from a360.trust.identity import impersonated, principal_of_account
from a360.trust.policy import NOBODY, Emergency, Policy, Principal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVERYTHING = {"zones": ["silver", "gold"], "sensitivities": ["public", "phi", "identifier"]}


@pytest.fixture(scope="module")
def plan():
    """A policy with an owner, a nurse of one site, and an auditor who may act as the nurse."""
    random = Random(1)
    file = worlds.document(random)
    file |= {
        "users": {
            "boss": {"os": "@owner", "roles": ["auditor"]},
            "ada": {"os": "ada", "roles": ["nurse"], "attributes": {"site": "a' OR 'a' = 'a"}},
            "bo": {"os": "bo", "roles": ["analyst"]},
        },
        "roles": {
            role: {"description": "x", "purposes": ["treatment"] if role == "nurse" else ["operations"]}
            for role in worlds.ROLES
        },
        "grants": [
            {"role": "nurse", "actions": ["select"], **EVERYTHING, "zones": ["silver"]},
            {"role": "auditor", "actions": ["select"], **EVERYTHING},
        ],
        "denies": [],
        "masks": [],
        "consents": [],
        "filters": [
            {"name": "site", "roles": ["nurse"], "datasets": ["silver.seen"], "where": "f3 = :site"}
        ],
        "breakGlass": [
            {"name": "crash", "roles": ["nurse"], "purposes": ["treatment"], "minutes": 30, **EVERYTHING}
        ],
        "impersonations": [{"name": "try", "roles": ["auditor"], "asRoles": ["nurse"]}],
    }  # fmt: skip
    tables = worlds.plan_of(random, worlds.document(Random(1))).tables
    return LakePlan("worlds", "local", (), tables, (), plan_policy(LakeFile.model_validate(file), tables))


@pytest.fixture(scope="module")
def policy(plan):
    """The policy, ready to decide."""
    return Policy(plan)


def test_an_account_is_the_user_it_belongs_to(plan):
    """An account is the user that names it, the folder's owner is @owner, and all others are nobody."""
    assert principal_of_account(plan, "ada", "root").name == "ada"
    assert principal_of_account(plan, "root", "root").name == "boss"
    assert principal_of_account(plan, "ada", "ada").name == "ada"
    assert principal_of_account(plan, "mallory", "root") == NOBODY
    assert principal_of_account(plan, "@owner", "root") == NOBODY
    assert principal_of_account(plan, "", "") == NOBODY


def test_the_owner_sees_everything_and_nobody_nothing(policy, plan):
    """For the folder's owner nothing of any table is hidden; for nobody there is nothing."""
    owner = principal_of_account(plan, "root", "root")
    assert policy.unrestricted(owner, purpose=None)
    assert not any(
        policy.decide(NOBODY, "select", each, purpose="operations").allowed for each in worlds.TABLES
    )


def test_acting_as_somebody_takes_a_rule_and_names_both(policy, plan):
    """Who may act as a role may act as users with no other role, and is named beside them."""
    owner = principal_of_account(plan, "root", "root")
    as_ada, as_role = impersonated(policy, owner, "ada"), impersonated(policy, owner, "nurse")
    assert (as_ada.name, as_ada.acting_for, as_ada.roles) == ("ada", "boss", ("nurse",))
    assert (as_role.name, as_role.acting_for, as_role.attributes) == ("nurse", "boss", {})
    ada = principal_of_account(plan, "ada", "root")
    for who, name in ((owner, "bo"), (owner, "nobody"), (ada, "boss"), (as_ada, "nurse"), (NOBODY, "nurse")):
        with pytest.raises(DeniedError):
            impersonated(policy, who, name)


def test_an_attribute_is_a_value_and_never_sql(policy, plan):
    """Whatever an attribute holds, it is one text that a column is compared with."""
    decision = policy.decide(principal_of_account(plan, "ada", "root"), "select", "silver.seen")
    assert decision.where == ("f3 = 'a'' OR ''a'' = ''a'",)


def test_no_question_raises(policy):
    """Names that are not there, and values that cannot be used, are answered with no."""
    ada = Principal("ada", ("nurse", "king"), ("kings",), {"site": "a"})
    for dataset, purpose in (("silver.none", None), ("", None), ("silver.seen", "war"), ("gold.sums", None)):
        assert not policy.decide(ada, "select", dataset, purpose=purpose).allowed
    broken = Principal("ada", ("nurse",), (), {"site": 7})
    decision = policy.decide(broken, "select", "silver.seen")
    assert not decision.allowed
    assert "cannot be judged" in decision.reason


def test_who_has_one_purpose_need_not_name_it(policy):
    """A purpose is supposed where there is one, and missed where there are several."""
    nurse = Principal("x", ("nurse",), (), {"site": "a"})
    assert policy.decide(nurse, "select", "silver.seen").allowed
    both = Principal("x", ("nurse", "auditor"), (), {"site": "a"})
    assert "no purpose" in policy.decide(both, "select", "silver.seen").reason
    assert policy.decide(both, "select", "silver.seen", purpose="treatment").where == ("f3 = 'a'",)
    assert policy.decide(both, "select", "silver.seen", purpose="operations").where == ()


def test_an_emergency_shows_what_its_rule_says_until_it_is_over(policy):
    """It counts for who declared it, as itself, within its time, and for an hour at most."""
    ada = Principal("ada", ("nurse",), (), {"site": "a"})
    own = Emergency("ada", "crash", "treatment", NOW, NOW + timedelta(minutes=30), "1")

    def rows(principal, after, given=own):
        at = NOW + timedelta(minutes=after)
        decision = policy.decide(
            principal, "select", "silver.seen", purpose="treatment", at=at, emergency=given
        )
        return decision.where if decision.allowed else None

    assert rows(ada, 0) == rows(ada, 29) == ()
    assert rows(ada, 30) == rows(ada, -1) == ("f3 = 'a'",)
    assert rows(Principal("eve", ("nurse",), (), {"site": "b"}), 1) == ("f3 = 'b'",)
    assert rows(Principal("ada", ("nurse",), (), {"site": "a"}, acting_for="boss"), 1) == ("f3 = 'a'",)
    for ends, number in ((NOW + timedelta(hours=2), "1"), (own.ends, "")):
        assert rows(ada, 1, Emergency("ada", "crash", "treatment", NOW, ends, number)) == ("f3 = 'a'",)
