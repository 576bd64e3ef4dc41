"""The policy of `lake.yaml` with its selectors resolved against the tables of the plan."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from a360.contract._lakefile import SENSITIVITY, LakeFile
from a360.contract._plan import TablePlan
from a360.contract._policy import (
    BreakGlassPlan,
    BudgetPlan,
    ConsentPlan,
    DenyPlan,
    FilterPlan,
    GrantPlan,
    GroupPlan,
    ImpersonationPlan,
    MaskPlan,
    PolicyPlan,
    RolePlan,
    TagPlan,
    TagTerm,
    UserPlan,
    Whom,
)
from a360.contract._policy_file import Budget, Grant, Selector, Subjects
from a360.contract._tags import ZONE, effective_tags, matches, terms_of


def plan_policy(lake: LakeFile, tables: Sequence[TablePlan]) -> PolicyPlan:
    """Who may see what, named by dataset and column."""
    return _Planner(lake, tables).plan()


class _Planner:
    def __init__(self, lake: LakeFile, tables: Sequence[TablePlan]) -> None:
        self.lake = lake
        self.tables = tables

    @cached_property
    def borne(self) -> list[tuple[str, str, str, str, dict[str, str]]]:
        """Every column, with its dataset, zone and sensitivity, and the tags it bears or inherits."""
        return [
            (f"{table.dataset}.{column.name}", table.dataset, table.namespace, column.sensitivity, tags)
            for table in self.tables
            for column, tags in effective_tags(table, getattr(self.lake.zones, table.namespace).tags)
        ]

    def plan(self) -> PolicyPlan:
        lake = self.lake
        return PolicyPlan(
            tags=tuple(TagPlan(name, tuple(tag.values), tag.description) for name, tag in lake.tags.items()),
            purposes=tuple(lake.purposes),
            roles=tuple(
                RolePlan(name, role.purposes, role.description, _budget(role.budget), role.reveals)
                for name, role in lake.roles.items()
            ),
            groups=tuple(
                GroupPlan(name, each.roles, each.description, each.claims)
                for name, each in lake.groups.items()
            ),
            users=tuple(self.users()),
            grants=tuple(self.grant(number, grant) for number, grant in enumerate(lake.grants, start=1)),
            denies=tuple(
                DenyPlan(rule.name, self.columns(rule), _whom(rule), rule.actions, rule.purposes)
                for rule in lake.denies
            ),
            filters=tuple(
                FilterPlan(rule.name, rule.roles, rule.datasets, rule.where, rule.groups, rule.users)
                for rule in lake.filters
            ),
            masks=tuple(
                MaskPlan(mask.name, mask.roles, self.columns(mask), mask.method, mask.groups, mask.users)
                for mask in lake.masks
            ),
            consents=tuple(self.consents()),
            break_glass=tuple(
                BreakGlassPlan(
                    rule.name,
                    _whom(rule),
                    self.columns(rule),
                    rule.purposes,
                    rule.minutes,
                    rule.without_consent,
                )
                for rule in lake.break_glass
            ),
            impersonations=tuple(
                ImpersonationPlan(rule.name, _whom(rule), rule.as_users, rule.as_roles)
                for rule in lake.impersonations
            ),
        )

    def users(self) -> Iterator[UserPlan]:
        for name, user in self.lake.users.items():
            of_groups = (self.lake.groups[group].roles for group in user.groups if group in self.lake.groups)
            roles = dict.fromkeys([*user.roles, *(role for roles in of_groups for role in roles)])
            yield UserPlan(
                name,
                user.os,
                tuple(roles),
                user.groups,
                dict(sorted(user.attributes.items())),
                user.subject,
                user.email,
            )

    def grant(self, number: int, grant: Grant) -> GrantPlan:
        places = self.columns(grant.model_copy(update={"sensitivities": ()}))
        return GrantPlan(
            name=grant.name or f"grant {number}",
            actions=grant.actions,
            datasets=tuple(sorted({column.rpartition(".")[0] for column in places})),
            sensitivities=grant.sensitivities,
            columns=self.columns(grant),
            role=grant.role or "",
            group=grant.group or "",
            user=grant.user or "",
            purposes=grant.purposes,
            expression=_expression(grant),
        )

    def columns(self, selector: Selector) -> tuple[str, ...]:
        """The columns a selector reaches, as `dataset.column`."""
        named, terms = set(selector.columns), terms_of(selector.tags)
        anywhere = not (selector.zones or selector.datasets)
        scoped = selector.names_places or bool(selector.sensitivities)
        return tuple(
            sorted(
                name
                for name, dataset, zone, sensitivity, tags in self.borne
                if name in named
                or (
                    scoped
                    and (anywhere or zone in selector.zones or dataset in selector.datasets)
                    and (not selector.sensitivities or sensitivity in selector.sensitivities)
                    and matches(terms, tags)
                )
            )
        )

    def consents(self) -> Iterator[ConsentPlan]:
        for rule in self.lake.consents:
            wanted = set(rule.tags)
            columns = [
                name
                for name, _, _, _, tags in self.borne
                if wanted & {f"{key}:{value}" for key, value in tags.items()}
            ]
            yield ConsentPlan(
                name=rule.name,
                columns=tuple(sorted(columns)),
                dataset=rule.dataset,
                key=rule.key,
                permits=rule.permits,
                refuses=rule.refuses,
                purposes=dict(sorted(rule.purposes.items())),
                exempt=rule.exempt,
            )


def _budget(told: Budget) -> BudgetPlan:
    return BudgetPlan(
        seconds=told.seconds,
        memory_bytes=_bytes(told.memory),
        result_rows=told.rows,
        result_bytes=_bytes(told.bytes),
        scanned_bytes=_bytes(told.scanned),
        concurrent=told.concurrent,
    )


def _bytes(size: str | None) -> int | None:
    """A size such as `2GB` or `512MiB` in bytes."""
    if size is None:
        return None
    number = size.rstrip("KMGTiB ")
    unit = size.removeprefix(number).strip()
    return int(float(number) * (1024 if "i" in unit else 1000) ** ("KMGT".index(unit[0]) + 1))


def _whom(rule: Subjects) -> Whom:
    return Whom(rule.roles, rule.groups, rule.users)


def _expression(grant: Grant) -> tuple[TagTerm, ...]:
    """The grant as an LF-Tag expression; none where it names datasets or columns."""
    if grant.datasets or grant.columns:
        return ()
    return tuple(
        (key, tuple(sorted(values)))
        for key, values in sorted(
            {
                **({ZONE: set[str](grant.zones)} if grant.zones else {}),
                **{key: set(values) for key, values in terms_of(grant.tags)},
                SENSITIVITY: set(grant.sensitivities),
            }.items()
        )
    )
