"""A policy can be looked through: who sees what, what deserves a look, and what examples say of it."""

from dataclasses import replace
from random import Random

import policy_worlds as worlds
import pytest

from a360.contract import FaultyContractsError, LakePlan, read_examples
from a360.contract._lakefile import LakeFile
from a360.contract._plan_policy import plan_policy
from a360.errors import OperatorError
from a360.trust.policy import Policy, notices, review, run_example

FILE = {
    **worlds.document(Random(1)),
    "zones": {zone: {"description": zone} for zone in worlds.ZONES},
    "roles": {
        "nurse": {"description": "x", "purposes": ["treatment"]},
        "idle": {"description": "x"},
    },
    "groups": {},
    "users": {"ada": {"roles": ["nurse"], "attributes": {"site": "a"}}, "bo": {"roles": ["nurse"]}},
    "grants": [
        {
            "role": "nurse",
            "actions": ["select"],
            "datasets": ["silver.seen"],
            "sensitivities": ["public", "identifier"],
        },
        {"role": "idle", "actions": ["select"], "tags": ["part2:yes"], "sensitivities": ["public"]},
    ],
    "denies": [],
    "filters": [{"name": "site", "roles": ["nurse"], "datasets": ["silver.seen"], "where": "f3 = :site"}],
    "masks": [{"name": "key", "roles": ["nurse"], "sensitivities": ["identifier"], "method": "hash"}],
    "consents": [
        {
            "name": "part2",
            "tags": ["domain:money"],
            "dataset": "silver.seen",
            "key": "patient_key",
            "permits": "f1 = 1",
        }
    ],
    "breakGlass": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def policy():
    """A policy with some things in it that deserve a look."""
    plan = worlds.plan_of(Random(0), worlds.document(Random(0)))
    money = {"sums": ("domain:money",)}
    tables = tuple(
        replace(
            table,
            tags=money.get(table.name, ()),
            columns=tuple(replace(each, tags=()) for each in table.columns),
        )
        for table in plan.tables
    )
    return Policy(
        LakePlan("worlds", "local", (), tables, (), plan_policy(LakeFile.model_validate(FILE), tables))
    )


def test_a_review_lists_all_that_anybody_sees(policy):
    """Each access is a decision: the columns, those under a mask, and the rows."""
    [access] = review(policy)
    assert (access.principal, access.kind, access.purpose) == ("ada", "user", "treatment")
    assert access.decision.visible == ("patient_key", "f1", "f2")
    assert access.masked == ("patient_key",)
    assert access.decision.where == ("f3 = 'a'",)
    assert review(policy, ["gold.sums"]) == []


def test_a_review_names_what_deserves_a_look(policy):
    """Columns for nobody, rules without effect, filters on hidden columns, attributes that users lack."""
    assert notices(policy) == [
        "silver.seen: nobody may read f3, born",
        "gold.sums: nobody may read any of its columns",
        "grant 2 reaches no column",
        "the role idle has no purpose, and so may do nothing",
        "filter site looks at silver.seen.f3, which the role nurse may not read",
        "filter site asks for site, and shows nothing to who has none: bo",
        "consent part2 hides what it reaches of gold.sums, which has no patient_key",
    ]


@pytest.mark.parametrize(
    ("expected", "differs"),
    [
        ("allowed: true", ""),
        ("allowed: false", "allowed is true"),
        ("columns: [f1, f2, patient_key]", ""),
        ("columns: [f1, born]", "shows f2, patient_key; does not show born"),
        ("hidden: [f1, born]", "shows f1"),
        ("shown: [f1, born]", "does not show born"),
        ("masks: {patient_key: hash, f1: clear}", ""),
        ("masks: {patient_key: year, born: clear}", "patient_key is hash, not year; born is hidden"),
        ("""rows: ["f3 = 'a'"]""", ""),
        ("rows: []", "rows are those of f3 = 'a'"),
    ],
)  # fmt: skip
def test_an_example_holds_or_says_how_it_does_not(policy, tmp_path, expected, differs):
    """What an example expects is compared with the decision, and nothing else is."""
    path = tmp_path / "policy_tests.yaml"
    path.write_text(f"examples:\n  - {{name: one, user: ada, dataset: silver.seen, {expected}}}\n")
    [result] = [run_example(policy, example) for example in read_examples(path).values()]
    assert "; ".join(result.differences).startswith(differs)
    assert result.passed == (not differs)


@pytest.mark.parametrize(
    "body",
    [
        "examples: []",
        "examples:\n  - {name: one, dataset: silver.seen, allowed: true}",
        "examples:\n  - {name: one, user: ada, dataset: silver.seen}",
        "examples:\n  - {name: one, user: ada, dataset: silver.seen, alowed: true}",
        "- 7",
    ],
)
def test_a_file_of_examples_is_checked_like_any_other(tmp_path, body):
    """An example that asks or expects nothing, or says what nobody reads, is a fault with a line."""
    path = tmp_path / "policy_tests.yaml"
    path.write_text(body)
    with pytest.raises(FaultyContractsError, match=r"policy_tests\.yaml:\d"):
        read_examples(path)
    with pytest.raises(OperatorError, match="input-missing"):
        read_examples(tmp_path / "none.yaml")
