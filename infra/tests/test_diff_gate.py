"""A change that would lose data is held back before anybody can deploy it."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from a360.errors import OperatorError
from infra.assembly import read_assembly
from infra.diff_gate import (
    Loss,
    compare,
    create_only,
    held_back,
    main,
    read_losses,
    replacements,
)
from infra.policy.custody import Custody, custody_of

STORAGE, TABLES = "a360-staging-storage", "a360-staging-catalog-silver-clinical-1"


@pytest.fixture(scope="session")
def before(stage):
    """The folder that the templates of staging were written to."""
    return Path(stage.node.root.synth().directory)


@pytest.fixture(scope="session")
def stacks_before(before):
    return read_assembly(before)


@pytest.fixture
def after(before, tmp_path):
    """Another such folder, whose templates a test may change."""
    return Path(shutil.copytree(before, tmp_path / "after"))


def change(folder, stack, apply):
    """Change the resources of a stack in a folder of templates."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    told = next(
        each["properties"]
        for each in manifest["artifacts"].values()
        if each.get("properties", {}).get("stackName") == stack
    )
    path = folder / told["templateFile"]
    template = json.loads(path.read_text("utf-8"))
    apply(template["Resources"])
    path.write_text(json.dumps(template), "utf-8")


def first(resources, kind):
    return next(name for name, each in resources.items() if each["Type"] == kind)


def changes(before, after):
    return [(each.kind, each.change) for each in compare(read_assembly(before), read_assembly(after))]


def test_the_same_templates_lose_nothing(before, after, capsys):
    """Nothing is held back where nothing changes, and the gate says of how many resources it can say so."""
    main([str(before), str(after)])
    assert capsys.readouterr().out.startswith("No loss: 1")


def test_every_type_of_every_template_has_a_custody(stacks_before):
    """Of each type somebody has said what it has to do with data of patients."""
    found = {custody_of(each) for stack in stacks_before.values() for each in stack.values()}
    assert found == set(Custody)


def test_a_type_without_a_custody_is_an_error():
    """A type that is new to the app is not passed over."""
    with pytest.raises(OperatorError, match="AWS::Timestream::Table") as caught:
        custody_of({"Type": "AWS::Timestream::Table"})
    assert "custody.py" in caught.value.where


def test_a_bucket_that_is_gone_is_held_back(before, after, capsys):
    """Deletion is told with stack, resource and type, and ends with 1."""
    change(after, STORAGE, lambda all_: all_.pop(first(all_, "AWS::S3::Bucket")))
    with pytest.raises(SystemExit, match="1"):
        main([str(before), str(after)])
    told = capsys.readouterr().out
    assert f"{STORAGE}: " in told
    assert "(AWS::S3::Bucket) would be deleted" in told
    assert "Held back: 1" in told


def test_a_stack_that_is_gone_is_held_back(before, after, stacks_before):
    """All that a stack held is deleted with it."""
    manifest = after / "manifest.json"
    told = json.loads(manifest.read_text("utf-8"))
    told["artifacts"] = {
        name: each
        for name, each in told["artifacts"].items()
        if each.get("properties", {}).get("stackName") != STORAGE
    }
    manifest.write_text(json.dumps(told), "utf-8")
    held = [each for each in stacks_before[STORAGE].values() if custody_of(each) is Custody.HOLDS]
    assert len(held) > 10
    assert changes(before, after) == [(each["Type"], "deleted") for each in held]


def test_another_logical_id_is_a_deletion(before, after):
    """What CloudFormation would make under a new id and delete under the old one is held back."""

    def rename(resources):
        resources["another"] = resources.pop(first(resources, "AWS::KMS::Key"))

    change(after, STORAGE, rename)
    assert changes(before, after) == [("AWS::KMS::Key", "deleted")]


def test_a_property_for_creation_only_replaces(before, after):
    """A bucket's name cannot be changed; its lifecycle can."""

    def rename(resources):
        bucket = resources[first(resources, "AWS::S3::Bucket")]["Properties"]
        bucket["BucketName"] = "another"
        bucket["LifecycleConfiguration"] = {"Rules": []}

    change(after, STORAGE, rename)
    assert changes(before, after) == [("AWS::S3::Bucket", "replaced")]


def test_a_table_under_another_name_is_another(before, after):
    """A table's name cannot be changed."""

    def rename(resources):
        resources[first(resources, "AWS::Glue::Table")]["Properties"]["Name"] = "another"

    change(after, TABLES, rename)
    assert changes(before, after) == [("AWS::Glue::Table", "replaced")]


