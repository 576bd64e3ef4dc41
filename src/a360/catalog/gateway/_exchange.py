"""Requests sent until their outcome is known."""

import threading
from collections.abc import Callable

from a360.catalog._errors import GatewayTimeoutError
from a360.catalog._wire import Reply, Request
from a360.catalog.gateway._policy import Policy, settles
from a360.catalog.gateway._upstream import Upstream, UpstreamLostError

type Judge = Callable[[Reply | None, bool], Reply | None]


class Exchange:
    """Sends requests to the catalog behind the gateway, again where needed, until told to stop."""

    def __init__(self, upstream: Upstream, policy: Policy) -> None:
        self._upstream = upstream
        self._policy = policy
        self._stopping = threading.Event()

    def _send(self, request: Request) -> Reply | None:
        try:
            return self._upstream.send(request)
        except UpstreamLostError:
            return None

    def once(self, request: Request) -> Reply | None:
        """One try: the answer, or None where the outcome is not known."""
        reply = self._send(request)
        return reply if reply is not None and settles(reply) else None

    def read(self, request: Request) -> Reply | None:
        """A request that changes nothing, tried for a while; at worst the last error, None if none came."""
        last: Reply | None = None
        for wait in self._policy.waits(self._policy.read):
            reply = self._send(request)
            last = last if reply is None else reply
            if (reply is not None and settles(reply)) or self._stopping.wait(wait):
                break
        return last

    def until_settled(self, request: Request, judge: Judge, *, uncertain: bool = False) -> Reply:
        """Send a change until the judge has an answer for the client.

        Args:
            request: The change; sending it twice must not do it twice.
            judge: Given the last answer (None: lost) and whether an earlier try may have been carried out,
            gives the
                answer for the client, or None where the outcome is still open.
            uncertain: Whether this change was tried before and its outcome never found.
        """
        for wait in self._policy.waits(self._policy.settle):
            reply = self.once(request)
            uncertain = uncertain or reply is None
            answer = judge(reply, uncertain)
            if answer is not None:
                return answer
            if self._stopping.wait(wait):
                break
        return Reply.error(
            GatewayTimeoutError("The catalog cannot be asked whether the change was made; it may have been")
        )

    def stop(self) -> None:
        """Stop trying: changes whose outcome is open are answered as unknown."""
        self._stopping.set()
