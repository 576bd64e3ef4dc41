"""The gate in front of a catalog: who asks, and whether they may."""

import secrets
from collections.abc import Mapping

from a360.catalog._errors import ForbiddenError, NotAuthorizedError, RestError
from a360.catalog._wire import Reply, Request
from a360.catalog.access._clients import Clients
from a360.catalog.access._oauth import TOKEN_PATH, TokenEndpoint, TokenReply
from a360.catalog.access._scope import scope_needed
from a360.catalog.access._throttle import Throttle
from a360.catalog.access._tokens import Tokens

_BEARER = "bearer "


class Gate:
    """Lets requests with the catalog's own token pass, and those of clients as far as their scope reaches."""

    def __init__(self, token: str, clients: Clients | None = None, key: bytes = b"") -> None:
        """Make a gate.

        Args:
            token: The token that may do everything.
            clients: Who else may come; nobody where it is None.
            key: What clients' tokens are signed with.
        """
        self.token = token
        self._own = token.encode("utf-8", "replace")
        self._tokens = Tokens(clients, key) if clients is not None else None
        self._endpoint = (
            TokenEndpoint(clients, self._tokens, Throttle()) if clients is not None and self._tokens else None
        )
        self._strangers = Throttle()

    def refusal(self, request: Request) -> TokenReply | None:
        """Why a request may not pass, None where it may; its body is not looked at."""
        given = request.headers.get("authorization", "")
        token = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
        if secrets.compare_digest(token.encode("utf-8", "replace"), self._own):
            return None
        known = self._tokens.check(token) if self._tokens and token else None
        if known is None:
            self._strangers.failed("")
            error = ', error="invalid_token"' if token else ""
            return _refused(
                NotAuthorizedError("A valid bearer token is required"), f'Bearer realm="a360"{error}'
            )
        name, scope = known
        needed = scope_needed(request)
        if scope.covers(needed):
            return None
        told = f"Client {name} has scope {scope.value}: this needs scope {needed.value}"
        asked = f'Bearer realm="a360", error="insufficient_scope", scope="{needed.value}"'
        return _refused(ForbiddenError(told), asked)

    @property
    def delay(self) -> float:
        """Seconds by which to put off the next refusal of a stranger: guessing is slow, knowing never is."""
        return min(float(self._strangers.wait("")), 1.0)

    def gives_tokens(self, request: Request) -> bool:
        """Whether the request is for the token endpoint, which this catalog has."""
        return self._endpoint is not None and request.method == "POST" and request.segments == TOKEN_PATH

    def token_reply(self, request: Request) -> TokenReply:
        """Answer a request to the token endpoint."""
        if self._endpoint is None:
            return _refused(NotAuthorizedError("This catalog has no clients"), 'Bearer realm="a360"')
        return self._endpoint.answer(request)


def _refused(error: RestError, challenge: str) -> TokenReply:
    headers: Mapping[str, str] = {"www-authenticate": challenge}
    return TokenReply(Reply.error(error), headers)
