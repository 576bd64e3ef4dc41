"""From what an identity provider or an API token says to a principal of the policy."""

from collections.abc import Mapping

from a360.contract import LakePlan, UserPlan
from a360.trust.policy import Principal


def principal_of(user: UserPlan) -> Principal:
    """A user of the policy as who asks."""
    return Principal(user.name, user.roles, user.groups, user.attributes)


def principal_of_user(plan: LakePlan, name: str) -> Principal | None:
    """The user of this name; none where `lake.yaml` has it no more."""
    user = plan.policy.user(name)
    return None if user is None else principal_of(user)


def principal_of_claims(plan: LakePlan, claims: Mapping[str, object], groups_claim: str) -> Principal | None:
    """The user that the claims of a verified token name by `sub`, else by an address that was verified.

    It is a member of its own groups and of those that list one of the token's groups among their `claims`;
    nothing else that a token says counts.
    """
    user = _user(plan, claims)
    if user is None:
        return None
    told = claims.get(groups_claim)
    named = {told} if isinstance(told, str) else set(_texts(told))
    more = [group for group in plan.policy.groups if named & set(group.claims)]
    own = principal_of(user)
    groups = dict.fromkeys([*own.groups, *(group.name for group in more)])
    roles = dict.fromkeys([*own.roles, *(role for group in more for role in group.roles)])
    return Principal(own.name, tuple(roles), tuple(groups), own.attributes)


def _user(plan: LakePlan, claims: Mapping[str, object]) -> UserPlan | None:
    users, subject = plan.policy.users, claims.get("sub")
    found = [user for user in users if user.subject is not None and user.subject == subject]
    address = claims.get("email")
    # An address that nobody verified is whatever somebody wrote into a profile.
    if not found and isinstance(address, str) and claims.get("email_verified") is True:
        found = [
            user
            for user in users
            if user.subject is None and user.email and user.email.lower() == address.lower()
        ]
    # Of several, none: who asks is not known.
    return found[0] if len(found) == 1 else None


def _texts(told: object) -> list[str]:
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
