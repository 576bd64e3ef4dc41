"""Lake Formation is held to the policy, and brought to it."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from aws_server import ACCOUNT
from formation_server import PAGE, FormationServer
from moto import mock_aws

from a360.aws import Aws, LakeFormation, LfDrift, LfItem
from a360.cli._main import run as main
from a360.contract import SERVICES, DeployedNames, Environment, load_contracts, make_plan
from a360.errors import OperatorError
from a360.trust.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
NAMES = DeployedNames("a360", "staging", ACCOUNT, "us-east-1")
TABLES = {"silver.patient", "silver.consent", "silver.encounter", "gold.visit_facts", "gold.patient_360"}
STRANGER = f"arn:aws:iam::{ACCOUNT}:role/somebody"


@pytest.fixture(scope="module")
def plan():
    """Three zones of the lake with a few tables each: some filtered, some under masks."""
    whole = make_plan(load_contracts(ROOT / "contracts"))
    kept = tuple(table for table in whole.tables if table.dataset in TABLES)
    return replace(whole, tables=kept)


@pytest.fixture
def server(nobody):
    with FormationServer() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield serving
        serving.shutdown()


def environment(**endpoints):
    told = {"name": "staging", "kind": "aws", "account": ACCOUNT, "region": "us-east-1"}
    return Environment.model_validate(told | {"endpoints": endpoints})


@pytest.fixture
def formation(server, plan):
    asked = LakeFormation(Aws(environment(lakeformation=server.url), tries=1), plan, NAMES)
    asked.wait = lambda _seconds: None
    return asked


@pytest.fixture
def applied(formation):
    """Lake Formation as the policy says."""
    formation.apply(formation.drift(), lambda _item, _made: None)
    assert not formation.drift()
    return formation


def apply(formation):
    changes = []
    formation.apply(formation.drift(), lambda item, made: changes.append((made, item)))
    return changes


def test_all_that_the_policy_asks_for_is_made(formation, server, plan):
    """Nothing is there at first: all is told as missing, is made, and is found again over all pages."""
    found = formation.drift()
    assert {each.kind for each in found.missing} == {"tag", "tag of", "filter", "grant"}
    assert found.undeclared == ()
    apply(formation)
    assert formation.drift() == LfDrift()
    held = server.formation
    assert len(held.filters) == len(plan.carriers.filters)
    assert {*held.tags} == {*plan.carriers.tags}
    assert len(held.grants) > PAGE


def test_what_somebody_granted_besides_is_told_and_taken_back(applied, server):
    """A grant by hand on a table of the lake is named with who has it, and revoked first of all."""
    database = NAMES.database("silver")
    table = {"Table": {"CatalogId": ACCOUNT, "DatabaseName": database, "Name": "patient"}}
    whom = {"Principal": {"DataLakePrincipalIdentifier": STRANGER}}
    applied.aws.lake_formation.grant_permissions(**whom, Resource=table, Permissions=["SELECT", "DESCRIBE"])
    [told] = applied.drift().undeclared
    assert told == LfItem("grant", f"{database}.patient", f"DESCRIBE, SELECT to {STRANGER}")
    assert apply(applied) == [(False, told)]
    assert not applied.drift()


def test_a_widened_filter_is_put_back(applied, server):
    """A data cell filter that was changed by hand under its name is replaced by what is declared."""
    filtered = next(iter(server.formation.filters.values()))
    filtered["ColumnNames"] = [*filtered["ColumnNames"], "one_more"]
    found = applied.drift()
    assert [each.kind for each in found.missing] == [each.kind for each in found.undeclared] == ["filter"]
    apply(applied)
    apply(applied)  # the grant went with the filter
    assert not applied.drift()


def test_tags_are_put_back(applied, server):
    """A tag that somebody changed, took off or added is as declared again."""
    held = server.formation.tagged
    column = next(place for place in held if place[2])
    key = next(iter(held[column]))
    before = dict(held[column])
    held[column][key] = "public" if before[key] != "public" else "phi"
    other = next(place for place in held if place[2] and place != column)
    del held[other]["sensitivity"]
    held[other]["domain"] = "analytics"
    assert len(applied.drift().missing) >= 2
    apply(applied)
    assert not applied.drift()
    assert held[column] == before


def test_what_others_have_is_left_alone(applied, server):
    """Other lakes' tags and databases, and grants of services and of other accounts, are not looked at."""
    client = applied.aws.lake_formation
    client.create_lf_tag(TagKey="of-another-lake", TagValues=["x"])
    database = {"Database": {"CatalogId": ACCOUNT, "Name": "another"}}
    ours = {"Database": {"CatalogId": ACCOUNT, "Name": NAMES.database("silver")}}
    services = ((NAMES.role_arn(each), ours) for each in SERVICES)
    whom = [(STRANGER, database), *services, ("999999999999", ours)]
    for principal, resource in whom:
        client.grant_permissions(
            Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource, Permissions=["DESCRIBE"]
        )
    assert not applied.drift()


