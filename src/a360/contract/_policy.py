"""Who may see what, as plain data; deciding a request is work for the room that enforces it."""

from dataclasses import dataclass
from typing import Literal

type Action = Literal["select", "describe", "write"]
type MaskMethod = Literal["null", "redact", "hash", "last4", "year", "age_band", "zip3", "date_shift"]


@dataclass(frozen=True, slots=True)
class RolePlan:
    """A role, and the purposes of use it may act for."""

    name: str
    purposes: tuple[str, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """What a role may do: `datasets` are resolved, and its columns must have one of the sensitivities."""

    role: str
    actions: tuple[Action, ...]
    datasets: tuple[str, ...]
    sensitivities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilterPlan:
    """Which rows of a dataset these roles see; `:name` in `where` is an attribute of the principal."""

    name: str
    roles: tuple[str, ...]
    datasets: tuple[str, ...]
    where: str


@dataclass(frozen=True, slots=True)
class MaskPlan:
    """How these roles see columns (`dataset.column`, resolved)."""

    name: str
    roles: tuple[str, ...]
    columns: tuple[str, ...]
    method: MaskMethod


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
    grants: tuple[GrantPlan, ...] = ()
    filters: tuple[FilterPlan, ...] = ()
    masks: tuple[MaskPlan, ...] = ()
