"""Lake Formation is told what the policy says, and nothing falls back to IAM."""

from itertools import pairwise

import pytest
import sqlglot
from sqlglot import exp

from a360.contract import MASKS, SERVICES
from infra.constructs import duties
from infra.views import catalog_view

FORMATION = "AWS::LakeFormation::"


@pytest.fixture(scope="module")
def governance(template):
    return template("governance")


@pytest.fixture(scope="module")
def granting(stacks):
    return [part for part in stacks if part == "grants" or part.startswith("grants-")]


@pytest.fixture(scope="module")
def told(template, granting):
    """All resources of a type in the stacks of grants, as their properties."""

    def of(type_):
        found = [each for part in granting for each in template(part).find_resources(type_).values()]
        return [each["Properties"] for each in found]

    return of


def test_nothing_new_is_open_to_iam(governance):
    """New databases and tables have no default permissions, and nobody is admin but who is named."""
    (settings,) = governance.find_resources(f"{FORMATION}DataLakeSettings").values()
    settings = settings["Properties"]
    assert settings["CreateDatabaseDefaultPermissions"] == settings["CreateTableDefaultPermissions"] == []
    assert settings["MutationType"] == "REPLACE"
    assert len(settings["Admins"]) == 2
    assert settings["Parameters"] == {"CROSS_ACCOUNT_VERSION": "4"}


def test_the_catalog_is_made_under_these_settings(stacks):
    """No database or table is deployed before Lake Formation's settings are."""
    assert stacks["governance"].node.id in {each.node.id for each in stacks["catalog"].dependencies}
    assert "catalog" in {each.node.id for each in stacks["catalog-silver-patient-1"].dependencies}


def test_places_are_registered_without_a_way_around(governance, deployment):
    """Every zone's bucket is Lake Formation's, and IAM alone opens none of them."""
    places = [each["Properties"] for each in governance.find_resources(f"{FORMATION}Resource").values()]
    assert {each["ResourceArn"] for each in places} == {
        deployment.names.bucket_arn(zone) for zone in deployment.zones
    }
    assert {(each["HybridAccessEnabled"], each["UseServiceLinkedRole"]) for each in places} == {
        (False, False)
    }