def test_what_comes_at_the_same_time_is_tried_again(formation, server):
    """Lake Formation refuses changes that come at the same time; they are made a little later."""
    server.formation.refusals = ["ConcurrentModificationException"] * 3
    waited = []
    formation.wait = waited.append
    apply(formation)
    assert len(waited) == 3
    assert not formation.drift()


def test_a_table_that_is_not_deployed_is_told(formation, server):
    """A tag on what is not there is refused in words that name it."""
    server.formation.absent = {(NAMES.database("silver"), "patient")}
    with pytest.raises(OperatorError) as raised:
        apply(formation)
    assert raised.value.code.slug == "aws-failed"
    assert "patient" in str(raised.value)


def test_requests_are_those_that_moto_takes(nobody, plan):
    """Tags and grants in our requests are found again as moto lists them, which knows no filters."""
    with mock_aws():
        names = DeployedNames("a360", "staging", "123456789012", "us-east-1")
        asked = LakeFormation(Aws(environment()), plan, names)
        glue = boto3.client("glue", "us-east-1")
        for zone in plan.zones:
            glue.create_database(DatabaseInput={"Name": asked.names.database(zone.name)})
        wanted = [
            each
            for each in asked.declared()
            if each.kind == "tag" or (each.kind == "tag of" and "." not in each.where) or each.kind == "grant"
        ]
        asked.apply(LfDrift(tuple(wanted)), lambda _item, _made: None)
        found = {*asked._found_grants()}
        for zone in plan.zones:
            database = asked.names.database(zone.name)
            found |= {*asked._tags_of({"Database": {"Name": database}}, database)}
        assert {each for each in wanted if each.kind != "tag"} <= found


def test_commands_show_first_and_change_when_told(server, folder_of_policy, capsys):
    """`grants drift` exits 5 where there is drift; `grants apply` changes nothing without `--yes`."""
    assert main(["grants", "drift", "--env", "staging", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["missing"]
    assert main(["grants", "apply", "--env", "staging", "--json"]) in {0, None}
    assert server.formation.changes == []
    capsys.readouterr()
    assert main(["grants", "apply", "--yes", "--env", "staging", "--json"]) in {0, None}
    assert json.loads(capsys.readouterr().out) == {"missing": [], "undeclared": []}


def test_on_this_machine_there_is_no_lake_formation(folder_of_policy, capsys):
    """Without an environment on AWS the command says which to name."""
    assert main(["grants", "drift", "--env", "local"]) == 5
    assert "not-on-aws" in capsys.readouterr().err


@pytest.fixture
def folder_of_policy(server, plan, tmp_path, monkeypatch):
    """A folder to work in, whose policy is that of a few tables."""
    monkeypatch.setattr("a360.cli._lake_formation.policy_of", lambda _face: Policy(plan))
    (tmp_path / "contracts").symlink_to(ROOT / "contracts")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/staging.yaml").write_text(
        f"name: staging\nkind: aws\naccount: '{ACCOUNT}'\nregion: us-east-1\n"
        f"endpoints: {{lakeformation: '{server.url}'}}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path
