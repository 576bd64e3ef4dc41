"""The whole specification, line by line: where each part of it is tested, or that it is refused in words.

`specification.json` lists the operations, updates and requirements of `rest-catalog-open-api.yaml` at the
commit it names. Whoever brings in a later specification sees here what is new.
"""

import ast
import json
from pathlib import Path

import pytest

from a360.catalog.metadata import (
    REQUIREMENT_TYPES,
    UPDATE_ACTIONS,
    VIEW_REQUIREMENT,
    VIEW_UPDATE_ACTIONS,
)

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
SPECIFICATION = json.loads((HERE / "specification.json").read_text())
OPERATIONS = {name: (method, path) for name, method, path in SPECIFICATION["operations"]}

OPERATIONS_TESTED = {
    "getConfig": "test_catalog_protocol::test_the_configuration_names_what_is_offered",
    "getToken": "test_catalog_access::test_a_client_gets_a_token_as_rfc_6749_words_it",
    "listNamespaces": "test_catalog_namespaces::test_a_list_comes_in_pages",
    "createNamespace": "test_catalog_namespaces::test_a_created_namespace_is_listed_loaded_and_exists",
    "loadNamespaceMetadata": "test_catalog_namespaces::test_a_created_namespace_is_listed_loaded_and_exists",
    "namespaceExists": "test_catalog_namespaces::test_a_missing_namespace_does_not_exist",
    "dropNamespace": "test_catalog_namespaces::test_a_dropped_namespace_is_gone",
    "updateProperties": "test_catalog_namespaces::test_properties_are_set_and_removed",
    "listTables": "test_catalog_tables::test_a_created_table_is_listed_loaded_and_exists",
    "createTable": "test_catalog_tables::test_a_created_table_is_listed_loaded_and_exists",
    "registerTable": "test_catalog_tables::test_a_registration_replaces_a_table_only_when_told",
    "loadTable": "test_catalog_tables::test_metadata_a_client_has_is_not_sent_again",
    "updateTable": "test_catalog_snapshots::test_a_snapshot_becomes_current_by_its_branch",
    "dropTable": "test_catalog_tables::test_a_purged_table_leaves_no_file",
    "tableExists": "test_catalog_tables::test_a_missing_table_does_not_exist",
    "unregisterTable": "test_catalog_tables::test_an_unregistered_table_leaves_everything",
    "loadCredentials": "test_catalog_tables::test_no_storage_credentials_are_handed_out",
    "renameTable": "test_catalog_tables::test_a_renamed_table_keeps_all_but_its_name",
    "reportMetrics": "test_catalog_metrics::test_nothing_that_could_be_data_is_kept",
    "commitTransaction": "test_catalog_transactions::test_no_table_changes_where_one_requirement_fails",
    "listViews": "test_catalog_views::test_views_come_in_pages",
    "createView": "test_catalog_views::test_a_created_view_is_listed_loaded_and_exists",
    "loadView": "test_catalog_views::test_a_created_view_is_listed_loaded_and_exists",
    "replaceView": "test_catalog_views::test_a_replaced_view_keeps_its_versions",
    "dropView": "test_catalog_views::test_a_dropped_view_is_gone_with_its_metadata",
    "viewExists": "test_catalog_views::test_a_created_view_is_listed_loaded_and_exists",
    "renameView": "test_catalog_views::test_a_renamed_view_keeps_all_but_its_name",
    "registerView": "test_catalog_views::test_metadata_that_exists_is_registered_as_a_view",
}
REFUSED = {
    "listFunctions",
    "loadFunction",
    "planTableScan",
    "fetchPlanningResult",
    "cancelPlanning",
    "fetchScanTasks",
    "signRequest",
}
REFUSED_AS_GLUE_DOES = {
    "registerTable",
    "unregisterTable",
    "renameTable",
    "commitTransaction",
    "listViews",
    "createView",
    "loadView",
    "replaceView",
    "dropView",
    "viewExists",
    "renameView",
    "registerView",
}
# Not below the prefix, and never in the list of endpoints.
BEFORE_THE_CATALOG = {"getConfig", "getToken"}