def test_every_principal_is_a_role_that_only_its_like_takes_on(governance, deployment):
    """A role stands for each principal; its trust asks for a tag, that of an emergency for MFA too."""
    roles = {
        each["Properties"]["RoleName"]: each["Properties"]
        for each in governance.find_resources("AWS::IAM::Role").values()
    }
    for principal in deployment.carriers.principals:
        role = roles[deployment.names.role(duties.role_of(principal))]
        (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Condition"]["StringEquals"]
        assert ("Bool" in trusted["Condition"]) == bool(principal.ask.break_glass)
        assert role["MaxSessionDuration"] == 3600


def test_there_is_a_policy_for_each_duty(governance, deployment):
    """Admin, engineer, analyst, data scientist, auditor and break-glass are managed policies."""
    policies = governance.find_resources("AWS::IAM::ManagedPolicy").values()
    names = {each["Properties"]["ManagedPolicyName"] for each in policies}
    assert {deployment.names.role(f"duty-{duty}") for duty in duties.DUTIES} <= names


def test_no_action_is_a_wildcard(template):
    """Policies of governance and the catalog name each action they allow."""
    for part in ("governance", "catalog"):
        policies = template(part).find_resources("AWS::IAM::ManagedPolicy").values()
        for policy in policies:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert "*" not in str(statement["Action"])
        assert policies
        assert not template(part).find_resources("AWS::IAM::Policy")


def test_roles_read_the_answers_of_their_own_role_alone(governance, deployment):
    """What one role asked, another cannot read out of the bucket of results."""
    for policy in governance.find_resources("AWS::IAM::ManagedPolicy").values():
        name = policy["Properties"]["ManagedPolicyName"].removeprefix(deployment.names.of("query") + "-")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "s3:PutObject" in statement["Action"] and "athena-results" in str(statement["Resource"]):
                assert f"/{name.replace('-', '_')}/*" in statement["Resource"] or "view-definer" in name


def test_every_tag_of_the_policy_is_on_its_resource(told, deployment):
    """Databases, tables and columns bear the LF-Tags that the carriers assign, each column once a key."""
    found = {}
    for association in told(f"{FORMATION}TagAssociation"):
        tags = {each["TagKey"]: each["TagValues"][0] for each in association["LFTags"]}
        for resource in _tagged(association["Resource"]):
            assert not found.get(resource, {}).keys() & tags
            found[resource] = found.get(resource, {}) | tags
    names = deployment.names
    for assignment in deployment.carriers.assignments:
        zone, _, rest = assignment.resource.partition(".")
        resource = ".".join(filter(None, (names.database(zone), rest)))
        assert found.pop(resource) == dict(assignment.tags)
    assert not found


def _tagged(resource):
    if "Database" in resource:
        return [resource["Database"]["Name"]]
    if "Table" in resource:
        return [f"{resource['Table']['DatabaseName']}.{resource['Table']['Name']}"]
    table = resource["TableWithColumns"]
    return [f"{table['DatabaseName']}.{table['Name']}.{column}" for column in table["ColumnNames"]]


def test_filters_and_grants_are_those_of_the_carriers(told, deployment):
    """Each filter has its columns and rows and is granted to its principal; so is each tag expression."""
    names, carriers = deployment.names, deployment.carriers
    arns = {each.name: names.role_arn(duties.role_of(each)) for each in carriers.principals}
    filters = {each["Name"]: each for each in told(f"{FORMATION}DataCellsFilter")}
    grants = told(f"{FORMATION}PrincipalPermissions")
    granted = [
        (each["Principal"]["DataLakePrincipalIdentifier"], each["Resource"]["DataCellsFilter"]["Name"])
        for each in grants
        if "DataCellsFilter" in each["Resource"]
    ]
    assert len(granted) == len(filters) == len(carriers.filters)
    for expected in carriers.filters:
        (name,) = [each for each in filters if each.rpartition("__")[0] == expected.name]
        assert filters[name]["ColumnNames"] == [*expected.columns]
        assert filters[name]["RowFilter"].get("FilterExpression") == expected.rows
        assert (arns[expected.principal], name) in granted
    tagged = [
        (
            each["Principal"]["DataLakePrincipalIdentifier"],
            {
                pair["TagKey"]: tuple(pair["TagValues"])
                for pair in each["Resource"]["LFTagPolicy"]["Expression"]
            },
        )
        for each in grants
        if "LFTagPolicy" in each["Resource"]
    ]
    assert len(tagged) == len(carriers.tag_grants)
    for grant in carriers.tag_grants:
        assert (arns[grant.principal], dict(grant.expression)) in tagged


def test_no_person_sees_a_table_whole(told, deployment):
    """Only services and the definer of views are granted tables by name; people get tags, filters, views."""
    people = {deployment.names.role_arn(duties.role_of(each)) for each in deployment.carriers.principals}
    views = deployment.names.database("views")
    for grant in told(f"{FORMATION}PrincipalPermissions"):
        table = grant["Resource"].get("Table")
        if table and grant["Principal"]["DataLakePrincipalIdentifier"] in people:
            assert table["DatabaseName"] == views
            assert "Name" in table


def test_services_alone_are_granted_anything_beside_people(told, deployment):
    """Whoever else a stack grants something is a service that `a360 grants drift` leaves alone."""
    names = deployment.names
    people = {names.role_arn(duties.role_of(each)) for each in deployment.carriers.principals}
    granted = {
        each["Principal"]["DataLakePrincipalIdentifier"] for each in told(f"{FORMATION}PrincipalPermissions")
    }
    assert granted - people <= {names.role_arn(each) for each in SERVICES}


def test_only_the_definer_and_the_jobs_reach_what_masks_look_up(told, deployment):
    """The maps of keyed masks are granted to what fills them and the definer of views, and nobody else."""
    masks = deployment.names.database(MASKS)
    who = {
        each["Principal"]["DataLakePrincipalIdentifier"]
        for each in told(f"{FORMATION}PrincipalPermissions")
        if masks in str(each["Resource"])
    }
    assert who == {deployment.names.role_arn(each) for each in ("view-definer", "orchestration")}


def test_views_read_with_their_definers_rights_and_show_what_was_decided(told, deployment):
    """A masked view is protected, has the columns that were decided and no name of a logical database."""
    views = {each["TableInput"]["Name"]: each["TableInput"] for each in told("AWS::Glue::Table")}
    assert len(views) == len(deployment.carriers.views)
    databases = {deployment.names.database(each) for each in (*deployment.zones, MASKS)}
    for told_view in deployment.carriers.views:
        view = views[told_view.name.rpartition(".")[2]]
        definition = view["ViewDefinition"]
        assert definition["IsProtected"] is True
        assert definition["Definer"].endswith("view-definer")
        shown = [each["Name"] for each in view["StorageDescriptor"]["Columns"]]
        assert set(shown) == set(told_view.decision.visible)
        (representation,) = definition["Representations"]
        tree = sqlglot.parse_one(representation["ViewOriginalText"], dialect="trino")
        assert tree.named_selects == shown
        assert {each.db for each in tree.find_all(exp.Table) if each.db} <= databases


def test_a_view_may_not_read_more_tables_than_the_catalog_takes(deployment, monkeypatch):
    """A view that reads too many tables is an error when it is synthesised, not when it is deployed."""
    monkeypatch.setattr("infra.views._MOST_TABLES", 0)
    with pytest.raises(ValueError, match="the Data Catalog takes 0"):
        catalog_view(deployment, deployment.carriers.views[0])


def test_changes_reach_lake_formation_one_after_the_other(template, granting, stacks):
    """In a stack each change waits for the one before, and each stack for the stack before."""
    for part in ("governance", *granting):
        resources = template(part).to_json()["Resources"]
        ours = {name for name, each in resources.items() if each["Type"].startswith(FORMATION)}
        chained = ours | {name for name, each in resources.items() if each["Type"] == "AWS::Glue::Table"}
        before = [chained.intersection(resources[each].get("DependsOn", [])) for each in chained]
        assert sorted(map(len, before)) == [0] + [1] * (len(chained) - 1), part
        assert len({next(iter(each)) for each in before if each}) == len(chained) - 1, part
    for one, other in pairwise(granting):
        assert one in {each.node.id for each in stacks[other].dependencies}
