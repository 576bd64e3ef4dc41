"""The policy as Lake Formation and Athena carry it, as plain data.

Lake Formation has neither purposes of use, nor attributes, nor denies, nor masks. So each role with each of
its purposes becomes a principal of its own, an IAM role to assume, and so does each user; what such a
principal sees is decided here once, by the same rules as everywhere, and written down in what there is:

- tag grants, where all that a grant's LF-Tag expression reaches is seen in clear and in all rows;
- data cell filters, where what is left of a table is one set of columns in one set of rows;
- views that run with their definer's rights, where columns are masked, or differ from row to row, or stand
  under a consent. They lie in a database without tags, which no tag grant can reach.

What cannot be carried is left out: a row filter on an attribute that a role by itself does not have.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from a360.contract._decide import PolicyIndex
from a360.contract._decisions import Ask, TableDecision
from a360.contract._plan import LakePlan, TablePlan
from a360.contract._policy import TagTerm
from a360.contract._tags import ZONE, as_mapping
from a360.errors import ContractError

VIEWS = "a360_views"
"""The database of masked views."""
MASKS = "masks"
"""The namespace of the tables in which keyed masks look values up."""
MASK_MAPS: Mapping[str, Mapping[str, str]] = {
    "hash": {"domain": "string", "value": "string", "masked": "string"},
    "date_shift": {"domain": "string", "value": "string", "days": "int"},
}
"""The tables of that namespace, with their columns.

The lake fills them with the tokenizer. No key comes near SQL, and a value that is not in there shows as null.
"""
NOW = "current_timestamp"
_LOCAL_OWNER = "@owner"
_LONGEST = 2048  # what Lake Formation takes for a row filter


@dataclass(frozen=True, slots=True)
class CarrierPrincipal:
    """An IAM role that stands for a role or user acting for a purpose, or in an emergency."""

    name: str
    ask: Ask

    @property
    def role(self) -> str:
        """The part of its role's name; IAM has hyphens where Athena has underscores."""
        return self.name.replace("__", "-").replace("_", "-")


@dataclass(frozen=True, slots=True)
class TagAssignment:
    """The LF-Tags that a database, table or column bears itself; the rest it inherits."""

    resource: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TagGrant:
    """SELECT on every column whose tags match: of each key one of the values."""

    principal: str
    expression: tuple[TagTerm, ...]


@dataclass(frozen=True, slots=True)
class DataCellFilter:
    """SELECT on these columns of a table in the rows of the filter; all rows where it is None."""

    name: str
    principal: str
    dataset: str
    columns: tuple[str, ...]
    rows: str | None = None

    @property
    def deployed_name(self) -> str:
        """Its name in Lake Formation, where a filter is replaced, never changed: it bears what it says."""
        return f"{self.name}__{sha256(repr((self.columns, self.rows)).encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class MaskedView:
    """SELECT on a view of a table, which shows it as decided; `sql` is Trino's, as Athena runs it."""

    name: str
    principal: str
    decision: TableDecision
    sql: str

    @property
    def query(self) -> str:
        """The SELECT of the view, without the statement that makes it."""
        return self.sql.partition(" SECURITY DEFINER AS\n")[2]


