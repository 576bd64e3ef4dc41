"""Checks of the policy in `lake.yaml`: names that are not there, and rules that contradict each other."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from a360.contract._faults import Fault
from a360.contract._lakefile import SENSITIVITY, LakeFile
from a360.contract._lint_tags import all_names, known_tag
from a360.contract._load import LakeContracts
from a360.contract._masks import STRENGTH, fits
from a360.contract._policy_file import Mask, Selector, Subjects, UserEntry
from a360.contract._tags import ZONE
from a360.contract._types import physical_type
from a360.contract._yaml import Loc

_FIX = "write it as it is declared, or declare it"


def check_policy(contracts: LakeContracts) -> Iterator[Fault]:
    """What the policy names exists, and no rule makes another one pointless."""
    checker = _Checker(contracts)
    yield from checker.who()
    yield from checker.what()
    yield from checker.contradictions()


class _Named(Protocol):
    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule with its place; `kind` as the file spells it."""

    kind: str
    number: int
    rule: Selector | Subjects
    purposes: Sequence[str] = ()

    @property
    def loc(self) -> Loc:
        return (self.kind, self.number)


class _Checker:
    def __init__(self, contracts: LakeContracts) -> None:
        self.contracts = contracts
        self.lake: LakeFile = contracts.lake
        self.datasets, self.columns = all_names(contracts)

    def rules(self) -> Iterator[_Rule]:
        lake = self.lake
        for i, grant in enumerate(lake.grants):
            yield _Rule("grants", i, grant, grant.purposes)
        for i, deny in enumerate(lake.denies):
            yield _Rule("denies", i, deny, deny.purposes)
        for i, filter_ in enumerate(lake.filters):
            yield _Rule("filters", i, filter_)
        for i, mask in enumerate(lake.masks):
            yield _Rule("masks", i, mask)
        for i, glass in enumerate(lake.break_glass):
            yield _Rule("breakGlass", i, glass, glass.purposes)
        for i, impersonation in enumerate(lake.impersonations):
            yield _Rule("impersonations", i, impersonation)

    def unknown(
        self, what: str, named: Iterable[str], known: Collection[str], *loc: str | int
    ) -> Iterator[Fault]:
        for name in named:
            if name not in known:
                yield self.contracts.lake_source.fault("C306", f"there is no {what} {name}", *loc, fix=_FIX)

    def tags(self, tags: Iterable[str], *loc: str | int) -> Iterator[Fault]:
        for tag in tags:
            if not known_tag(self.lake, tag):
                fix = "write it as key:value, or add it there"
                message = f"the tag {tag!r} is in no vocabulary"
                yield self.contracts.lake_source.fault("C303", message, *loc, fix=fix)

    def who(self) -> Iterator[Fault]:
        lake = self.lake
        for name, role in lake.roles.items():
            yield from self.unknown("purpose", role.purposes, lake.purposes, "roles", name, "purposes")
        for name, group in lake.groups.items():
            yield from self.unknown("role", group.roles, lake.roles, "groups", name, "roles")
        for name, user in lake.users.items():
            yield from self.unknown("role", user.roles, lake.roles, "users", name, "roles")
            yield from self.unknown("group", user.groups, lake.groups, "users", name, "groups")
        for i, each in enumerate(lake.impersonations):
            here = ("impersonations", i)
            yield from self.unknown("user", each.as_users, lake.users, *here, "asUsers")
            yield from self.unknown("role", each.as_roles, lake.roles, *here, "asRoles")
        for i, grant in enumerate(lake.grants):
            yield from self.unknown("role", filter(None, [grant.role]), lake.roles, "grants", i)
            yield from self.unknown("group", filter(None, [grant.group]), lake.groups, "grants", i)
            yield from self.unknown("user", filter(None, [grant.user]), lake.users, "grants", i)

    def what(self) -> Iterator[Fault]:
        lake = self.lake
        for each in self.rules():
            yield from self.unknown("purpose", each.purposes, lake.purposes, *each.loc, "purposes")
            if isinstance(each.rule, Subjects):
                yield from self.unknown("role", each.rule.roles, lake.roles, *each.loc, "roles")
                yield from self.unknown("group", each.rule.groups, lake.groups, *each.loc, "groups")
                yield from self.unknown("user", each.rule.users, lake.users, *each.loc, "users")
            if isinstance(each.rule, Selector):
                yield from self.selector(each.rule, *each.loc)
            if isinstance(each.rule, Mask):
                yield from self.mask(each.rule, each.number)
        for i, rule in enumerate(lake.filters):
            yield from self.unknown("dataset", rule.datasets, self.datasets, "filters", i, "datasets")
        for i, consent in enumerate(lake.consents):
            here = ("consents", i)
            yield from self.tags(consent.tags, *here, "tags")
            yield from self.unknown("dataset", [consent.dataset], self.datasets, *here, "dataset")
            purposes = [*consent.purposes, *consent.exempt]
            yield from self.unknown("purpose", purposes, lake.purposes, *here, "purposes")
            if consent.dataset in self.datasets - self.contracts.unreadable:
                key = f"{consent.dataset}.{consent.key}"
                yield from self.unknown("column", [key], self.columns, *here, "key")
        for name in type(lake.zones).model_fields:
            yield from self.tags(getattr(lake.zones, name).tags, "zones", name, "tags")

    def selector(self, rule: Selector, *loc: str | int) -> Iterator[Fault]:
        named = [name for name in rule.columns if name.rpartition(".")[0] not in self.contracts.unreadable]
        yield from self.unknown("dataset", rule.datasets, self.datasets, *loc, "datasets")
        yield from self.unknown("column", named, self.columns, *loc, "columns")
        yield from self.unknown(
            SENSITIVITY, rule.sensitivities, self.lake.sensitivities, *loc, "sensitivities"
        )
        yield from self.tags(rule.tags, *loc, "tags")

    def mask(self, mask: Mask, number: int) -> Iterator[Fault]:
        for name in mask.columns:
            of, _, short = name.rpartition(".")
            dataset = self.contracts.datasets.get(of)
            column = dataset.column(short) if dataset else None
            if not (dataset and column and dataset.sure(*dataset.place(short), "physicalType")):
                continue
            type_ = physical_type(column.physical_type)
            if type_ and not fits(mask.method, str(type_)):
                others = ", ".join(each for each in STRENGTH if fits(each, str(type_)))
                message = f"the mask {mask.name} cannot {mask.method} {name}, a {type_}"
                fix = f"use one of {others}; as it is, the column would be null"
                yield self.contracts.lake_source.fault("C309", message, "masks", number, fix=fix)

    def contradictions(self) -> Iterator[Fault]:
        yield from self.doubles()
        lake, source = self.lake, self.contracts.lake_source
        if ZONE in lake.tags:
            message = f"the tag {ZONE} is borne by every zone with its name"
            yield source.fault("C308", message, "tags", ZONE, fix="name the vocabulary otherwise")
        for i, grant in enumerate(lake.grants):
            role = lake.roles.get(grant.role or "")
            narrowed = set(grant.purposes) & set(lake.purposes)
            if role and narrowed and not narrowed & set(role.purposes):
                message = f"the role {grant.role} may act for none of the grant's purposes"
                yield source.fault("C308", message, "grants", i, fix="name a purpose of the role")
        for i, consent in enumerate(lake.consents):
            for purpose in sorted(set(consent.purposes) & set(consent.exempt)):
                message = f"{purpose} needs a consent, and is exempt from it"
                yield source.fault("C308", message, "consents", i, fix="keep it in one of the two")

    def doubles(self) -> Iterator[Fault]:
        """Names and accounts that stand for one rule or user, and are given to two."""
        lake, source = self.lake, self.contracts.lake_source
        named: tuple[tuple[str, Sequence[_Named]], ...] = (
            ("denies", lake.denies),
            ("filters", lake.filters),
            ("masks", lake.masks),
            ("consents", lake.consents),
            ("breakGlass", lake.break_glass),
            ("impersonations", lake.impersonations),
        )
        for kind, rules in named:
            names = Counter(rule.name for rule in rules)
            for i, rule in enumerate(rules):
                if names[rule.name] > 1:
                    message, fix = f"two rules are named {rule.name}", "give each a name of its own"
                    yield source.fault("C308", message, kind, i, fix=fix)
        for known_by in ("os", "subject", "email"):
            given = Counter(_mark(user, known_by) for user in lake.users.values())
            for name, user in lake.users.items():
                mark = _mark(user, known_by)
                if mark and given[mark] > 1:
                    message = f"two users have the {known_by} {mark}: who asks would not be known"
                    yield source.fault("C308", message, "users", name, known_by, fix="give it to one")
        for name, user in lake.users.items():
            if name in lake.roles and user.roles != (name,):
                message = f"{name} is a user and a role: --as would not say which"
                yield source.fault("C308", message, "users", name, fix="rename one of the two")


def _mark(user: UserEntry, known_by: str) -> str | None:
    """What a user is known by; addresses are the same in capitals and small letters."""
    mark: str | None = getattr(user, known_by)
    return mark.lower() if mark and known_by == "email" else mark
