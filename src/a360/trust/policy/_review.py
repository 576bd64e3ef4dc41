"""Who can see what: every principal of a policy, table by table, and what of the policy deserves a look."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from a360.contract import TableDecision
from a360.contract import attributes_in as asked_by
from a360.trust.policy._policy import Policy
from a360.trust.policy._principal import Principal


@dataclass(frozen=True, slots=True)
class Access:
    """What a principal can see of a table for one purpose."""

    principal: str
    kind: str
    purpose: str
    decision: TableDecision

    @property
    def masked(self) -> tuple[str, ...]:
        """The columns that show under a mask, in some rows at least."""
        return tuple(name for name in self.decision.visible if self.decision.columns[name].mask is not None)


def principals(policy: Policy) -> Iterator[tuple[str, Principal]]:
    """Every user, and every role as somebody who has no other."""
    plan = policy.plan.policy
    for user in plan.users:
        yield "user", Principal(user.name, user.roles, user.groups, user.attributes)
    for role in plan.roles:
        yield "role", Principal(f"role {role.name}", (role.name,))


def review(policy: Policy, datasets: Iterable[str] = ()) -> list[Access]:
    """All that anybody may select: of the tables named, or of all. Emergencies are not in it.

    A role is reviewed without attributes: where its filters ask for one, it sees nothing by itself.
    """
    wanted = tuple(datasets) or policy.datasets
    return [
        Access(principal.name.removeprefix("role "), kind, purpose, decision)
        for kind, principal in principals(policy)
        for purpose in policy.purposes_of(principal)
        for dataset in wanted
        for decision in [policy.decide(principal, "select", dataset, purpose=purpose)]
        if decision.allowed
    ]


def notices(policy: Policy) -> list[str]:
    """What may be meant, and should be looked at."""
    return [
        *_unreached(policy),
        *_idle(policy),
        *_hidden_filters(policy),
        *_unknown_attributes(policy),
        *_without_key(policy),
    ]


def _unreached(policy: Policy) -> Iterator[str]:
    """Columns that nobody can read."""
    plan = policy.plan
    reached = {
        column for grant in plan.policy.grants if "select" in grant.actions for column in grant.columns
    }
    for table in (*plan.tables, *plan.relations):
        names = [name for name in table.column_names if f"{table.dataset}.{name}" not in reached]
        if names:
            which = "any of its columns" if len(names) == len(table.columns) else ", ".join(names)
            yield f"{table.dataset}: nobody may read {which}"


def _idle(policy: Policy) -> Iterator[str]:
    plan = policy.plan.policy
    gone = {
        column
        for rule in plan.denies
        if rule.whom.everybody and not rule.actions and not rule.purposes
        for column in rule.columns
    }
    for grant in plan.grants:
        if not grant.columns:
            yield f"{grant.name} reaches no column"
        elif gone.issuperset(grant.columns):
            yield f"{grant.name} reaches nothing that is not denied to everybody"
    for role in plan.roles:
        if not role.purposes:
            yield f"the role {role.name} has no purpose, and so may do nothing"
    for kind, rules in (("deny", plan.denies), ("mask", plan.masks), ("consent", plan.consents)):
        for rule in rules:
            if not rule.columns:
                yield f"{kind} {rule.name} reaches no column"


def _hidden_filters(policy: Policy) -> Iterator[str]:
    """Filters on columns that those cannot see whom they filter: counts may still tell of them."""
    from a360.contract import condition_columns  # noqa: PLC0415 - sqlglot is slow to import

    plan = policy.plan.policy
    for rule in plan.filters:
        for role in rule.roles:
            granted = {
                column
                for grant in plan.grants
                if grant.role == role and "select" in grant.actions
                for column in grant.columns
            }
            for dataset in rule.datasets:
                for name in condition_columns(rule.where):
                    if f"{dataset}.{name}" not in granted:
                        hidden = f"{dataset}.{name}, which the role {role} may not read"
                        yield f"filter {rule.name} looks at {hidden}"


def _unknown_attributes(policy: Policy) -> Iterator[str]:
    plan = policy.plan.policy
    for rule in plan.filters:
        for name in sorted(asked_by(rule.where)):
            bound = [
                user
                for user in plan.users
                if set(user.roles) & set(rule.roles)
                or user.name in rule.users
                or set(user.groups) & set(rule.groups)
            ]
            lacking = [user.name for user in bound if name not in user.attributes]
            if lacking:
                who = ", ".join(lacking)
                yield f"filter {rule.name} asks for {name}, and shows nothing to who has none: {who}"


def _without_key(policy: Policy) -> Iterator[str]:
    """Tables under a consent that cannot be joined to one."""
    for rule in policy.plan.policy.consents:
        datasets = {column.rpartition(".")[0] for column in rule.columns}
        for table in policy.plan.tables:
            if table.dataset in datasets and rule.key not in table.column_names:
                yield f"consent {rule.name} hides what it reaches of {table.dataset}, which has no {rule.key}"
