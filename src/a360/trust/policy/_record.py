"""Keeps on record which policy is in force, and what a change of it changed."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from a360.contract import PolicyPlan, fingerprint_of
from a360.files import write_whole
from a360.protect import AuditEvent, AuditLog

_MOST_NAMED = 100


def put_on_record(plan: PolicyPlan, file: Path, audit: AuditLog, account: str) -> None:
    """Record a change where the policy is another than the one that was last on record.

    Args:
        plan: The policy that is about to be in force.
        file: Where it is kept which one was last on record, beside the lake's data. Who writes there could
            write the data, too; and each record of a query names the policy that it was decided by.
        audit: Where the change is recorded.
        account: The account under which it is first seen.

    Raises:
        OperatorError: it cannot be recorded, so that it must not come in force.
    """
    fingerprint = fingerprint_of(plan)
    known = _read(file)
    if known.get("fingerprint") == fingerprint:
        return
    before, after = known.get("parts"), policy_parts(plan)
    details = {"after": fingerprint, **_differences(before if isinstance(before, dict) else {}, after)}
    if known:
        details["before"] = str(known.get("fingerprint"))
    audit.record(AuditEvent(datetime.now(UTC), account, "grant.change", (), "done", details=details))
    # After the record: whoever dies between the two leaves a change that is recorded once more.
    write_whole(file, json.dumps({"fingerprint": fingerprint, "parts": after}))


def policy_on_record(file: Path) -> str | None:
    """The fingerprint of the policy that was last on record; None where that cannot be told."""
    fingerprint = _read(file).get("fingerprint")
    return fingerprint if isinstance(fingerprint, str) else None


def policy_parts(plan: PolicyPlan) -> Mapping[str, str]:
    """What a policy is made of, by name, with a digest of what each says. Grants go by whom they are to."""
    parts = {
        f"{kind} {rule.name}": fingerprint_of(rule)
        for kind, rules in (
            ("tag", plan.tags),
            ("role", plan.roles),
            ("group", plan.groups),
            ("user", plan.users),
            ("deny", plan.denies),
            ("filter", plan.filters),
            ("mask", plan.masks),
            ("consent", plan.consents),
            ("break-glass", plan.break_glass),
            ("impersonation", plan.impersonations),
        )
        for rule in rules
    }
    grants: dict[str, list[str]] = defaultdict(list)
    for grant in plan.grants:
        kind = next(kind for kind in ("role", "group", "user") if getattr(grant, kind))
        # Grants are numbered: a number that moves is no change.
        grants[f"grants to {kind} {getattr(grant, kind)}"].append(fingerprint_of(replace(grant, name="")))
    parts |= {name: fingerprint_of(sorted(given)) for name, given in grants.items()}
    return parts | {"purposes": fingerprint_of(plan.purposes)}


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    found = {
        "added": [name for name in after if name not in before],
        "changed": [name for name in after if before.get(name, after[name]) != after[name]],
        "removed": [name for name in before if name not in after],
    }
    return {kind: _named(names) for kind, names in found.items() if names}


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _read(file: Path) -> dict[str, object]:
    """What is known of the policy last on record; nothing where that cannot be read."""
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
