"""Who gets an API token: users of the policy, for purposes that they have, on record."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from a360.errors import UsageError
from a360.protect import AuditEvent, AuditLog
from a360.trust.identity._api_tokens import ApiToken, ApiTokens
from a360.trust.identity._principals import principal_of_user
from a360.trust.policy import Policy


class TokenIssuer:
    """Makes and revokes the API tokens of a lake.

    Args:
        tokens: Where they are kept.
        policy: Whose users may have some.
        audit: Where it is recorded.
        by: Who issues them.
    """

    def __init__(self, tokens: ApiTokens, policy: Policy, audit: AuditLog, by: str) -> None:
        self._tokens = tokens
        self._policy = policy
        self._audit = audit
        self._by = by

    def create(self, user: str, lasts: timedelta, *, purpose: str | None = None) -> tuple[ApiToken, str]:
        """Make a token for a user; its text is given this once.

        Raises:
            UsageError: there is no such user, it does not have the purpose, or a token cannot hold so long.
        """
        principal = principal_of_user(self._policy.plan, user)
        if principal is None:
            raise UsageError(
                "usage",
                "lake.yaml has no user of this name",
                found=user[:64],
                next_step="name one of " + ", ".join(each.name for each in self._policy.plan.policy.users),
            )
        purposes = self._policy.purposes_of(principal)
        if purpose is not None and purpose not in purposes:
            raise UsageError(
                "usage",
                f"{user} may not act for this purpose",
                found=purpose[:64],
                next_step=f"name one of {', '.join(purposes) or 'none: give it a role first'}",
            )
        token, text = self._tokens.create(user, lasts, purpose=purpose)
        try:
            self._record("token.create", token)
        except BaseException:
            self._tokens.revoke(token.id)
            raise
        return token, text

    def revoke(self, identity: str) -> ApiToken:
        """Make a token void, for good.

        Raises:
            UsageError: there is no such token.
        """
        token = self._tokens.revoke(identity)
        self._record("token.revoke", token)
        return token

    def all(self) -> Sequence[ApiToken]:
        """The tokens, those that have expired included, oldest first."""
        return self._tokens.all()

    def _record(self, action: str, token: ApiToken) -> None:
        days = (token.expires_at - token.created_at).days
        details: dict[str, str | int] = {"token": token.id, "user": token.user, "days": days}
        self._audit.record(
            AuditEvent(datetime.now(UTC), self._by, action, (), "done", token.purpose, details)
        )
