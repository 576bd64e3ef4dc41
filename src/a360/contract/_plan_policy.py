"""The policy of `lake.yaml` with its selectors resolved against the tables of the plan."""

from collections.abc import Sequence

from a360.contract._lakefile import Grant, LakeFile, Mask
from a360.contract._plan import TablePlan
from a360.contract._policy import FilterPlan, GrantPlan, MaskPlan, PolicyPlan, RolePlan, TagPlan


def plan_policy(lake: LakeFile, tables: Sequence[TablePlan]) -> PolicyPlan:
    """Who may see what, named by dataset and column."""
    return PolicyPlan(
        tags=tuple(TagPlan(name, tuple(tag.values), tag.description) for name, tag in lake.tags.items()),
        purposes=tuple(lake.purposes),
        roles=tuple(RolePlan(name, role.purposes, role.description) for name, role in lake.roles.items()),
        grants=tuple(
            GrantPlan(grant.role, grant.actions, _datasets(grant, tables), grant.sensitivities)
            for grant in lake.grants
        ),
        filters=tuple(FilterPlan(rule.name, rule.roles, rule.datasets, rule.where) for rule in lake.filters),
        masks=tuple(
            MaskPlan(mask.name, mask.roles, _columns(mask, tables), mask.method) for mask in lake.masks
        ),
    )


def _datasets(grant: Grant, tables: Sequence[TablePlan]) -> tuple[str, ...]:
    """The datasets a grant reaches: of the zones and datasets it names, those that bear all its tags."""
    anywhere = not (grant.zones or grant.datasets)
    reached = (
        table.dataset
        for table in tables
        if (anywhere or table.namespace in grant.zones or table.dataset in grant.datasets)
        and set(grant.tags) <= set(table.tags)
    )
    return tuple(sorted(reached))


def _columns(mask: Mask, tables: Sequence[TablePlan]) -> tuple[str, ...]:
    """The columns a mask reaches: those it names, and all of its sensitivities."""
    named = set(mask.columns)
    reached = (
        f"{table.dataset}.{column.name}"
        for table in tables
        for column in table.columns
        if column.sensitivity in mask.sensitivities or f"{table.dataset}.{column.name}" in named
    )
    return tuple(sorted(reached))