@dataclass(frozen=True, slots=True)
class Carriers:
    """All that Lake Formation and Athena are to be told."""

    principals: tuple[CarrierPrincipal, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assignments: tuple[TagAssignment, ...] = ()
    tag_grants: tuple[TagGrant, ...] = ()
    filters: tuple[DataCellFilter, ...] = ()
    views: tuple[MaskedView, ...] = ()


def carriers_of(plan: LakePlan) -> Carriers:
    """What carries the policy of a plan; who sees nothing is no principal."""
    index = PolicyIndex(plan.policy, plan.tables)
    tried = [(principal, carry(plan, index, principal)) for principal in carrier_principals(plan)]
    seeing = [(who, each) for who, each in tried if each.tag_grants or each.filters or each.views]
    _require_distinct(principal.name for principal, _ in tried)
    carried = [each for _, each in seeing]
    zones = tuple(zone.name for zone in plan.zones)
    _require_distinct(each.name for one in carried for each in one.filters)
    _require_distinct(each.name for one in carried for each in one.views)
    return Carriers(
        principals=tuple(who for who, _ in seeing),
        tags={ZONE: zones, **{tag.name: tag.values for tag in plan.policy.tags}},
        assignments=tuple(assignments(plan)),
        tag_grants=tuple(each for one in carried for each in one.tag_grants),
        filters=tuple(each for one in carried for each in one.filters),
        views=tuple(each for one in carried for each in one.views),
    )


def _require_distinct(names: Iterable[str]) -> None:
    """Two things under one name would be one there, and what both may see would be seen by each."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ContractError(
            "contract-invalid",
            "Two parts of the policy would have one name in Lake Formation",
            found=", ".join(sorted(twice)),
            next_step="rename a role, user, purpose or dataset so that no name runs into the next",
        )


def carrier_principals(plan: LakePlan) -> Iterator[CarrierPrincipal]:
    """Roles by themselves and users, each with every purpose, and with every emergency, that it may have.

    The owner of a folder is none of them, nor is a role that nobody else has: they are of this machine.
    """
    policy = plan.policy
    local = {role for user in policy.users if user.os == _LOCAL_OWNER for role in user.roles}
    others = {role for user in policy.users if user.os != _LOCAL_OWNER for role in user.roles}
    alone = [Ask("", (role.name,), now=NOW) for role in policy.roles if role.name not in local - others]
    users = [
        Ask(user.name, user.roles, user.groups, user.attributes, now=NOW)
        for user in policy.users
        if user.os != _LOCAL_OWNER
    ]
    for ask in (*alone, *users):
        for purpose in policy.purposes:
            yield _principal(ask, purpose)
            for rule in policy.break_glass:
                whom = rule.whom
                named = (
                    ask.user in whom.users or {*ask.roles} & {*whom.roles} or {*ask.groups} & {*whom.groups}
                )
                if named and purpose in rule.purposes:
                    yield _principal(ask, purpose, rule.name)


def _principal(ask: Ask, purpose: str, emergency: str | None = None) -> CarrierPrincipal:
    who = f"user_{ask.user}" if ask.user else ask.roles[0]
    # Athena takes letters, digits and underscores in the names of views.
    name = re.sub(r"[.-]", "_", "__".join(filter(None, (who, purpose, emergency))))
    asked = Ask(
        ask.user, ask.roles, ask.groups, ask.attributes, purpose=purpose, now=NOW, break_glass=emergency
    )
    return CarrierPrincipal(name, asked)


def assignments(plan: LakePlan) -> Iterator[TagAssignment]:
    """Which tags zones, tables and columns bear themselves."""
    for zone in plan.zones:
        yield TagAssignment(zone.name, {**as_mapping(zone.tags), ZONE: zone.name})
    for table in plan.tables:
        if table.tags:
            yield TagAssignment(table.dataset, as_mapping(table.tags))
        for column in table.columns:
            tags = {**as_mapping(column.tags), "sensitivity": column.sensitivity}
            yield TagAssignment(f"{table.dataset}.{column.name}", tags)


def carry(plan: LakePlan, index: PolicyIndex, principal: CarrierPrincipal) -> Carriers:
    """What carries the policy for one principal."""
    decided = [(table, index.decide(principal.ask, table.dataset)) for table in plan.tables]
    open_ = {
        f"{table.dataset}.{name}"
        for table, decision in decided
        if decision.allowed and not decision.where
        for name, column in decision.columns.items()
        if column.allowed and column.mask is None
    }
    # Relations are no tables of the catalog that Lake Formation guards.
    known = {f"{table.dataset}.{column.name}" for table in plan.tables for column in table.columns}
    by_tag = [
        (grant, reached)
        for grant in index.grants_of(principal.ask)
        if grant.expression and (reached := known.intersection(grant.columns)) and reached <= open_
    ]
    covered = {column for _, reached in by_tag for column in reached}
    filters: list[DataCellFilter] = []
    views: list[MaskedView] = []
    for table, decision in decided:
        left = tuple(name for name in decision.visible if f"{table.dataset}.{name}" not in covered)
        if not left:
            continue
        name = f"{table.namespace}__{table.name}__{principal.name}"
        if _is_rectangle(table, decision, left):
            rows = " AND ".join(f"({each})" for each in decision.where) or None
            filters.append(DataCellFilter(name, principal.name, table.dataset, left, rows))
        else:
            views.append(_view(name, principal.name, table, decision))
    expressions = dict.fromkeys(grant.expression for grant, _ in by_tag)
    return Carriers(
        tag_grants=tuple(TagGrant(principal.name, expression) for expression in expressions),
        filters=tuple(filters),
        views=tuple(views),
    )


def _view(name: str, principal: str, table: TablePlan, decision: TableDecision) -> MaskedView:
    from a360.contract._views import view_sql  # noqa: PLC0415 - sqlglot is slow to import

    return MaskedView(f"{VIEWS}.{name}", principal, decision, view_sql(f"{VIEWS}.{name}", table, decision))


def _is_rectangle(table: TablePlan, decision: TableDecision, columns: tuple[str, ...]) -> bool:
    """Whether the columns show in clear in the same rows, which a row filter can tell."""
    if decision.reads or any(decision.columns[name].mask is not None for name in columns):
        return False
    if not decision.where:
        return True
    from a360.contract._views import is_row_filter  # noqa: PLC0415 - as above

    long = sum(len(each) + len("() AND ") for each in decision.where) >= _LONGEST
    comparable = frozenset(column.name for column in table.columns if _comparable(column.type))
    return not long and all(is_row_filter(each, comparable) for each in decision.where)


def _comparable(type_: str) -> bool:
    """Whether Lake Formation's row filters know the type: texts, numbers, booleans."""
    return type_ in {"string", "int", "long", "double", "boolean"} or type_.startswith("decimal")
