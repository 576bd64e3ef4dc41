"""The stacks of `infra/`, deployed to ministack by the command line that deploys them to AWS."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from a360.contract import DeployedNames

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION

ROOT = Path(__file__).resolve().parents[2]
STAGE = "rehearsal"
NAMES = DeployedNames("a360", STAGE, ACCOUNT, REGION)
# What docs/aws.md has an operator put as parameters before the stacks that read them.
OPERATORS = {
    "network/s3-prefix-list": "pl-0123456789abcdef0",
    "ingest/image": "2026.1",
    "reception/certificate": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/of-the-reception",
}
LEFT_OUT = {
    "delivery": "both roles trust an IAM::OIDCProvider, which ministack does not know",
    "grants": "ministack knows nothing of Lake Formation, and masked views are no use without it",
    "orchestration": "ministack's RDS::DBInstance has no MasterUserSecret.SecretArn",
}
_REFUSED = "Unrecognized resource types: ["
_ENVIRONMENT = f"""
name: {STAGE}
kind: aws
account: '{ACCOUNT}'
region: {REGION}
catalog: glue
alerts: {{emails: [data-oncall@aesthetics360.example]}}
"""


class Rehearsal:
    """An assembly of all stacks for the emulator's account, and the command line that deploys them."""

    def __init__(self, emulator, folder):
        """Synthesise, prepare the account as an operator would, and find out what can be deployed."""
        self.url, self.folder = emulator.url, folder
        (folder / "contracts").symlink_to(ROOT / "contracts")
        (folder / "cdk.json").symlink_to(ROOT / "infra/cdk.json")
        (folder / "environments").mkdir()
        (folder / f"environments/{STAGE}.yaml").write_text(_ENVIRONMENT)
        self.cdk("synth", "--quiet", "-c", f"environment={STAGE}")
        self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "cdk.out")
        for name, value in OPERATORS.items():
            self.client("ssm").put_parameter(Name=f"/a360/{STAGE}/{name}", Value=value, Type="String")
        self.templates = self._templates()
        types = {part: _types(path) for part, path in self.templates.items()}
        unknown = self._refused(frozenset().union(*types.values()))
        self.unknown = {part: each & unknown for part, each in types.items()}
        self.parts = [part for part in self.templates if part.split("-")[0] not in LEFT_OUT]
        self._leave_out_unknown()
        self.workflows = self._workflows()

    def client(self, service, **signed_as):
        """A client of the emulator: as who set it up, or as somebody else."""
        config = Config(region_name=REGION, s3={"addressing_style": "path"})
        return boto3.Session().client(service, endpoint_url=self.url, config=config, **signed_as)

    def cdk(self, *arguments, signed_as=None):
        """What the command line says, signed by who set up the emulator or by others; it has to succeed."""
        code, told = self.run(*arguments, signed_as=signed_as)
        assert code == 0, told[-6000:]
        return told

    def run(self, *arguments, signed_as=None):
        """How the command line ended, and what it said."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
        done = subprocess.run(
            [Path(sys.executable).with_name("cdk"), *arguments, "--no-notices"],
            check=False,
            cwd=self.folder,
            env={
                **own,
                "AWS_ENDPOINT_URL": self.url,
                "AWS_REGION": REGION,
                **{name.upper(): value for name, value in (signed_as or {}).items()},
                # It would keep in the user's folder whose account a key is of.
                "CDK_HOME": str(self.folder / "cdk-home"),
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                "CDK_VALIDATION": "false",
                "NODE_EXTRA_CA_CERTS": os.environ["AWS_CA_BUNDLE"],
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout

    @property
    def of_parts(self):
        """Arguments that name the stacks that can be deployed, and no others."""
        return *(f"{STAGE}/{part}" for part in self.parts), "--app", "cdk.out"

    def deploy(self):
        """Deploy what can be, with the rights of the workflow that deploys: nobody is asked."""
        options = ("--exclusively", "--require-approval", "never", "--progress", "events")
        return self.cdk("deploy", *self.of_parts, *options, signed_as=self.workflows["deploy"])

    def resources(self, part):
        """The resources that CloudFormation says a stack has: their physical ids by type."""
        found: dict[str, list[str]] = {}
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=NAMES.of(part)):
            for each in page["StackResourceSummaries"]:
                found.setdefault(each["ResourceType"], []).append(each["PhysicalResourceId"])
        return found

    def take_on(self, role, signed_as):
        """The credentials of a role."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        given = self.client("sts", **signed_as).assume_role(RoleArn=arn, RoleSessionName="rehearsal")
        return {
            "aws_access_key_id": given["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": given["Credentials"]["SecretAccessKey"],
            "aws_session_token": given["Credentials"]["SessionToken"],
        }

    def user(self, name, document, tags=()):
        """The credentials of a new user who has one policy."""
        iam = self.client("iam")
        iam.create_user(UserName=name, Tags=[{"Key": key, "Value": value} for key, value in tags])
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def published(self, *parts):
        """What a stack told the others."""
        name = "/".join(("", "a360", STAGE, *parts))
        return self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    def _templates(self):
        assembly = self.folder / "cdk.out"
        artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
        return {
            each["displayName"].removeprefix(f"{STAGE}/"): assembly / each["properties"]["templateFile"]
            for each in artifacts.values()
            if each["type"] == "aws:cloudformation:stack"
        }

    def _refused(self, types):
        """Those of the types that the emulator's CloudFormation does not know."""
        asked = {"Resources": {f"R{at}": {"Type": each} for at, each in enumerate(sorted(types))}}
        with pytest.raises(ClientError, match="Unrecognized resource types") as raised:
            self.client("cloudformation").validate_template(TemplateBody=json.dumps(asked))
        return frozenset(str(raised.value).partition(_REFUSED)[2].partition("]")[0].split(", "))

    def _workflows(self):
        """Users with the rights of the roles of `delivery`, which trust what the emulator does not know."""
        resources = json.loads(self.templates["delivery"].read_text())["Resources"].values()
        names = {"plan", "deploy"}
        found = {}
        for policy in (each["Properties"] for each in resources if each["Type"] == "AWS::IAM::Policy"):
            (role,) = (each["Ref"] for each in policy["Roles"])
            (name,) = (each for each in names if role.startswith(each))
            found[name] = self.user(f"workflow-{name}", policy["PolicyDocument"])
        return found

    def _leave_out_unknown(self):
        for part in self.parts:
            path = self.templates[part]
            path.write_text(json.dumps(_without(json.loads(path.read_text()), self.unknown[part])))


def _types(path):
    return frozenset(each["Type"] for each in json.loads(path.read_text())["Resources"].values())


def _without(template, types):
    """A template without resources of these types, and without those that refer to them."""
    kept = template["Resources"]
    gone = {name for name, each in kept.items() if each["Type"] in types}
    while gone & kept.keys():
        kept = {name: each for name, each in kept.items() if name not in gone}
        gone |= {name for name, each in kept.items() if _refers(each.get("Properties", {}), gone)}
    for each in kept.values():
        needs = each.pop("DependsOn", [])
        needs = [name for name in ([needs] if isinstance(needs, str) else needs) if name not in gone]
        if needs:
            each["DependsOn"] = needs
    return template | {"Resources": kept}


def _refers(value, names):
    if isinstance(value, list):
        return any(_refers(each, names) for each in value)
    if not isinstance(value, dict):
        return False
    if value.get("Ref") in names or (value.get("Fn::GetAtt") or [None])[0] in names:
        return True
    return any(_refers(each, names) for each in value.values())