def test_a_change_within_a_nested_property_replaces():
    """A view's name lies within its input; beside it lies what may change."""

    def view(**told):
        return {"it": {"Type": "AWS::Glue::Table", "Properties": {"TableInput": told}}}

    old = view(Name="a", Description="a")
    assert replacements(old, view(Name="a", Description="b")) == {}
    assert replacements(old, view(Name="b", Description="a")).keys() == {"it"}


def test_a_property_that_may_change_passes(before, after):
    """A key's description is changed in place."""

    def describe(resources):
        resources[first(resources, "AWS::KMS::Key")]["Properties"]["Description"] = "another"

    change(after, STORAGE, describe)
    assert changes(before, after) == []


def test_what_names_a_replaced_resource_is_replaced(before, after):
    """The database of the runs is made anew when the group of its subnets is."""

    def rename(resources):
        group = resources[first(resources, "AWS::RDS::DBSubnetGroup")]["Properties"]
        group["DBSubnetGroupName"] = "another"

    change(after, "a360-staging-orchestration", rename)
    assert changes(before, after) == [("AWS::RDS::DBInstance", "replaced")]


def test_another_type_under_the_same_id_replaces():
    """A resource cannot become one of another type."""
    old = {"it": {"Type": "AWS::S3::Bucket"}}
    assert replacements(old, {"it": {"Type": "AWS::KMS::Key"}}) == {"it": "its type becomes AWS::KMS::Key"}


@pytest.mark.parametrize("policy", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_what_is_no_longer_kept_is_held_back(before, after, policy):
    """A resource that its stack would take along is held back while it is still there."""

    def free(resources):
        resources[first(resources, "AWS::S3::Bucket")][policy] = "Delete"

    change(after, STORAGE, free)
    assert changes(before, after) == [("AWS::S3::Bucket", "no-longer-kept")]


def test_what_holds_no_data_may_go(before, after):
    """A view is made from the policy at any time, an alarm holds nothing."""

    def free(resources):
        resources.pop(first(resources, "AWS::CloudWatch::Alarm"))

    change(after, "a360-staging-operations", free)
    assert changes(before, after) == []


def test_an_entry_lets_a_change_pass_until_its_day(before, after):
    """A change passes for whom it was written down, for that change, and not after the day."""
    change(after, STORAGE, lambda all_: all_.pop(first(all_, "AWS::S3::Bucket")))
    (finding,) = compare(read_assembly(before), read_assembly(after))
    loss = Loss(
        stack=finding.stack,
        resource=finding.resource,
        change="deleted",
        reason="Its files were moved and counted.",
        until=date(2026, 12, 1),
    )
    assert held_back([finding], [loss], date(2026, 12, 1)) == []
    assert held_back([finding], [loss], date(2026, 12, 2)) == [finding]
    assert held_back([finding], [loss.model_copy(update={"change": "replaced"})], date(2026, 12, 1))


def test_an_entry_without_a_reason_is_refused(tmp_path):
    """The list names stack, resource, change, reason and day, or it is not taken."""
    path = tmp_path / "losses.yaml"
    path.write_text("- {stack: a, resource: b, change: deleted, reason: so, until: 2026-12-01}", "utf-8")
    with pytest.raises(OperatorError, match="reason"):
        read_losses(path)


def test_the_list_that_stands_is_in_order():
    """The file of the repository can be read, and says why of all that it lets pass."""
    assert isinstance(read_losses(), tuple)


@pytest.mark.parametrize("content", [None, "{", '{"artifacts": {}}'])
def test_a_folder_without_templates_is_an_error(tmp_path, before, content, capsys):
    """What could not be read is never taken for templates without a loss."""
    if content is not None:
        (tmp_path / "manifest.json").write_text(content, "utf-8")
    with pytest.raises(SystemExit, match="5"):
        main([str(before), str(tmp_path)])
    assert "cdk synth" in capsys.readouterr().err


def test_cloudformation_says_what_is_set_on_creation(stacks_before):
    """Of each type that holds data, but keys, the schema names a property that cannot change."""
    kinds = {
        each["Type"]
        for stack in stacks_before.values()
        for each in stack.values()
        if custody_of(each) is Custody.HOLDS
    }
    assert {kind for kind in kinds if not create_only(kind)} == {"AWS::KMS::Key"}
