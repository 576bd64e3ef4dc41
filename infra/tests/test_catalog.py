"""The Data Catalog holds what the contracts declare."""

import pytest

from a360.contract import dqdl_ruleset, iceberg_partition_spec, iceberg_schema
from infra.contracts_adapter import days_of
from infra.shards import CAPACITY, assign, read_ledger, sharded


@pytest.fixture(scope="module")
def shards(stacks):
    return [part for part in stacks if part.startswith("catalog-")]


@pytest.fixture(scope="module")
def resources(template, shards):
    """All resources of a type in the stacks of tables."""

    def of(type_):
        return [each for part in shards for each in template(part).find_resources(type_).values()]

    return of


@pytest.fixture(scope="module")
def tables(resources):
    found = resources("AWS::Glue::Table")
    return {(each["Properties"]["DatabaseName"], each["Properties"]["Name"]): each for each in found}


def test_every_table_of_the_plan_is_in_the_catalog_once(resources, tables, deployment):
    """Each dataset is one Iceberg table in the database of its zone."""
    expected = {(deployment.names.database(each.namespace), each.name) for each in deployment.plan.tables}
    assert set(tables) == expected
    assert len(resources("AWS::Glue::Table")) == len(expected)


def test_tables_have_the_ledgers_field_ids_and_the_plans_layout(tables, deployment):
    """Columns, types, ids, partitioning and properties of a table are those that the plan gives the lake."""
    for plan in deployment.plan.tables:
        given = tables[deployment.names.database(plan.namespace), plan.name]["Properties"]
        iceberg = given["OpenTableFormatInput"]["IcebergInput"]["IcebergTableInput"]
        fields = [{key.lower(): value for key, value in each.items()} for each in iceberg["Schema"]["Fields"]]
        assert [_plain(each) for each in fields] == [_plain(each) for each in iceberg_schema(plan)["fields"]]
        spec = iceberg_partition_spec(plan)["fields"]
        stated = iceberg.get("PartitionSpec", {}).get("Fields", [])
        assert [(each["SourceId"], each["FieldId"], each["Name"], each["Transform"]) for each in stated] == [
            (each["source-id"], each["field-id"], each["name"], each["transform"]) for each in spec
        ]
        assert plan.properties.items() <= iceberg["Properties"].items()
        assert iceberg["Location"].rstrip("/") == deployment.location(plan)


def _plain(field):
    return {**field, "type": field["type"].replace(" ", ""), "doc": field.get("doc", "")}


def test_tables_outlive_their_stack(tables):
    """No table is deleted because a stack, or its resource in one, is."""
    for table in tables.values():
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"


def test_snapshots_are_kept_as_long_as_contracts_say(resources, deployment):
    """The optimizer of each table keeps its snapshots for the contract's period, and as many as it says."""
    stated = {
        (each["Properties"]["DatabaseName"], each["Properties"]["TableName"]): each["Properties"]
        for each in resources("AWS::Glue::TableOptimizer")
        if each["Properties"]["Type"] == "retention"
    }
    for plan in deployment.plan.tables:
        found = stated[deployment.names.database(plan.namespace), plan.name]["TableOptimizerConfiguration"]
        kept = found["RetentionConfiguration"]["IcebergConfiguration"]
        assert kept["SnapshotRetentionPeriodInDays"] == days_of(plan.retention.snapshots or "P30D")
        assert kept["NumberOfSnapshotsToRetain"] == plan.retention.keep_snapshots


def test_nothing_but_the_lake_rewrites_files(resources):
    """Glue compacts no table: what it wrote would not be in the ledger of files, and be refused."""
    kinds = {each["Properties"]["Type"] for each in resources("AWS::Glue::TableOptimizer")}
    assert kinds == {"retention", "orphan_file_deletion"}


def test_every_rule_is_in_a_ruleset_or_named_as_missing(resources, deployment):
    """A rule of a contract stands in the ruleset of its table, or in its description with the reason."""
    said = {
        each["Properties"]["Name"]: each["Properties"] for each in resources("AWS::Glue::DataQualityRuleset")
    }
    for step in deployment.plan.steps:
        plan = deployment.plan.table(step.dataset)
        for rule in (*step.rules, *step.dataset_rules):
            suffix = "-warnings" if rule.severity == "warning" else ""
            found = said.get(deployment.names.of(plan.namespace, plan.name) + suffix)
            alone = dqdl_ruleset(plan, [rule])
            if alone.text:
                assert f"    # {rule.name}\n" in found["Ruleset"]
            elif found:
                assert f"{rule.name}, {alone.unsaid[rule.name]}" in found["Description"]


def test_the_catalog_is_encrypted_by_a_customer_key(template):
    """What the catalog knows of the data, and passwords of connections, are under a key of the customer."""
    (settings,) = template("catalog").find_resources("AWS::Glue::DataCatalogEncryptionSettings").values()
    settings = settings["Properties"]["DataCatalogEncryptionSettings"]
    assert settings["EncryptionAtRest"]["CatalogEncryptionMode"] == "SSE-KMS-WITH-SERVICE-ROLE"
    assert "Ref" in settings["EncryptionAtRest"]["SseAwsKmsKeyId"]
    assert settings["ConnectionPasswordEncryption"]["ReturnConnectionPasswordEncrypted"] is True


def test_the_ledger_names_a_stack_for_every_dataset(deployment):
    """`python -P -m infra.shards` would change nothing."""
    ledger = read_ledger()
    assert assign(deployment.plan.tables, ledger) == ledger


def test_a_dataset_without_a_place_is_told_how_to_get_one(deployment):
    """Nothing is synthesised for a dataset that the ledger does not know; the error says what to run."""
    with pytest.raises(Exception, match=r"No stack is named for bronze\.fhir_block"):
        sharded(deployment.plan.tables, {})


def test_no_shard_has_more_datasets_than_fit():
    """A shard is filled to its capacity and no further."""
    places = list(read_ledger().values())
    assert max(map(places.count, places)) <= CAPACITY
