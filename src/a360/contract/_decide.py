"""Decides requests by a policy: where grants, denies, filters, masks and consent come together.

A principal acts in capacities: each of its roles that may act for the purpose, each of its groups, and
itself. What a capacity shows is what its grants reach, in the rows of its filters, under its masks. What the
principal sees is the union, cell by cell: never a cell that no capacity shows, never one under a mask that a
capacity shows clear. Denies, and filters and masks that name the user or a group, hold for all capacities.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from a360.contract._bind import attributes_in, bind, literals_of
from a360.contract._decisions import Ask, Cell, ColumnDecision, TableDecision, denied
from a360.contract._masks import STRENGTH, fits, strongest
from a360.contract._plan import TablePlan
from a360.contract._policy import (
    BreakGlassPlan,
    ConsentPlan,
    DenyPlan,
    FilterPlan,
    GrantPlan,
    MaskMethod,
    MaskPlan,
    PolicyPlan,
    Whom,
)
from a360.contract._quoting import quote_name, quote_table

type Conditions = frozenset[str]
type Showing = dict[Conditions, MaskMethod | None]
"""How a column shows, by the conditions under which it does."""

NOTHING = "false"
PATIENT = "patient"
"""The token domain of patients."""
PATIENT_KEY = "patient_key"
_OF_ROWS = ("select", "reveal")
"""The actions that are done to rows, which filters and consents speak of; masks speak of select alone."""
_OF_TABLES = ("release", "export", "amend")
"""The actions that are done to whole tables: who is shown some of the rows may do none of them."""


class _SpeaksOf(Protocol):
    @property
    def roles(self) -> tuple[str, ...]: ...
    @property
    def groups(self) -> tuple[str, ...]: ...
    @property
    def users(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class _Capacity:
    """One of the things a principal acts as, and the columns of the table it reaches, each by which rules."""

    role: str
    reached: Mapping[str, tuple[str, ...]]
    emergency: BreakGlassPlan | None = None


class _OnColumns(Protocol):
    @property
    def columns(self) -> tuple[str, ...]: ...


type _Rules[R] = Sequence[tuple[R, frozenset[str]]]
"""Rules that speak of a table, each with the columns of it."""


@dataclass(frozen=True, slots=True)
class _OfTable:
    """A table and the rules that speak of it."""

    plan: TablePlan
    grants: _Rules[GrantPlan]
    denies: _Rules[DenyPlan]
    filters: Sequence[FilterPlan]
    masks: _Rules[MaskPlan]
    consents: _Rules[ConsentPlan]
    glass: _Rules[BreakGlassPlan]


def _by_table[R: _OnColumns](rules: Iterable[R]) -> Mapping[str, _Rules[R]]:
    """Rules by the datasets that they speak of."""
    spread: dict[str, list[tuple[R, frozenset[str]]]] = defaultdict(list)
    for rule in rules:
        names: dict[str, set[str]] = defaultdict(set)
        for column in rule.columns:
            dataset, _, name = column.rpartition(".")
            names[dataset].add(name)
        for dataset, mine in names.items():
            spread[dataset].append((rule, frozenset(mine)))
    return spread


class PolicyIndex:
    """A policy over the tables of a plan, ready to decide."""

    def __init__(self, policy: PolicyPlan, tables: Iterable[TablePlan]) -> None:
        self.policy = policy
        self._purposes = {role.name: role.purposes for role in policy.roles}
        grants, denies, masks = _by_table(policy.grants), _by_table(policy.denies), _by_table(policy.masks)
        consents, glass = _by_table(policy.consents), _by_table(policy.break_glass)
        self._tables = {
            name: _OfTable(
                plan=table,
                grants=grants.get(name, ()),
                denies=denies.get(name, ()),
                filters=[rule for rule in policy.filters if name in rule.datasets],
                masks=masks.get(name, ()),
                consents=consents.get(name, ()),
                glass=glass.get(name, ()),
            )
            for name, table in ((table.dataset, table) for table in tables)
        }

    @property
    def datasets(self) -> tuple[str, ...]:
        """Every table it can decide on."""
        return tuple(self._tables)

    def decide(self, ask: Ask, dataset: str) -> TableDecision:
        """What of a table the asker may see, or do; the reason says why nothing."""
        table = self._tables.get(dataset)
        if table is None:
            return denied(dataset, f"there is no table {dataset}")
        if ask.purpose is None:
            return denied(dataset, "no purpose of use is named, and the roles have more than one")
        if ask.purpose not in self.policy.purposes:
            return denied(dataset, f"there is no purpose {ask.purpose}")
        return _Request(self, table, ask, ask.purpose).decide()

    def grants_of(self, ask: Ask) -> Iterator[GrantPlan]:
        """The grants that let the asker do this for this purpose, whatever other rules say."""
        for grant in self.policy.grants:
            if ask.action not in grant.actions or (grant.purposes and ask.purpose not in grant.purposes):
                continue
            by_role = grant.role in ask.roles and self.may_act_for(grant.role, ask.purpose or "")
            if by_role or grant.group in ask.groups or (grant.user and grant.user == ask.user):
                yield grant

    def may_act_for(self, role: str, purpose: str) -> bool:
        """Whether a role has a purpose."""
        return purpose in self._purposes.get(role, ())


class _Request:
    """One question about one table."""

    def __init__(self, index: PolicyIndex, table: _OfTable, ask: Ask, purpose: str) -> None:
        self.index = index
        self.table = table
        self.ask = ask
        self.purpose = purpose
        self.rules: dict[str, list[str]] = defaultdict(list)
        self.whole: list[str] = []
        self.reads: set[str] = set()
        self.some_rows = False
        self.literals = literals_of(ask.attributes, ask.now)

    def decide(self) -> TableDecision:
        capacities = [each for each in self.capacities() if each.reached]
        gone = self.denied_columns()
        columns = self.table.plan.columns
        shown: dict[str, Showing] = {column.name: {} for column in columns}
        for capacity in capacities:
            rows = self.bound(capacity)
            for column in columns:
                if column.name not in capacity.reached or column.name in gone:
                    continue
                self.rules[column.name] += capacity.reached[column.name]
                if rows is not None:
                    self.show(shown[column.name], capacity, column.name, column.type, rows)
        return self.answer({name: _reduced(showing) for name, showing in shown.items()}, capacities)

    def capacities(self) -> Iterator[_Capacity]:
        roles = [role for role in dict.fromkeys(self.ask.roles) if self.index.may_act_for(role, self.purpose)]
        for role in roles:
            yield _Capacity(role, self.reached(role=role))
        for group in dict.fromkeys(self.ask.groups):
            yield _Capacity("", self.reached(group=group))
        yield _Capacity("", self.reached(user=self.ask.user))
        for rule, names in self.table.glass:
            declared = rule.name == self.ask.break_glass and self.ask.action == "select"
            if declared and self.purpose in rule.purposes and self.speaks_of(rule.whom):
                yield _Capacity("", dict.fromkeys(names, (f"break-glass {rule.name}",)), rule)

    def reached(self, role: str = "", group: str = "", user: str = "") -> dict[str, tuple[str, ...]]:
        reached: dict[str, tuple[str, ...]] = {}
        for grant, names in self.table.grants:
            if (grant.role, grant.group, grant.user) != (role, group, user):
                continue
            if self.ask.action not in grant.actions:
                continue
            if grant.purposes and self.purpose not in grant.purposes:
                continue
            label = f"{grant.name} ({_subject(grant)})"
            for name in names:
                reached[name] = (*reached.get(name, ()), label)
        return reached

    def denied_columns(self) -> set[str]:
        gone: set[str] = set()
        for rule, names in self.table.denies:
            if rule.actions and self.ask.action not in rule.actions:
                continue
            if rule.purposes and self.purpose not in rule.purposes:
                continue
            if rule.whom.everybody or self.speaks_of(rule.whom):
                gone |= names
                for name in names:
                    self.rules[name].append(f"deny {rule.name}")
        return gone

    def speaks_of(self, whom: Whom) -> bool:
        return whom.names(self.ask.user, self.ask.roles, self.ask.groups)

    def binds(self, rule: _SpeaksOf, capacity: _Capacity) -> bool:
        """Whether a filter or mask holds: on a role for what that role shows, on a person for everything."""
        if capacity.role and capacity.role in rule.roles:
            return True
        return self.ask.user in rule.users or any(group in rule.groups for group in self.ask.groups)

    def bound(self, capacity: _Capacity) -> Conditions | None:
        """The conditions on the rows that the action is done to; None where it may be done to none."""
        if self.ask.action in _OF_ROWS:
            return self.rows_of(capacity)
        if self.ask.action in _OF_TABLES and self.rows_of(capacity) != frozenset():
            self.some_rows = True
            return None
        return frozenset()

    def rows_of(self, capacity: _Capacity) -> Conditions | None:
        """The conditions on the rows a capacity shows; None where one of them cannot be told."""
        conditions: set[str] = set()
        for rule in self.table.filters:
            if not self.binds(rule, capacity):
                continue
            bound = bind(rule.where, self.literals)
            if bound is None:
                missing = sorted(attributes_in(rule.where) - self.literals.keys())
                self.whole.append(f"filter {rule.name}: no attribute {', '.join(missing)}")
                return None
            self.whole.append(f"filter {rule.name}")
            conditions.add(bound)
        return frozenset(conditions)

    def show(self, showing: Showing, capacity: _Capacity, name: str, type_: str, rows: Conditions) -> None:
        if self.ask.action not in _OF_ROWS:
            showing[frozenset()] = None
            return
        masks: list[MaskMethod] = []
        if capacity.emergency is None and self.ask.action == "select":
            for mask, names in self.table.masks:
                if name in names and self.binds(mask, capacity):
                    masks.append(mask.method if fits(mask.method, type_) else "null")
                    self.rules[name].append(f"mask {mask.name}")
        conditions = rows | self.consent(capacity, name)
        if NOTHING not in conditions:
            _add(showing, conditions, strongest(*masks) if masks else None)

    def consent(self, capacity: _Capacity, name: str) -> Conditions:
        conditions: set[str] = set()
        for rule, names in self.table.consents:
            if name not in names or self.purpose in rule.exempt:
                continue
            if capacity.emergency is not None and capacity.emergency.without_consent:
                continue
            self.rules[name].append(f"consent {rule.name}")
            conditions |= self.recorded(rule)
        return frozenset(conditions)

    def recorded(self, rule: ConsentPlan) -> Conditions:
        covers = rule.purposes.get(self.purpose)
        if covers is None or rule.key not in self.table.plan.column_names:
            return frozenset({NOTHING})
        bound = [bind(text, self.literals) for text in (rule.permits, rule.refuses, covers) if text]
        if None in bound:
            return frozenset({NOTHING})
        self.reads.add(rule.dataset)
        key, of = quote_name(rule.key), quote_table(rule.dataset)
        permits, *refuses, says = (f"({text})" for text in bound)
        given = f"SELECT {key} FROM {of} WHERE {key} IS NOT NULL AND {says}"
        conditions = {f"{key} IN ({given} AND {permits})"}
        conditions |= {f"{key} NOT IN ({given} AND {each})" for each in refuses}
        return frozenset(conditions)

    def answer(self, shown: Mapping[str, Showing], capacities: Sequence[_Capacity]) -> TableDecision:
        dataset = self.table.plan.dataset
        rows = _least(conditions for showing in shown.values() for conditions in showing)
        whole = tuple(dict.fromkeys(self.whole))
        columns = {name: self.column(name, showing, rows) for name, showing in shown.items()}
        if not rows:
            return TableDecision(
                dataset, allowed=False, columns=columns, rules=whole, reason=self.why_nothing(capacities)
            )
        return TableDecision(
            dataset,
            allowed=True,
            columns=columns,
            where=_where(rows),
            rules=whole,
            reason=_told(columns),
            reads=tuple(sorted(self.reads)),
            mask_domain=self.ask.mask_domain,
        )

    def column(self, name: str, showing: Showing, rows: frozenset[Conditions]) -> ColumnDecision:
        rules = tuple(dict.fromkeys(self.rules[name]))
        if not showing:
            return ColumnDecision(allowed=False, rules=rules or ("no grant reaches it",))
        masks = set(showing.values())
        by = self.shifted_by() if "date_shift" in masks else None
        if "date_shift" in masks and by is None:
            # Dates of a patient move together, or not at all.
            showing = _reduced({at: "null" if mask == "date_shift" else mask for at, mask in showing.items()})
            masks = set(showing.values())
        if len(masks) == 1 and rows == frozenset(showing):
            return ColumnDecision(True, next(iter(masks)), rules, by=by)
        in_order = sorted(showing.items(), key=lambda item: (_rank(item[1]), sorted(item[0])))
        cells = tuple(Cell(tuple(sorted(at)), mask) for at, mask in in_order)
        return ColumnDecision(True, "null", rules, cells, by)

    def shifted_by(self) -> str | None:
        """The column that names the patient whose dates move together."""
        keys = [column.name for column in self.table.plan.columns if column.token == PATIENT]
        return PATIENT_KEY if PATIENT_KEY in keys else next(iter(keys), None)

    def why_nothing(self, capacities: Sequence[_Capacity]) -> str:
        ask = self.ask
        if any(each.startswith("filter") and "no attribute" in each for each in self.whole):
            return next(each for each in self.whole if "no attribute" in each)
        if self.some_rows:
            filters = ", ".join(dict.fromkeys(each for each in self.whole if each.startswith("filter")))
            return f"{filters} leaves {ask.user} some rows, and {ask.action} is of all of them"
        if capacities:
            return "what grants reach is denied, or needs a consent that cannot cover the purpose"
        active = [role for role in ask.roles if self.index.may_act_for(role, self.purpose)]
        if ask.roles and not active:
            return f"no role of {ask.user} may act for {self.purpose}: {', '.join(ask.roles)}"
        known = f"as {', '.join(active)} " if active else "has no role, and "
        return f"{ask.user} {known}is granted no {ask.action} on a column for {self.purpose}"


def _subject(grant: GrantPlan) -> str:
    if grant.role:
        return f"role {grant.role}"
    return f"group {grant.group}" if grant.group else f"user {grant.user}"


def _told(columns: Mapping[str, ColumnDecision]) -> str:
    shown = [each for each in columns.values() if each.allowed]
    masked = sum(1 for each in shown if each.mask is not None)
    told = f"{len(shown)} of {len(columns)} columns"
    return f"{told}, {masked} of them masked" if masked else told


def _rank(mask: MaskMethod | None) -> int:
    return -1 if mask is None else STRENGTH.index(mask)


def _add(showing: Showing, conditions: Conditions, mask: MaskMethod | None) -> None:
    known = showing.get(conditions, mask)
    showing[conditions] = None if known is None or mask is None else strongest(known, mask)


def _reduced(showing: Showing) -> Showing:
    """Without ways of showing that another one, in at least the same rows, comes before."""
    if len(showing) == 1:
        return showing
    return {
        at: mask
        for at, mask in showing.items()
        if not any(other < at and _rank(instead) <= _rank(mask) for other, instead in showing.items())
    }


def _least(alternatives: Iterable[Conditions]) -> frozenset[Conditions]:
    """Alternatives without those that another one implies."""
    every = set(alternatives)
    if frozenset() in every:
        return frozenset({frozenset()})
    return frozenset(one for one in every if not any(other < one for other in every))


def _where(rows: frozenset[Conditions]) -> tuple[str, ...]:
    if len(rows) == 1:
        return tuple(sorted(next(iter(rows))))
    joined = (" AND ".join(f"({each})" for each in sorted(one)) for one in rows)
    return (" OR ".join(f"({each})" for each in sorted(joined)),)
