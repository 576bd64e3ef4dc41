"""What a lake gives to who serves it: the door, the gateway behind it, and the policy and record of both."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from a360.contract import LakePlan
from a360.errors import OperatorError
from a360.trust.audit import LocalAuditLog
from a360.trust.emergency import Emergencies
from a360.trust.gateway import Gateway
from a360.trust.identity import Door, KeySet, Login, Provider, TokenVerifier, UsedTokens
from a360.trust.policy import Policy

if TYPE_CHECKING:
    from a360.lake._parts import Parts
    from a360.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of a lake that a server answers from."""

    plan: LakePlan
    policy: Policy
    gateway: Gateway
    emergencies: Emergencies
    audit: LocalAuditLog
    door: Door


def served(parts: "Parts") -> Served:
    """Open what is served.

    Raises:
        OperatorError: `setting-invalid` where an identity provider is named by halves.
    """
    login = _login(parts)
    door = Door(parts.plan, parts.audit, parts.api_tokens, login)
    return Served(parts.plan, parts.policy, parts.gateway, parts.emergencies, parts.audit, door)


def _login(parts: "Parts") -> Login | None:
    provider = _provider(parts.settings)
    if provider is None:
        return None
    verifier = TokenVerifier(provider, KeySet(parts.settings.oidc_jwks or ""))
    return Login(verifier, UsedTokens(parts.folder.path / "tokens" / "used.db"))


def _provider(settings: "Settings") -> Provider | None:
    needed = {name: getattr(settings, name) for name in ("oidc_issuer", "oidc_audience", "oidc_jwks")}
    missing = [name for name, value in needed.items() if not value]
    if len(missing) == len(needed):
        return None
    if missing:
        raise OperatorError(
            "setting-invalid",
            "The identity provider is named by halves",
            where=", ".join(missing),
            found="unset",
            next_step="set oidc_issuer, oidc_audience and oidc_jwks, or none of them",
        )
    return Provider(
        needed["oidc_issuer"],
        needed["oidc_audience"],
        settings.oidc_algorithms,
        settings.oidc_groups_claim,
    )
