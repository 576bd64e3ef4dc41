"""The door of a server: who comes in, as whom, how often; every login, refusal and lockout is on record."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NoReturn, Self

from a360.contract import LakePlan
from a360.errors import DeniedError, OperatorError
from a360.protect import AuditEvent, AuditLog
from a360.trust.identity import _api_tokens, _sessions
from a360.trust.identity._api_tokens import ApiTokens
from a360.trust.identity._limits import MOST_FAILURES, Lockout, Rate
from a360.trust.identity._oidc import SKEW_SECONDS, BadTokenError, TokenVerifier
from a360.trust.identity._principals import principal_of_claims, principal_of_user
from a360.trust.identity._sessions import Grounds, Session, Sessions
from a360.trust.identity._used import UsedTokens
from a360.trust.policy import NOBODY, Principal


class TooManyRequestsError(DeniedError):
    """Too many requests or failed logins; `retry_after` is in how many seconds one may try again."""

    def __init__(self, what: str, retry_after: int) -> None:
        super().__init__("too-many-requests", what, next_step=f"try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Login:
    """How people log in: whose tokens are taken, and where it is noted that one was used."""

    verifier: TokenVerifier
    used: UsedTokens


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is known to ask, what for if the token says so, and in which session if in one."""

    principal: Principal
    address: str
    purpose: str | None = None
    session: Session | None = None


