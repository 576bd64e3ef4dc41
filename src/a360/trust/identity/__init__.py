"""Who asks: accounts of this machine, people who log in and programs with tokens, as principals."""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.trust.identity._accounts import OWNER, impersonated, principal_named, principal_of_account
from a360.trust.identity._principals import principal_of_claims, principal_of_user

if TYPE_CHECKING:
    from a360.trust.identity._api_tokens import ApiToken, ApiTokens
    from a360.trust.identity._door import Caller, Door, Login, TooManyRequestsError
    from a360.trust.identity._issuer import TokenIssuer
    from a360.trust.identity._key_set import KeySet
    from a360.trust.identity._oidc import ALGORITHMS, BadTokenError, Provider, TokenVerifier
    from a360.trust.identity._sessions import IDLE_SECONDS, Session, Sessions
    from a360.trust.identity._used import UsedTokens

__all__ = [
    "ALGORITHMS",
    "IDLE_SECONDS",
    "OWNER",
    "ApiToken",
    "ApiTokens",
    "BadTokenError",
    "Caller",
    "Door",
    "KeySet",
    "Login",
    "Provider",
    "Session",
    "Sessions",
    "TokenIssuer",
    "TokenVerifier",
    "TooManyRequestsError",
    "UsedTokens",
    "impersonated",
    "principal_named",
    "principal_of_account",
    "principal_of_claims",
    "principal_of_user",
]

# What comes with logging in needs an extra.
_LAZY = {
    "ALGORITHMS": "_oidc",
    "IDLE_SECONDS": "_sessions",
    "ApiToken": "_api_tokens",
    "ApiTokens": "_api_tokens",
    "BadTokenError": "_oidc",
    "Caller": "_door",
    "Door": "_door",
    "KeySet": "_key_set",
    "Login": "_door",
    "Provider": "_oidc",
    "Session": "_sessions",
    "Sessions": "_sessions",
    "TokenIssuer": "_issuer",
    "TokenVerifier": "_oidc",
    "TooManyRequestsError": "_door",
    "UsedTokens": "_used",
}

__getattr__ = lazily(__name__, _LAZY)
