"""Every template is held to the rule packs, and what stands against them is written down with its reason."""

import contextlib
import json
import re

import aws_cdk as cdk
import cfnlint.api
import pytest
import yaml
from aws_cdk import aws_s3 as s3

from infra.policy import packs
from infra.policy.acknowledgements import acknowledgements
from infra.policy.rules import CONTROL, ELIGIBLE, NOT_ELIGIBLE, RULES, broken
from infra.stacks.component import LakeStage
from infra.tests.conftest import FOLDER, new_app

LINT_STANDS = {*yaml.safe_load((FOLDER / ".cfnlintrc").read_text("utf-8"))["ignore_checks"]}


@pytest.fixture(scope="module")
def checked(tmp_path_factory, deployment):
    """The folder of an app that is synthesised under the packs, none of whose findings is acknowledged."""
    folder = tmp_path_factory.mktemp("cdk.out")
    app = new_app(outdir=str(folder))
    LakeStage(app, deployment)
    packs.attach(app)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    return folder


@pytest.fixture(scope="module")
def templates(checked):
    return {path.name: path for path in checked.glob("*.template.json")}


def findings(folder):
    """The findings in the report of an app, as they are acknowledged."""
    report = json.loads((folder / "validation-report.json").read_text("utf-8"))
    return {
        each["ruleName"]
        if each["ruleName"].startswith("Annotation::")
        else f"{plugin['pluginName'].replace(' ', '-')}::{each['ruleName']}"
        for plugin in report["pluginReports"]
        for each in plugin["violations"]
    }


def test_every_finding_is_acknowledged_and_none_that_is_not_there(checked, deployment):
    """What the packs find is what is acknowledged: nothing is open, and no reason outlives its finding."""
    assert findings(checked) == set(acknowledgements(deployment))


def test_every_acknowledgement_says_why(deployment):
    """A reason is a sentence."""
    for rule, reason in acknowledgements(deployment).items():
        assert len(reason.split()) > 5, rule
        assert reason.endswith("."), rule


def test_the_packs_are_active(tmp_path, monkeypatch):
    """A bucket without anything fails a synthesis under all three packs and under our own rules."""
    monkeypatch.delenv(packs.SWITCH, raising=False)
    found = bad_app(tmp_path)
    assert {each.partition("::")[0] for each in found} >= {
        "HIPAA.Security",
        "AwsSolutions",
        "NIST.800.53.R5",
        "a360",
    }
    assert "a360::a360-DataKept" in found


def test_the_packs_can_be_switched_off(tmp_path, monkeypatch):
    """`CDK_VALIDATION=false` synthesises without them."""
    monkeypatch.setenv(packs.SWITCH, "false")
    assert not any("Security" in each or "a360" in each for each in bad_app(tmp_path))


def bad_app(folder):
    app = new_app(outdir=str(folder))
    s3.Bucket(cdk.Stack(app, "bad"), "bad", removal_policy=cdk.RemovalPolicy.DESTROY)
    packs.attach(app)
    with contextlib.suppress(RuntimeError):
        app.synth()
    return findings(folder)


def test_an_acknowledged_finding_no_longer_fails(tmp_path, deployment):
    """What is acknowledged at the stage is acknowledged for all within it."""
    app = new_app(outdir=str(tmp_path))
    stage = cdk.Stage(app, "stage")
    s3.Bucket(cdk.Stack(stage, "stack"), "logs", removal_policy=cdk.RemovalPolicy.RETAIN, versioned=True)
    packs.attach(app)
    packs.acknowledge(stage, deployment)
    with pytest.raises(RuntimeError):
        app.synth()
    found = findings(tmp_path)
    assert found
    assert not any("S3BucketReplicationEnabled" in each for each in found)


BAD = {
    "a360-AthenaWorkGroupEnforced": {"WorkGroupConfiguration": {"EnforceWorkGroupConfiguration": False}},
    "a360-LakeFormationNoIamFallback": {"Admins": ["somebody"]},
    "a360-LakeFormationNoGrantToAll": {
        "Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}
    },
    "a360-LakeFormationNoHybridAccess": {"HybridAccessEnabled": True},
    "a360-GlueTableKept": {},
    "a360-GlueJobEncrypted": {},
    "a360-GlueCatalogEncrypted": {
        "DataCatalogEncryptionSettings": {"EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS"}}
    },
    "a360-KinesisStreamEncrypted": {},
    "a360-FirehoseEncrypted": {},
    "a360-EmrServerlessBounded": {"MaximumCapacity": {"Cpu": "1"}},
    "a360-BedrockGuardrailEncrypted": {},
    "a360-DataKept": {},
    "a360-NamedActions": {
        "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "x"}]}
    },
    "a360-NamedResources": {
        "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    },
    "a360-PeopleByTag": {
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn"}}]}
    },
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_of_our_own_finds_what_breaks_it(rule):
    """A resource that breaks a rule is found by it."""
    resource = {"Type": rule.types[0], "Properties": BAD[rule.name]}
    assert rule in {each.rule for each in broken({"Resources": {"bad": resource}})}


def test_a_service_outside_the_list_is_found():
    """What AWS does not list as eligible for data of patients is not deployed."""
    (found,) = broken({"Resources": {"bad": {"Type": "AWS::Lightsail::Bucket"}}})
    assert found.rule is NOT_ELIGIBLE
    assert not ELIGIBLE & CONTROL


def test_no_template_breaks_a_rule_of_our_own(templates):
    """All stacks keep our own rules."""
    assert len(templates) > 20
    for name, path in templates.items():
        assert not list(broken(json.loads(path.read_text("utf-8")))), name


def test_templates_are_clean_under_cfn_lint(templates, deployment):
    """CloudFormation's own rules find nothing; of alike shards one with every type is looked at."""
    alike = {}
    for path in sorted(templates.values(), key=lambda each: (-len(types(each)), each.stat().st_size)):
        kind = path.name.removeprefix(deployment.environment.name)
        shard = next((each for each in ("catalog", "grants") if re.match(rf"{each}[a-z]+\d", kind)), kind)
        alike.setdefault(shard, path)
    for path in alike.values():
        config = cfnlint.api.ManualArgs(regions=[deployment.names.region])
        matches = cfnlint.api.lint_file(path, config=config)
        assert {each.rule.id for each in matches} <= LINT_STANDS, path.name


def types(path):
    resources = json.loads(path.read_text("utf-8"))["Resources"].values()
    return {each["Type"] for each in resources}
