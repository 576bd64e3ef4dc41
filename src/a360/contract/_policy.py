"""Who may see what, as plain data; `PolicyIndex` decides requests by it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

type Action = Literal["select", "describe", "write", "release", "export", "amend", "reveal"]
type MaskMethod = Literal["null", "redact", "hash", "last4", "year", "age_band", "zip3", "date_shift"]
type TagTerm = tuple[str, tuple[str, ...]]
"""One term of an LF-Tag expression: a key, and the values of which a resource bears one."""


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """What one query of a role may cost, and how many of them run at once; None leaves it to the gateway."""

    seconds: float | None = None
    memory_bytes: int | None = None
    result_rows: int | None = None
    result_bytes: int | None = None
    scanned_bytes: int | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role, the purposes of use it may act for, and what its queries may cost.

    `reveals` says of how many patients it may learn the identity in an hour; None leaves it to the vault.
    """

    name: str
    purposes: tuple[str, ...]
    doc: str = ""
    budget: BudgetPlan = BudgetPlan()
    reveals: int | None = None


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A group of users, the roles its members have, and what an identity provider calls it."""

    name: str
    roles: tuple[str, ...] = ()
    doc: str = ""
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserPlan:
    """A person or a program; `os` is its account on this machine, `@owner` whoever owns the lake's folder.

    `roles` are all it has, those of its groups included. `subject` and `email` are those of an identity
    provider.
    """

    name: str
    os: str | None = None
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    subject: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Whom:
    """Those a rule speaks of."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def everybody(self) -> bool:
        """Whether nobody is named; a deny rule then speaks of all."""
        return not (self.roles or self.groups or self.users)

    def names(self, user: str, roles: Iterable[str], groups: Iterable[str]) -> bool:
        """Whether somebody with these roles and groups is named."""
        named = user in self.users or any(role in self.roles for role in roles)
        return named or any(group in self.groups for group in groups)


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """What one role, group or user may do: `columns` are `dataset.column`, resolved.

    `purposes` narrow those of the role; none narrows nothing. `expression` is the grant as an LF-Tag
    expression over zone, tags and sensitivity, where it is one: it then reaches what comes to bear the tags.
    """

    name: str
    actions: tuple[Action, ...]
    datasets: tuple[str, ...]
    sensitivities: tuple[str, ...]
    columns: tuple[str, ...] = ()
    role: str = ""
    group: str = ""
    user: str = ""
    purposes: tuple[str, ...] = ()
    expression: tuple[TagTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class DenyPlan:
    """What nobody of `whom` may do, whatever grants say; without actions or purposes it means all of them."""

    name: str
    columns: tuple[str, ...]
    whom: Whom = Whom()
    actions: tuple[Action, ...] = ()
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterPlan:
    """Which rows of a dataset these see; `:name` in `where` is an attribute of the principal."""

    name: str
    roles: tuple[str, ...]
    datasets: tuple[str, ...]
    where: str
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MaskPlan:
    """How these see columns (`dataset.column`, resolved)."""

    name: str
    roles: tuple[str, ...]
    columns: tuple[str, ...]
    method: MaskMethod
    groups: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentPlan:
    """Columns that show nothing without a recorded consent that covers the purpose.

    `dataset` records consents, one row each, joined by `key`, a column of both sides. A consent is a row for
    which `permits` holds, and which `purposes` says covers the purpose; one for which `refuses` holds and
    which covers it takes it back. Purposes in `exempt` need none; those named nowhere get nothing.
    """

    name: str
    columns: tuple[str, ...]
    dataset: str
    key: str
    permits: str
    refuses: str = ""
    purposes: Mapping[str, str] = field(default_factory=dict)
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BreakGlassPlan:
    """What `whom` may select in an emergency, unfiltered and unmasked, for at most `minutes`."""

    name: str
    whom: Whom
    columns: tuple[str, ...]
    purposes: tuple[str, ...]
    minutes: int
    without_consent: bool = False


@dataclass(frozen=True, slots=True)
class ImpersonationPlan:
    """Who may act as which users, or as whoever has no other roles than these."""

    name: str
    whom: Whom
    as_users: tuple[str, ...] = ()
    as_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagPlan:
    """A vocabulary: the values a tag may have, in the order of `lake.yaml`."""

    name: str
    values: tuple[str, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """The policy of a lake. A column that no grant reaches is readable by nobody."""

    tags: tuple[TagPlan, ...] = ()
    purposes: tuple[str, ...] = ()
    roles: tuple[RolePlan, ...] = ()
    groups: tuple[GroupPlan, ...] = ()
    users: tuple[UserPlan, ...] = ()
    grants: tuple[GrantPlan, ...] = ()
    denies: tuple[DenyPlan, ...] = ()
    filters: tuple[FilterPlan, ...] = ()
    masks: tuple[MaskPlan, ...] = ()
    consents: tuple[ConsentPlan, ...] = ()
    break_glass: tuple[BreakGlassPlan, ...] = ()
    impersonations: tuple[ImpersonationPlan, ...] = ()

    def role(self, name: str) -> RolePlan | None:
        """The role of this name, if there is one."""
        return next((role for role in self.roles if role.name == name), None)

    def group(self, name: str) -> GroupPlan | None:
        """The group of this name, if there is one."""
        return next((group for group in self.groups if group.name == name), None)

    def user(self, name: str) -> UserPlan | None:
        """The user of this name, if there is one."""
        return next((user for user in self.users if user.name == name), None)
