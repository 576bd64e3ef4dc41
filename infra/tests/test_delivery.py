"""Workflows of one repository alone may deploy, behind the approval of GitHub's environment."""

import aws_cdk as cdk
import pytest

from infra.stacks.delivery import DeliveryStack


def roles(template):
    return {
        each["Properties"]["RoleName"]: each["Properties"]
        for each in template.find_resources("AWS::IAM::Role").values()
    }


def test_roles_trust_one_repository_and_purpose(template, deployment):
    """Deploying takes GitHub's environment of that name; planning a pull request; neither has an asterisk."""
    found = roles(template("delivery"))
    subjects = {}
    for name, role in found.items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        (condition,) = statement["Condition"].values()
        assert list(statement["Condition"]) == ["StringEquals"]
        assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
        subjects[name] = condition["token.actions.githubusercontent.com:sub"]
    assert len(subjects) == 2
    assert subjects[deployment.names.role("github", "deploy")].endswith(":environment:staging")
    assert subjects[deployment.names.role("github", "plan")].endswith(":pull_request")
    assert not [each for each in subjects.values() if "*" in each]


def test_planning_cannot_deploy(template, deployment):
    """The role of pull requests takes on the bootstrap's role that looks, and no other."""
    policies = template("delivery").find_resources("AWS::IAM::Policy").values()
    taken = {
        name: policy["Properties"]["PolicyDocument"]["Statement"][0]["Resource"]
        for policy in policies
        for name in [str(policy["Properties"]["Roles"])]
    }
    (plan,) = [each for name, each in taken.items() if "plan" in name]
    assert "lookup" in plan
    assert isinstance(plan, str)
    assert "*" not in str(taken.values())


@pytest.mark.parametrize("repository", ["", "owner", "owner/*", "/name", "a/b/c"])
def test_a_wildcard_is_no_repository(deployment, repository):
    """A trust that would let in other repositories is refused before anything is made."""
    with pytest.raises(ValueError, match="no repository"):
        DeliveryStack(cdk.App(), deployment, repository=repository)
