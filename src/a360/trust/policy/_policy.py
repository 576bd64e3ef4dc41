"""The policy as the rooms above ask it."""

from datetime import UTC, datetime
from functools import cached_property

from a360.contract import Action, Ask, LakePlan, PolicyIndex, TableDecision, fingerprint_of
from a360.trust.policy._emergency import Emergency
from a360.trust.policy._principal import Principal


class Policy:
    """Decides by the policy of a plan; it keeps nothing between decisions."""

    def __init__(self, plan: LakePlan) -> None:
        self.plan = plan
        self._index = PolicyIndex(plan.policy, (*plan.tables, *plan.relations))

    @cached_property
    def fingerprint(self) -> str:
        """What tells this policy from any other."""
        return fingerprint_of(self.plan.policy)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every table that it decides on."""
        return self._index.datasets

    def decide(
        self,
        principal: Principal,
        action: Action,
        dataset: str,
        *,
        purpose: str | None = None,
        at: datetime | None = None,
        emergency: Emergency | None = None,
    ) -> TableDecision:
        """What of a dataset a principal may see or do; a fault of ours is a no.

        Args:
            principal: Who asks.
            action: select, describe or write.
            dataset: The table, as `zone.name`.
            purpose: What for; by default the one purpose of the principal's roles, if it is one.
            at: When; now by default. Consents are judged by it.
            emergency: One that the principal declared, to see what its rule shows for as long as it lasts.
        """
        try:
            at = at or datetime.now(UTC)
            known = emergency is not None and emergency.holds_for(principal, at)
            ask = Ask(
                user=principal.name,
                roles=self.roles_of(principal),
                groups=principal.groups,
                attributes=principal.attributes,
                action=action,
                purpose=purpose or self.default_purpose(principal),
                now=f"TIMESTAMPTZ '{at.astimezone(UTC).isoformat()}'",
                break_glass=emergency.rule if emergency and known else None,
            )
            return self._index.decide(ask, dataset)
        except Exception as fault:  # noqa: BLE001 - whatever goes wrong, the answer is no
            reason = f"the policy cannot be judged: {type(fault).__name__}"
            return TableDecision(dataset, allowed=False, reason=reason)

    def unrestricted(self, principal: Principal, *, purpose: str | None, at: datetime | None = None) -> bool:
        """Whether nothing of any table is hidden from a principal."""
        return all(
            self.decide(principal, "select", dataset, purpose=purpose, at=at).unrestricted
            for dataset in self._index.datasets
        )

    def roles_of(self, principal: Principal) -> tuple[str, ...]:
        """The roles of a principal, those of its groups included."""
        groups = (self.plan.policy.group(name) for name in principal.groups)
        of_groups = (role for group in groups if group for role in group.roles)
        return tuple(dict.fromkeys([*principal.roles, *of_groups]))

    def purposes_of(self, principal: Principal) -> tuple[str, ...]:
        """The purposes that a principal may act for, by its roles and by grants to itself or its groups."""
        policy = self.plan.policy
        roles = set(self.roles_of(principal))
        found = {purpose for role in policy.roles if role.name in roles for purpose in role.purposes}
        for grant in policy.grants:
            if (grant.user and grant.user == principal.name) or grant.group in principal.groups:
                found.update(grant.purposes)
        return tuple(purpose for purpose in policy.purposes if purpose in found)

    def default_purpose(self, principal: Principal) -> str | None:
        """The purpose of who may act for one only."""
        purposes = self.purposes_of(principal)
        return purposes[0] if len(purposes) == 1 else None
