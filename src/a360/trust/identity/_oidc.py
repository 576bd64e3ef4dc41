"""Tokens of an OpenID Connect provider: what has to hold before anything that they say is believed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import jwt

from a360.trust.identity._key_set import PublicKey

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The algorithms that may be pinned: in all of them who verifies cannot sign."""

SKEW_SECONDS = 60

_LONGEST = 16_384
_SIGNATURE_ONLY: jwt.types.Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_iss": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}
_REQUIRED = ("iss", "aud", "exp", "iat", "sub")


class Keys(Protocol):
    """Where public keys are found by their id."""

    def key(self, identity: str) -> PublicKey | None:
        """The key of an id."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider, and what its tokens must say to be for us."""

    issuer: str
    audience: str
    algorithms: Sequence[str]
    groups_claim: str = "groups"


class BadTokenError(Exception):
    """A token that is no good; `claims` are there where its signature was."""

    def __init__(self, reason: str, claims: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.claims = claims


def _now() -> datetime:
    return datetime.now(UTC)


class TokenVerifier:
    """Verifies the signed tokens (JWT) of one provider.

    The key is looked up by its id among the provider's own, with the algorithm that the key is for: a token
    says neither by which algorithm nor by which key it is to be verified.
    """

    def __init__(self, provider: Provider, keys: Keys, clock: Callable[[], datetime] = _now) -> None:
        refused = set(provider.algorithms) - set(ALGORITHMS)
        if refused or not provider.algorithms:
            raise ValueError(f"no algorithms to verify by: {sorted(refused)}")
        self.provider = provider
        self._keys = keys
        self._clock = clock

    def claims(self, token: str) -> Mapping[str, Any]:
        """What a token says that is the provider's, for us, and of now.

        Raises:
            BadTokenError: it is not.
            OperatorError: the provider's keys cannot be read.
        """
        if len(token) > _LONGEST:
            raise BadTokenError("the token is too long")
        key, algorithm = self._signed_by(token)
        try:
            # What is verified here is the signature; our own checks of the claims tell what was wrong.
            claims: Mapping[str, Any] = jwt.decode(
                token, key.key, algorithms=[algorithm], options=_SIGNATURE_ONLY
            )
        except jwt.PyJWTError:
            raise BadTokenError("the signature is not the provider's") from None
        self._require_ours(claims)
        self._require_now(claims)
        return claims

    @staticmethod
    def identity(token: str, claims: Mapping[str, Any]) -> str:
        """What tells a verified token from all others: its `jti`, else all that was signed."""
        return str(claims.get("jti") or token.rpartition(".")[0])

    def _signed_by(self, token: str) -> tuple[PublicKey, str]:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise BadTokenError("this is no signed token") from None
        algorithm, identity = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self.provider.algorithms:
            raise BadTokenError("the algorithm is none of those that are allowed")
        if "crit" in header:
            raise BadTokenError("the token has extensions that are not known")
        key = self._keys.key(identity) if isinstance(identity, str) else None
        if key is None:
            raise BadTokenError("the provider has no such key")
        if algorithm not in key.algorithms:
            raise BadTokenError("the key is not for this algorithm")
        return key, algorithm

    def _require_ours(self, claims: Mapping[str, Any]) -> None:
        if any(claims.get(name) is None for name in _REQUIRED):
            raise BadTokenError("a claim is missing", claims)
        if claims["iss"] != self.provider.issuer:
            raise BadTokenError("the issuer is another", claims)
        told = claims["aud"]
        if self.provider.audience not in (told if isinstance(told, list) else [told]):
            raise BadTokenError("the audience is another", claims)
        if not all(isinstance(each, str) and each for each in (claims["sub"], claims.get("jti", "-"))):
            raise BadTokenError("a claim is not of its type", claims)

    def _require_now(self, claims: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        times = [claims[name] for name in ("exp", "iat")] + [claims.get("nbf", 0)]
        if not all(type(each) in {int, float} for each in times):
            raise BadTokenError("a claim is not of its type", claims)
        expires, issued, begins = times
        if now >= expires + SKEW_SECONDS:
            raise BadTokenError("the token has expired", claims)
        if max(issued, begins) > now + SKEW_SECONDS:
            raise BadTokenError("the token is of the future", claims)
