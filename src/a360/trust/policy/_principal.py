"""Who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and as what.

    `acting_for` is who really asks where somebody acts as this principal: the audit names both.
    """

    name: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    acting_for: str | None = None


NOBODY = Principal("nobody")
"""Who is known to no policy: may do nothing."""
