"""A change of the policy is on record before anything is decided by it."""

import json
from dataclasses import replace

import pytest

from a360.contract import GrantPlan, MaskPlan, PolicyPlan, RolePlan
from a360.errors import OperatorError
from a360.protect import LocalKeyStore
from a360.trust.audit import LocalAuditLog, Search, search
from a360.trust.policy import put_on_record

NURSE = GrantPlan("grant 1", ("select",), ("silver.seen",), ("phi",), ("silver.seen.f1",), role="nurse")
BOSS = GrantPlan("grant 2", ("select",), ("silver.seen",), ("phi",), ("silver.seen.f1",), role="boss")
BEFORE = PolicyPlan(
    purposes=("treatment",),
    roles=(RolePlan("nurse", ("treatment",)), RolePlan("boss", ("treatment",))),
    grants=(NURSE, BOSS),
    masks=(MaskPlan("years", ("nurse",), ("silver.seen.f1",), "year"),),
)


@pytest.fixture
def log(tmp_path):
    """An audit log."""
    (tmp_path / "audit").mkdir(mode=0o700)
    with LocalAuditLog.open(tmp_path / "audit", LocalKeyStore.create(tmp_path / "keys")) as opened:
        yield opened


@pytest.fixture
def changes(log, tmp_path):
    """Bring policies in force, one after the other; what the log says of each change."""

    def of(*plans):
        for plan in plans:
            put_on_record(plan, tmp_path / "policy.json", log, "ada")
        rows = search(log.folder, Search(action="grant.change")).read_all().to_pylist()
        assert {row["principal"] for row in rows} <= {"ada"}
        return [json.loads(row["details"]) for row in rows]

    return of


def test_the_same_policy_is_recorded_once(changes):
    """A policy is on record when it is first seen, and not when it is seen again."""
    [first] = changes(BEFORE, BEFORE)
    assert "before" not in first
    assert "grants to role nurse" in first["added"]
    assert "mask years" in first["added"]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (replace(BEFORE, masks=()), {"removed": "mask years"}),
        (
            replace(BEFORE, grants=(NURSE, replace(BOSS, columns=()))),
            {"changed": "grants to role boss"},
        ),
        (
            replace(BEFORE, grants=(replace(BOSS, name="grant 1"),)),
            {"removed": "grants to role nurse"},
        ),
        (
            replace(BEFORE, roles=(*BEFORE.roles, RolePlan("king", ("treatment",)))),
            {"added": "role king"},
        ),
        (
            replace(BEFORE, masks=(replace(BEFORE.masks[0], method="zip3"),)),
            {"changed": "mask years"},
        ),
    ],
)
def test_a_change_is_told_by_name(changes, after, told):
    """What was added, changed or removed is named, and nothing else; both fingerprints stand beside it."""
    first, second = changes(BEFORE, after)
    assert second.pop("before") == first["after"] != second.pop("after")
    assert second == told


def test_going_back_is_a_change_too(changes):
    """A policy that was in force before is recorded again when it is in force again."""
    first, _, third = changes(BEFORE, replace(BEFORE, masks=()), BEFORE)
    assert third["after"] == first["after"]
    assert third["added"] == "mask years"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"fingerprint": 7}'])
def test_what_is_known_of_the_last_policy_may_be_lost(changes, tmp_path, content):
    """A file that is damaged costs one more record, and no answer."""
    changes(BEFORE)
    (tmp_path / "policy.json").write_bytes(content)
    assert [each["after"] for each in changes(BEFORE, BEFORE)] == [changes()[0]["after"]] * 2


def test_no_record_no_policy(tmp_path):
    """Where the log takes no record the policy does not come in force, then or later."""

    class Full:
        def record(self, _event):
            raise OperatorError("audit-unwritable", "no space", next_step="make room")

    for _ in range(2):
        with pytest.raises(OperatorError, match="no space"):
            put_on_record(BEFORE, tmp_path / "policy.json", Full(), "ada")
