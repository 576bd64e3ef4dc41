"""The commit gateway: every change of a table passes here, and is answered only when its outcome is known.

Why it exists: a commit can land and its answer get lost. DuckDB then sends the commit again, is told of a
conflict (with itself), and deletes the data files it wrote, which by then the table needs; PyIceberg deletes
on any conflict. The gateway reads the table back before it says that a commit succeeded or failed.
"""

import hashlib
import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace

from a360.catalog._errors import BadRequestError, CommitStateUnknownError, NoSuchRouteError, RestError
from a360.catalog._wire import FOR_ENGINES, Json, Reply, Request, encode
from a360.catalog.gateway import _others
from a360.catalog.gateway._evidence import Finding, TableChange, look
from a360.catalog.gateway._exchange import Exchange
from a360.catalog.gateway._lane import Lane
from a360.catalog.gateway._operations import Kind, Operation, operation_of
from a360.catalog.gateway._policy import CONCLUSIVE, CONFLICT, Policy, settles
from a360.catalog.gateway._upstream import Upstream
from a360.failpoints import failpoint

_LANES = "/lane/"
_REMEMBERED = 10_000


class Gateway:
    """Proxies a catalog; stamps and fences commits by lane, settles what is left open."""

    def __init__(self, upstream: Upstream, policy: Policy | None = None) -> None:
        """Put a gateway before a catalog.

        Args:
            upstream: The catalog.
            policy: How long outcomes are sought.
        """
        self._upstream = upstream
        self._exchange = Exchange(upstream, policy or Policy())
        self._open = Lane()
        self._lanes: dict[str, Lane] = {}
        self._unsettled: dict[str, None] = {}
        self._lock = threading.Lock()

    def open_lane(self, lane: Lane) -> str:
        """Give a lane a path of its own: what stands before `/v1/…` in its requests."""
        path = f"{_LANES}{secrets.token_urlsafe(16)}"
        with self._lock:
            self._lanes[path] = lane
        return path

    def close_lane(self, path: str) -> None:
        """Refuse further requests on a lane."""
        with self._lock:
            self._lanes.pop(path, None)

    def stop(self) -> None:
        """Stop seeking outcomes, so that no request keeps the process from ending."""
        self._exchange.stop()

    def handle(self, request: Request) -> Reply:
        """Answer one request of a client."""
        try:
            lane, inner = self._route(request)
            return self._answer(inner, lane, operation_of(inner))
        except RestError as error:
            return Reply.error(error)
        except Exception as broken:  # noqa: BLE001 -- the last place that can turn a fault into an answer
            # Whatever was sent on may have been carried out.
            return Reply.error(CommitStateUnknownError(f"The gateway failed ({type(broken).__name__})"))

    def _route(self, request: Request) -> tuple[Lane, Request]:
        if not request.path.startswith(_LANES):
            return self._open, request
        cut = request.path.find("/", len(_LANES))
        head, rest = (request.path[:cut], request.path[cut:]) if cut > 0 else (request.path, "")
        with self._lock:
            lane = self._lanes.get(head)
        if lane is None:
            raise NoSuchRouteError("This writer's path is closed")
        return lane, Request(request.method, rest, request.query, request.body, request.headers)

    def _answer(self, request: Request, lane: Lane, operation: Operation) -> Reply:
        match operation.kind:
            case Kind.COMMIT:
                body = request.json()
                change = _prepared(lane, body, operation.table_name, request.path)
                sent = encode({**body, "requirements": change.requirements, "updates": change.updates})
                return self._commit(_with_body(request, sent), lane, [change])
            case Kind.TRANSACTION:
                return self._transaction(request, lane, operation)
            case Kind.CREATE_TABLE:
                return _others.create_table(self._exchange, request, operation, lane.commit_id())
            case _:
                told = request if lane is self._open else _for_engines(request)
                return _others.forward(self._exchange, told, operation)

    def _transaction(self, request: Request, lane: Lane, operation: Operation) -> Reply:
        body = request.json()
        bodies = body.get("table-changes")
        if not isinstance(bodies, list):
            raise BadRequestError("Malformed request: table-changes is not a list")
        changes = [_prepared(lane, each, *_named(each, operation)) for each in bodies]
        sent = [
            {**each, "requirements": change.requirements, "updates": change.updates}
            for each, change in zip(bodies, changes, strict=True)
        ]
        return self._commit(_with_body(request, encode({**body, "table-changes": sent})), lane, changes)

    def _commit(self, request: Request, lane: Lane, changes: Sequence[TableChange]) -> Reply:
        with self._upstream.bringing([update for change in changes for update in change.updates]):
            failpoint("catalog.commit.durable")
            return self._settled(request, lane, changes)

    def _settled(self, request: Request, lane: Lane, changes: Sequence[TableChange]) -> Reply:
        name = _name_of(request.path, changes)

        def judge(reply: Reply | None, uncertain: bool) -> Reply | None:  # noqa: FBT001 -- a callback's shape
            if uncertain:
                self._note_unsettled(name)
            return self._verdict(reply, changes, uncertain=uncertain)

        reply = self._exchange.until_settled(request, judge, uncertain=self._is_unsettled(name))
        if settles(reply):
            self._forget_unsettled(name)
        if reply.ok:
            for change in changes:
                lane.advance(change.table, change.updates)
        return reply

    def _verdict(
        self, reply: Reply | None, changes: Sequence[TableChange], *, uncertain: bool
    ) -> Reply | None:
        """What a writer may be told after one try; None where the outcome is open."""
        if reply is not None and (reply.ok or (not uncertain and reply.status != CONFLICT)):
            return reply
        findings = [look(self._exchange, change, by_effect=uncertain) for change in changes]
        if all(finding.landed for finding in findings):
            return _success(findings)
        if reply is None or not any(finding.landed is False for finding in findings):
            return None
        # After a lost answer a refusal is passed on only on proof. A conflict alone is none: the catalog may
        # have met our own first try, still under way. The table must have moved on, so that it cannot land
        # any more.
        proven = (
            any(each.hopeless for each in findings)
            if reply.status == CONFLICT
            else reply.status in CONCLUSIVE
        )
        return reply if proven or not uncertain else None

    def _is_unsettled(self, name: str) -> bool:
        with self._lock:
            return name in self._unsettled

    def _note_unsettled(self, name: str) -> None:
        """Remember an open outcome: the writer may lose patience and send its commit again."""
        with self._lock:
            self._unsettled[name] = None
            while len(self._unsettled) > _REMEMBERED:
                del self._unsettled[next(iter(self._unsettled))]

    def _forget_unsettled(self, name: str) -> None:
        with self._lock:
            self._unsettled.pop(name, None)