UPDATES_TESTED = {
    "assign-uuid": "test_catalog_updates::test_the_uuid_of_a_table_never_changes",
    "upgrade-format-version": "test_catalog_updates::test_a_table_is_upgraded_and_never_downgraded",
    "add-schema": "test_catalog_schemas::test_a_schema_is_added_and_made_current",
    "set-current-schema": "test_catalog_schemas::test_a_schema_is_added_and_made_current",
    "remove-schemas": "test_catalog_schemas::test_schemas_are_removed_but_the_current_one",
    "add-spec": "test_catalog_layouts::test_a_partition_spec_is_added_and_made_the_default",
    "set-default-spec": "test_catalog_layouts::test_a_partition_spec_is_added_and_made_the_default",
    "remove-partition-specs": "test_catalog_layouts::test_partition_specs_are_removed_but_the_default",
    "add-sort-order": "test_catalog_layouts::test_a_sort_order_is_added_and_made_the_default",
    "set-default-sort-order": "test_catalog_layouts::test_a_sort_order_is_added_and_made_the_default",
    "set-location": "test_catalog_metadata_files::test_new_files_go_to_a_new_location",
    "set-properties": "test_catalog_updates::test_properties_are_set_and_removed",
    "remove-properties": "test_catalog_updates::test_properties_are_set_and_removed",
    "add-encryption-key": "test_catalog_updates::test_encryption_keys_are_added_and_removed",
    "remove-encryption-key": "test_catalog_updates::test_encryption_keys_are_added_and_removed",
    "add-snapshot": "test_catalog_snapshots::test_row_ids_are_given_once",
    "set-snapshot-ref": "test_catalog_snapshots::test_branches_and_tags_come_and_go",
    "remove-snapshot-ref": "test_catalog_snapshots::test_branches_and_tags_come_and_go",
    "remove-snapshots": "test_catalog_snapshots::test_expired_snapshots_take_what_hangs_on_them_along",
    "set-statistics": "test_catalog_snapshots::test_a_snapshot_has_one_statistics_file_a_kind",
    "remove-statistics": "test_catalog_snapshots::test_a_snapshot_has_one_statistics_file_a_kind",
    "set-partition-statistics": "test_catalog_snapshots::test_a_snapshot_has_one_statistics_file_a_kind",
    "remove-partition-statistics": "test_catalog_snapshots::test_a_snapshot_has_one_statistics_file_a_kind",
}
VIEW_UPDATES_TESTED = {
    "assign-uuid": "test_catalog_views::test_identity_and_format_stay",
    "upgrade-format-version": "test_catalog_views::test_identity_and_format_stay",
    "add-schema": "test_catalog_views::test_a_view_gets_another_schema",
    "set-location": "test_catalog_views::test_properties_and_location_change",
    "set-properties": "test_catalog_views::test_properties_and_location_change",
    "remove-properties": "test_catalog_views::test_properties_and_location_change",
    "add-view-version": "test_catalog_views::test_a_replaced_view_keeps_its_versions",
    "set-current-view-version": "test_catalog_views::test_a_view_goes_back_to_a_version_it_had",
}
REQUIREMENTS_TESTED = dict.fromkeys(
    SPECIFICATION["table_requirements"],
    "test_catalog_requirements::test_a_commit_fails_where_a_requirement_does_not_hold",
)
VIEW_REQUIREMENTS_TESTED = {
    "assert-view-uuid": "test_catalog_views::test_a_commit_is_for_the_view_it_was_made_for"
}
PARTS_TESTED = (UPDATES_TESTED, VIEW_UPDATES_TESTED, REQUIREMENTS_TESTED, VIEW_REQUIREMENTS_TESTED)


def test_the_whole_specification_is_listed():
    """Every operation, update and requirement of the specification is tested, or known to be refused."""
    assert set(OPERATIONS_TESTED) | REFUSED == set(OPERATIONS)
    assert not set(OPERATIONS_TESTED) & REFUSED
    assert set(UPDATES_TESTED) == set(SPECIFICATION["table_updates"]) == UPDATE_ACTIONS
    assert set(VIEW_UPDATES_TESTED) == set(SPECIFICATION["view_updates"]) == VIEW_UPDATE_ACTIONS
    assert set(REQUIREMENTS_TESTED) == REQUIREMENT_TYPES
    assert set(VIEW_REQUIREMENTS_TESTED) == set(SPECIFICATION["view_requirements"]) == {VIEW_REQUIREMENT}


def test_every_test_named_here_exists():
    """A test that was renamed or deleted is missed at once."""
    functions = {
        f"{path.stem}::{node.name}"
        for folder in (HERE, TESTS / "catalog")
        for path in folder.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    named = {test for tested in (OPERATIONS_TESTED, *PARTS_TESTED) for test in tested.values()}
    assert named <= functions


def words(module):
    """The texts that a test's module speaks of."""
    tree = ast.parse((HERE / f"{module}.py").read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_the_tests_speak_of_what_they_test():
    """An update or requirement that a module never sends is not tested there."""
    silent = [
        part
        for tested in PARTS_TESTED
        for part, test in tested.items()
        if part not in words(test.partition("::")[0])
    ]
    assert silent == []


def test_the_endpoints_announced_are_those_of_the_specification(api, only_embedded):
    """The configuration lists what is served, under the specification's own paths, and nothing else."""
    lacking = REFUSED | BEFORE_THE_CATALOG
    if api.profile == "glue":
        lacking |= REFUSED_AS_GLUE_DOES
    offered = {f"{method} {path}" for name, (method, path) in OPERATIONS.items() if name not in lacking}
    assert set(api.config["endpoints"]) == offered


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - BEFORE_THE_CATALOG))
def test_every_operation_is_answered_as_announced(api, name):
    """What is announced is never called unsupported; what is not is refused in words, not as a wrong path."""
    table = api.table()
    method, path = OPERATIONS[name]
    names = {"{namespace}": table.namespace, "{table}": "visit", "{view}": "v", "{function}": "f"}
    at = path.removeprefix("/v1/{prefix}").replace("{plan-id}", "p")
    for placeholder, given in names.items():
        at = at.replace(placeholder, given)
    answer = api.call(method, at, **({"json": {"table-changes": []}} if method == "POST" else {}))
    error = answer.json()["error"] if answer.content and answer.status_code >= 400 else {}
    assert error.get("type") != "NotFoundException"
    announced = f"{method} {path}" in api.config["endpoints"]
    refused = answer.status_code == 406 or error.get("type") == "ForbiddenException"
    if name in {"loadView", "viewExists"}:
        assert answer.status_code == 404
    else:
        assert refused != announced, answer.text
