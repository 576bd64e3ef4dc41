"""Every requirement of the specification: where it holds a commit passes, else nothing is changed."""

import pytest

from a360.catalog.metadata import REQUIREMENT_TYPES

HOLDS = {
    "assert-table-uuid": lambda made: {"uuid": made["table-uuid"].upper()},
    "assert-ref-snapshot-id": lambda made: {"ref": "main", "snapshot-id": 1},
    "assert-last-assigned-field-id": lambda made: {"last-assigned-field-id": 3},
    "assert-current-schema-id": lambda made: {"current-schema-id": 0},
    "assert-last-assigned-partition-id": lambda made: {"last-assigned-partition-id": 999},
    "assert-default-spec-id": lambda made: {"default-spec-id": 0},
    "assert-default-sort-order-id": lambda made: {"default-sort-order-id": 0},
}
FAILS = {
    "assert-create": {},
    "assert-table-uuid": {"uuid": "00000000-0000-0000-0000-000000000000"},
    "assert-ref-snapshot-id": {"ref": "main", "snapshot-id": 77},
    "assert-last-assigned-field-id": {"last-assigned-field-id": 77},
    "assert-current-schema-id": {"current-schema-id": 77},
    "assert-last-assigned-partition-id": {"last-assigned-partition-id": 77},
    "assert-default-spec-id": {"default-spec-id": 77},
    "assert-default-sort-order-id": {"default-sort-order-id": 77},
}
CHANGE = {"action": "set-properties", "updates": {"touched": "yes"}}


def test_every_requirement_is_tried_here():
    """This suite covers all requirements that the catalog checks."""
    assert set(FAILS) == REQUIREMENT_TYPES
    assert set(HOLDS) | {"assert-create"} == REQUIREMENT_TYPES


@pytest.mark.parametrize("kind", HOLDS)
def test_a_commit_passes_where_a_requirement_holds(table, kind):
    """A requirement that holds lets the commit through."""
    table.append(1)
    done = table.committed(CHANGE, requirements=[{"type": kind, **HOLDS[kind](table.made)}])
    assert done["properties"]["touched"] == "yes"


@pytest.mark.parametrize("kind", FAILS)
def test_a_commit_fails_where_a_requirement_does_not_hold(table, error_of, kind):
    """A requirement that does not hold is a conflict, and the table stays as it was."""
    table.append(1)
    before = table.metadata
    answer = table.commit(CHANGE, requirements=[{"type": kind, **FAILS[kind]}])
    assert error_of(answer) == (409, "CommitFailedException")
    assert table.metadata == before


@pytest.mark.parametrize(
    ("ref", "expected", "holds"),
    [("main", None, False), ("other", None, True), ("other", 1, False), ("tag", 1, True), ("tag", 2, False)],
)
def test_a_reference_may_be_required_to_be_missing(table, ref, expected, holds):
    """`assert-ref-snapshot-id` with null asks that the branch or tag is not there yet."""
    table.append(1)
    table.committed({"action": "set-snapshot-ref", "ref-name": "tag", "type": "tag", "snapshot-id": 1})
    requirement = {"type": "assert-ref-snapshot-id", "ref": ref, "snapshot-id": expected}
    assert table.commit(CHANGE, requirements=[requirement]).is_success == holds


def test_all_requirements_must_hold(table, error_of):
    """One requirement that fails among others that hold fails the commit."""
    held = {"type": "assert-current-schema-id", "current-schema-id": 0}
    failed = {"type": "assert-default-spec-id", "default-spec-id": 9}
    answer = table.commit(CHANGE, requirements=[held, failed])
    assert error_of(answer) == (409, "CommitFailedException")


@pytest.mark.parametrize("requirement", [{"type": "assert-luck"}, {}, {"type": "assert-table-uuid"}])
def test_a_requirement_nobody_knows_is_refused(table, error_of, requirement):
    """A requirement that cannot be checked is a bad request, never taken as holding."""
    assert error_of(table.commit(CHANGE, requirements=[requirement])) == (400, "BadRequestException")
    assert "touched" not in table.metadata["properties"]