def _with_body(request: Request, body: bytes) -> Request:
    return Request(request.method, request.path, request.query, body, request.headers)


def _for_engines(request: Request) -> Request:
    return replace(request, headers={**request.headers, FOR_ENGINES: "true"})


def _prepared(lane: Lane, body: Json, table: str, path: str) -> TableChange:
    prepared = lane.prepare(table, body)
    return TableChange(table, path, prepared["requirements"], prepared["updates"])


def _named(body: Json, operation: Operation) -> tuple[str, str]:
    """The table of one part of a transaction: as people write it, and its path."""
    identifier = body.get("identifier")
    if not isinstance(identifier, dict) or not identifier.get("namespace") or not identifier.get("name"):
        raise BadRequestError("Malformed request: a table identifier is missing")
    namespace, name = identifier["namespace"], identifier["name"]
    return ".".join((*namespace, name)), operation.path_to(namespace, name)


def _name_of(path: str, changes: Sequence[TableChange]) -> str:
    """The same for the same commit sent again, whatever id the open lane gave it."""
    added = sorted(each for change in changes for each in change.added_snapshots)
    told = encode(added or [change.updates for change in changes])
    return hashlib.sha256(path.encode() + told).hexdigest()


def _success(findings: Sequence[Finding]) -> Reply:
    """What the catalog would have answered: the table after a commit, nothing after a transaction."""
    table = findings[0].table if len(findings) == 1 else None
    return Reply(200, table.body) if table is not None else Reply(204)
