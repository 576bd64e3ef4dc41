"""Everything that is not a commit: reads, and changes whose second try tells what the first one did."""

from a360.catalog._errors import GatewayTimeoutError
from a360.catalog._wire import Json, Reply, Request, decode_object, encode
from a360.catalog.gateway._evidence import reply_document
from a360.catalog.gateway._exchange import Exchange, Judge
from a360.catalog.gateway._operations import Kind, Operation
from a360.catalog.gateway._policy import CONCLUSIVE, CONFLICT, NOT_FOUND
from a360.catalog.gateway._stamp import CREATED_BY

# Settings by which a catalog would send its clients past the gateway, or have them use a token we do not
# check.
_KEPT_BACK = frozenset({"uri", "token", "credential", "oauth2-server-uri", "rest.sigv4-enabled"})


def forward(exchange: Exchange, request: Request, operation: Operation) -> Reply:
    """Send on anything but commits and creations of tables."""
    if operation.kind in {Kind.CONFIG, Kind.READ}:
        reply = exchange.read(request)
        if reply is None:
            return Reply.error(GatewayTimeoutError("The catalog behind the gateway does not answer"))
        return _own_config(reply) if operation.kind is Kind.CONFIG and reply.ok else reply
    return exchange.until_settled(request, _judge(exchange, request, operation))


def _own_config(reply: Reply) -> Reply:
    content = decode_object(reply.body)
    for part in ("defaults", "overrides"):
        content[part] = {
            key: value for key, value in (content.get(part) or {}).items() if key not in _KEPT_BACK
        }
    return Reply.of(content)


def _judge(exchange: Exchange, request: Request, operation: Operation) -> Judge:
    """On a second try, being refused because it is done already is success."""

    def judge(reply: Reply | None, uncertain: bool) -> Reply | None:  # noqa: FBT001 -- a callback's shape
        if reply is None:
            return None
        if uncertain and not reply.ok:
            done = _done_before(exchange, request, operation, reply)
            return done or (reply if reply.status in CONCLUSIVE else None)
        return reply

    return judge


def _done_before(exchange: Exchange, request: Request, operation: Operation, refusal: Reply) -> Reply | None:
    match operation.kind, refusal.status:
        case Kind.DROP, status if status == NOT_FOUND:
            return Reply(204)
        case Kind.CREATE_NAMESPACE, status if status == CONFLICT:
            return Reply.of({"properties": {}, **request.json()})
        case Kind.RENAME, status if status == NOT_FOUND:
            return Reply(204) if _exists(exchange, operation, request.json().get("destination")) else None
        case Kind.REGISTER, status if status == CONFLICT:
            return _registered(exchange, operation, request.json())
    return None


def _exists(exchange: Exchange, operation: Operation, identifier: object) -> bool:
    if not isinstance(identifier, dict):
        return False
    path = operation.path_to(identifier.get("namespace") or (), str(identifier.get("name")))
    found = exchange.read(Request("GET", path))
    return found is not None and found.ok


def _registered(exchange: Exchange, operation: Operation, body: Json) -> Reply | None:
    found = exchange.read(Request("GET", operation.path_of(str(body.get("name")))))
    if found is None or not found.ok:
        return None
    same = decode_object(found.body).get("metadata-location") == body.get("metadata-location")
    return found if same else None


def create_table(exchange: Exchange, request: Request, operation: Operation, commit_id: str) -> Reply:
    """Create a table, marked so that it can be told from one that a rival created meanwhile.

    A staged creation changes nothing in the catalog and is simply tried again; its commit is settled like
    any other.
    """
    body = request.json()
    if body.get("stage-create"):
        return exchange.until_settled(request, lambda reply, _: reply)
    # A gateway before this one has marked it already.
    properties = {CREATED_BY: commit_id, **(body.get("properties") or {})}
    sent = encode({**body, "properties": properties})
    path = operation.path_of(str(body.get("name")))

    def judge(reply: Reply | None, uncertain: bool) -> Reply | None:  # noqa: FBT001 -- a callback's shape
        if reply is None or reply.ok or not uncertain:
            return reply
        if reply.status != CONFLICT:
            return reply if reply.status in CONCLUSIVE else None
        found = exchange.read(Request("GET", path))
        if found is None or not found.ok:
            return None
        ours = (reply_document(found).get("properties") or {}).get(CREATED_BY) == properties[CREATED_BY]
        return found if ours else reply

    return exchange.until_settled(
        Request(request.method, request.path, request.query, sent, request.headers), judge
    )
