"""What a lake gives to who serves it: the door, the gateway behind it, and the policy and record of both."""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a360.contract import LakePlan
from a360.errors import A360Error, OperatorError
from a360.trust.audit import LocalAuditLog
from a360.trust.emergency import Emergencies
from a360.trust.gateway import Gateway
from a360.trust.identity import Door, KeySet, Login, Provider, TokenVerifier, UsedTokens
from a360.trust.policy import Policy, policy_on_record

if TYPE_CHECKING:
    from a360.lake._parts import Parts
    from a360.settings import Settings

_WHAT = "The policy in force is not one that this server can read"
# Contracts that are being copied here are whole a little later.
_BETWEEN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of a lake that a server answers from, under one policy."""

    plan: LakePlan
    policy: Policy
    gateway: Gateway
    emergencies: Emergencies
    audit: LocalAuditLog
    door: Door


class Serving:
    """Gives what a server answers from, always under the policy that is in force. Safe in threads.

    That is the one last on record, which whoever changes it writes into a file of the lake before it counts:
    to look whether the file is another costs a request next to nothing.

    Args:
        parts: The lake's.

    Raises:
        OperatorError: `setting-invalid` where an identity provider is named by halves.
    """

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._lock = threading.Lock()
        door = Door(parts.plan, parts.audit, parts.api_tokens, _login(parts))
        self._served = Served(parts.plan, parts.policy, parts.gateway, parts.emergencies, parts.audit, door)
        self._mark: tuple[int, ...] = ()
        self._wrong: tuple[float, OperatorError] | None = None

    def __call__(self) -> Served:
        """What a request that comes now is answered from.

        Raises:
            OperatorError: the policy in force is not that of the contracts here, so that nobody is answered.
        """
        mark = self._marked()
        if mark != self._mark or self._wrong is not None:
            with self._lock:
                self._follow(mark)
        return self._served

    def _marked(self) -> tuple[int, ...]:
        try:
            found = self._parts.policy_file.stat()
        except OSError:
            return (-1,)
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _follow(self, mark: tuple[int, ...]) -> None:
        """Go by the policy in force; where that cannot be, say so again until it is time to look again."""
        if mark == self._mark:
            if self._wrong is None:
                return
            tried, wrong = self._wrong
            if time.monotonic() - tried < _BETWEEN_SECONDS:
                raise wrong.with_traceback(None)
        try:
            renewed = self._renewed()
        except Exception as error:  # noqa: BLE001 -- who does not know the policy answers nobody, whatever the reason
            wrong = _not_in_force(error)
            self._wrong = (time.monotonic(), wrong)
            self._mark = mark
            raise wrong from (None if isinstance(error, A360Error) else error)
        self._served, self._wrong, self._mark = renewed, None, mark

    def _renewed(self) -> Served:
        now, parts = self._served, self._parts
        in_force = policy_on_record(parts.policy_file)
        if in_force == now.policy.fingerprint:
            return now
        plan = parts.made_anew().plan
        policy = Policy(plan)
        if policy.fingerprint != in_force:
            raise OperatorError(
                "policy-unknown", _WHAT, where=str(parts.contracts), found="contracts with another policy"
            )
        return Served(
            plan,
            policy,
            now.gateway.under(plan, policy),
            now.emergencies.under(policy),
            now.audit,
            now.door.under(plan),
        )


def _not_in_force(error: Exception) -> OperatorError:
    if not isinstance(error, A360Error):
        return OperatorError("policy-unknown", _WHAT, found=f"{type(error).__name__} while it was read")
    return OperatorError(
        "policy-unknown",
        _WHAT,
        where=error.where,
        found=error.found or error.what,
        next_step="apply the contracts that this server reads (`a360 apply`), or have it read those applied",
    )


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
