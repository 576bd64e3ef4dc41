"""From an account of this machine to a principal, and from one principal to another."""

from a360.contract import LakePlan
from a360.errors import DeniedError
from a360.trust.identity._principals import principal_of, principal_of_user
from a360.trust.policy import NOBODY, Policy, Principal

OWNER = "@owner"
"""In `lake.yaml`, the account that owns the lake's folder, whatever its name."""


def principal_of_account(plan: LakePlan, account: str, lake_owner: str) -> Principal:
    """The user whose `os` is the account, else that of `@owner` for the lake's owner, else nobody."""
    users = plan.policy.users
    by_name = [user for user in users if user.os == account and account != OWNER]
    by_owner = [user for user in users if user.os == OWNER and account and account == lake_owner]
    found = by_name or by_owner
    # Of several, none: who asks is not known.
    return principal_of(found[0]) if len(found) == 1 else NOBODY


def principal_named(plan: LakePlan, name: str) -> Principal | None:
    """The user of this name, else a principal that has the role of this name and no more."""
    user = principal_of_user(plan, name)
    if user is not None:
        return user
    return Principal(name, (name,)) if plan.policy.role(name) is not None else None


def impersonated(policy: Policy, principal: Principal, name: str) -> Principal:
    """The principal that somebody acts as, by a rule of `impersonations`; it names who really asks.

    Raises:
        DeniedError: no rule allows it, or the principal acts as somebody else already.
    """
    other = principal_named(policy.plan, name)
    if other is None or not _may(policy, principal, other):
        # Whether there is such a user is not told.
        raise DeniedError(
            "denied",
            f"{principal.name} may not act as {name}",
            found=f"roles {', '.join(policy.roles_of(principal)) or 'none'}",
            next_step="ask for a rule under impersonations in lake.yaml",
        )
    return Principal(other.name, other.roles, other.groups, other.attributes, acting_for=principal.name)


def _may(policy: Policy, principal: Principal, other: Principal) -> bool:
    if principal.acting_for is not None or principal.name == NOBODY.name:
        return False
    roles = policy.roles_of(principal)
    plain = not other.groups and not any(grant.user == other.name for grant in policy.plan.policy.grants)
    for rule in policy.plan.policy.impersonations:
        if not rule.whom.names(principal.name, roles, principal.groups):
            continue
        covered = bool(other.roles) and set(other.roles) <= set(rule.as_roles)
        if other.name in rule.as_users or (plain and covered):
            return True
    return False