class Door:
    """Tells who asks by sessions and API tokens, and begins sessions. Safe in threads.

    Args:
        plan: The lake, whose `lake.yaml` says who is known.
        audit: Where it is recorded.
        tokens: The API tokens.
        login: How people log in; without it, sessions begin by API tokens only.
        clock: Seconds, for sessions, lockouts and rates.
    """

    def __init__(
        self,
        plan: LakePlan,
        audit: AuditLog,
        tokens: ApiTokens,
        login: Login | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._audit = audit
        self._tokens = tokens
        self._login = login
        self.sessions = Sessions(clock)
        self._lockout = Lockout(clock=clock)
        self._strangers = Rate(burst=30, seconds=2.0, clock=clock)
        self._known = Rate(burst=100, seconds=0.1, clock=clock)

    def under(self, plan: LakePlan) -> Self:
        """The same door where `lake.yaml` says anew who is known: sessions, lockouts and rates go on."""
        other = copy.copy(self)
        other._plan = plan  # noqa: SLF001 -- a copy of this one
        return other

    def identify(self, secret: str | None, address: str, user: str | None = None) -> Caller:
        """Who asks, by the id of a session or by an API token; with it, the `user` whose it is may be named.

        Raises:
            DeniedError: `unauthenticated`, or `too-many-requests`.
        """
        place = network_of(address)
        if not secret:
            self._refuse("there are no credentials", address, counts=False)
        if secret.startswith(_sessions.PREFIX):
            caller = self._in_session(secret, address)
        else:
            self._require_unlocked(place, f"address {place}")
            caller, _ = self._by_token(secret, address, user)
        wait = self._known.take(caller.principal.name)
        if wait:
            raise TooManyRequestsError("There are too many requests of this principal", wait)
        return caller

    def login(self, secret: str | None, address: str, user: str | None = None) -> tuple[str, Caller]:
        """Begin a session by an identity provider's token, which is good for one login, or an API token.

        Raises:
            DeniedError: `unauthenticated`, or `too-many-requests`.
        """
        place = network_of(address)
        self._require_unlocked(place, f"address {place}")
        if not secret:
            self._refuse("there are no credentials", address, counts=False)
        self._take_turn(place)
        if secret.startswith(_api_tokens.PREFIX):
            caller, grounds = self._by_token(secret, address, user)
        else:
            caller, grounds = self._by_provider(secret, address)
            self._lockout.succeeded(f"principal {caller.principal.name}")
        by = "api-token" if grounds.token else "oidc"
        self._record(caller.principal.name, "login", "allowed", address, by=by)
        identity = self.sessions.begin(caller.principal, grounds, caller.purpose)
        return identity, Caller(caller.principal, address, caller.purpose, self.sessions.use(identity))

    def logout(self, secret: str, address: str) -> None:
        """End the session of an id; nothing where it has ended before."""
        session = self.sessions.end(secret)
        if session is not None:
            self._record(session.principal.name, "logout", "done", address)

    def _in_session(self, secret: str, address: str) -> Caller:
        session = self.sessions.use(secret)
        if session is None:
            self._refuse("the session has ended", address, counts=False)
        principal = self._known_by(session.grounds)
        if principal is None or principal.name != session.principal.name:
            self.sessions.end(secret)
            gone = "what the session began with does not hold any more"
            self._refuse(gone, address, session.principal.name, counts=False)
        return Caller(principal, address, session.purpose, session)

    def _known_by(self, grounds: Grounds) -> Principal | None:
        """Whom a session's grounds name now: a token may be revoked, and a user lose its roles or be gone."""
        if grounds.token is not None:
            token = self._tokens.standing(grounds.token)
            return principal_of_user(self._plan, token.user) if token else None
        if self._login is None or grounds.claims is None:
            return None
        return principal_of_claims(self._plan, grounds.claims, self._login.verifier.provider.groups_claim)

    def _by_token(self, secret: str, address: str, user: str | None) -> tuple[Caller, Grounds]:
        place, identity = network_of(address), ApiTokens.identity(secret)
        # Of this token from there: whoever else comes from there, and the token elsewhere, is not attacked.
        subject = f"token {identity} from {place}" if identity else None
        if subject:
            self._require_unlocked(place, subject)
        found = self._tokens.check(secret)
        if found.token is None:
            told = found.reason if found.proven else "this is no API token that holds, and no session"
            self._refuse(found.reason, address, found.user, subject=subject, told=told)
        if user and user != found.token.user:
            self._refuse("the token is another user's", address, found.token.user, subject=subject)
        principal = principal_of_user(self._plan, found.token.user)
        if principal is None:
            gone = "lake.yaml has no such user any more"
            self._refuse(gone, address, found.token.user, subject=subject)
        if subject:
            self._lockout.succeeded(subject)
        return Caller(principal, address, found.token.purpose), Grounds(token=found.token.id)

    def _by_provider(self, secret: str, address: str) -> tuple[Caller, Grounds]:
        if self._login is None:
            self._refuse("this server takes no logins of an identity provider", address)
        verifier = self._login.verifier
        try:
            claims = verifier.claims(secret)
        except BadTokenError as bad:
            # Only what was signed tells whose token it is: else anybody could lock out anybody.
            self._refuse_user(bad.reason, address, self._named(bad.claims) if bad.claims else None)
        except OperatorError as fault:
            # Nobody was wrong: it counts against nobody.
            self._record(NOBODY.name, "login", "failed", address, code=fault.code.slug)
            raise
        principal = principal_of_claims(self._plan, claims, verifier.provider.groups_claim)
        if principal is None:
            self._refuse("lake.yaml has no such user", address)
        self._require_unlocked(network_of(address), f"principal {principal.name}")
        until = float(claims["exp"]) + SKEW_SECONDS
        identity = verifier.identity(secret, claims)
        if not self._login.used.use(verifier.provider.issuer, identity, until):
            self._refuse_user("the token was used before", address, principal.name)
        named = ("sub", "email", "email_verified", verifier.provider.groups_claim)
        return Caller(principal, address), Grounds(claims={name: claims.get(name) for name in named})

    def _named(self, claims: Mapping[str, Any]) -> str | None:
        found = principal_of_claims(self._plan, claims, "")
        return found.name if found else None

    def _require_unlocked(self, place: str, subject: str) -> None:
        wait = self._lockout.locked(subject)
        if wait:
            self._take_turn(place)
            raise TooManyRequestsError("There were too many failed logins", wait)

    def _take_turn(self, place: str) -> None:
        wait = self._strangers.take(place)
        if wait:
            raise TooManyRequestsError("There are too many requests of this address", wait)

    def _refuse_user(self, reason: str, address: str, user: str | None) -> NoReturn:
        """Refuse a token that a provider signed for a user: it counts for the address, and for the user."""
        if user:
            self._fail(f"principal {user}", address, user)
        self._refuse(reason, address, user)

    def _refuse(
        self,
        reason: str,
        address: str,
        user: str | None = None,
        *,
        counts: bool = True,
        subject: str | None = None,
        told: str | None = None,
    ) -> NoReturn:
        """Refuse whoever asks.

        Args:
            reason: Why, for the record.
            address: Where it came from.
            user: Whose it claims to be.
            counts: Whether somebody was wrong.
            subject: What was wrong again and again; it counts for the address once.
            told: Why, for who asks; the reason by default.
        """
        place = network_of(address)
        if counts and (subject is None or self._fail(subject, address, user) == 1):
            self._fail(f"address {place}", address, user)
        # Strangers do not fill the log: beyond their rate they are counted, and locked out, and not recorded.
        self._take_turn(place)
        self._record(user or NOBODY.name, "login", "denied", address, reason=reason)
        raise DeniedError(
            "unauthenticated",
            "Who asks is not known",
            found=told or reason,
            next_step="send an API token, or log in with POST /v1/session and send the session's id",
        )

    def _fail(self, subject: str, address: str, user: str | None) -> int:
        """Count that a subject was wrong; how often it was."""
        times = self._lockout.failed(subject)
        if times == MOST_FAILURES:
            self._record(user or NOBODY.name, "lockout", "done", address, of=subject.partition(" ")[0])
        return times

    def _record(self, principal: str, action: str, outcome: str, address: str, **details: str) -> None:
        self._audit.record(
            AuditEvent(datetime.now(UTC), principal, action, (), outcome, details=details, source=address)
        )


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 a network of 64 bits, which a single customer has."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is None:
            return str(ip_network((known, 64), strict=False))
        known = known.ipv4_mapped
    return str(known)
