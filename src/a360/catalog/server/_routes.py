"""The specification's paths: which request means which operation, named as the specification names it."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.catalog._errors import NoSuchRouteError, NoSuchViewError, RestError
from a360.catalog.server._names import namespace_of
from a360.catalog.server._profile import Profile

_ANY = "{}"
_COMMITS = frozenset(
    {"create_table", "register_table", "update_table", "commit_transaction", "create_view", "replace_view"}
)


@dataclass(frozen=True, slots=True)
class Route:
    """An operation.

    Attributes:
        name: Its `operationId` in the specification, in snake case.
        method: The HTTP method.
        path: Its path below the prefix, in parts.
        shown: Its path below the prefix, as the specification writes it.
        ability: What a profile must have to offer it; empty where all do.
        commits: Whether a fault leaves open what became of it.
        keyed: Whether it heeds an `Idempotency-Key`.
    """

    name: str
    method: str
    path: tuple[str, ...]
    shown: str
    ability: str = ""
    commits: bool = False
    keyed: bool = False


def _route(name: str, method: str, shown: str, ability: str = "", *, reads: bool = False) -> Route:
    path = tuple(_ANY if part.startswith("{") else part for part in shown.split("/"))
    changes = method in {"POST", "DELETE"} and not reads
    return Route(name, method, path, shown, ability, commits=name in _COMMITS, keyed=changes)


_NAMESPACE = "namespaces/{namespace}"
_TABLE = "namespaces/{namespace}/tables/{table}"
_VIEW = "namespaces/{namespace}/views/{view}"

_CONFIG = Route("get_config", "GET", ("config",), "config")

ROUTES = (
    _route("list_namespaces", "GET", "namespaces"),
    _route("create_namespace", "POST", "namespaces"),
    _route("load_namespace_metadata", "GET", _NAMESPACE),
    _route("namespace_exists", "HEAD", _NAMESPACE),
    _route("drop_namespace", "DELETE", _NAMESPACE),
    _route("update_properties", "POST", f"{_NAMESPACE}/properties"),
    _route("list_tables", "GET", f"{_NAMESPACE}/tables"),
    _route("create_table", "POST", f"{_NAMESPACE}/tables"),
    _route("register_table", "POST", f"{_NAMESPACE}/register", "register"),
    _route("load_table", "GET", _TABLE),
    _route("table_exists", "HEAD", _TABLE),
    _route("update_table", "POST", _TABLE),
    _route("drop_table", "DELETE", _TABLE),
    _route("unregister_table", "POST", f"{_TABLE}/unregister", "register"),
    _route("load_credentials", "GET", f"{_TABLE}/credentials", "credentials"),
    _route("report_metrics", "POST", f"{_TABLE}/metrics", "metrics", reads=True),
    _route("rename_table", "POST", "tables/rename", "rename"),
    _route("commit_transaction", "POST", "transactions/commit", "multi_table"),
    _route("list_views", "GET", f"{_NAMESPACE}/views", "views"),
    _route("create_view", "POST", f"{_NAMESPACE}/views", "views"),
    _route("load_view", "GET", _VIEW, "views"),
    _route("view_exists", "HEAD", _VIEW, "views"),
    _route("replace_view", "POST", _VIEW, "views"),
    _route("drop_view", "DELETE", _VIEW, "views"),
    _route("rename_view", "POST", "views/rename", "views"),
    _route("register_view", "POST", f"{_NAMESPACE}/register-view", "views"),
    # Known, and offered by no profile: each is refused in words.
    _route("list_functions", "GET", f"{_NAMESPACE}/functions", "functions"),
    _route("load_function", "GET", f"{_NAMESPACE}/functions/{{function}}", "functions"),
    _route("plan_table_scan", "POST", f"{_TABLE}/plan", "scan_planning", reads=True),
    _route("fetch_planning_result", "GET", f"{_TABLE}/plan/{{plan-id}}", "scan_planning"),
    _route("cancel_planning", "DELETE", f"{_TABLE}/plan/{{plan-id}}", "scan_planning", reads=True),
    _route("fetch_scan_tasks", "POST", f"{_TABLE}/tasks", "scan_planning", reads=True),
    _route("sign_request", "POST", f"{_TABLE}/sign", "remote_signing", reads=True),
)


def endpoints_of(profile: Profile) -> list[str]:
    """The operations a client may count on, as `/v1/config` lists them."""
    return [
        f"{route.method} /v1/{{prefix}}/{route.shown}" for route in ROUTES if profile.offers(route.ability)
    ]


def find_route(method: str, segments: Sequence[str], profile: Profile) -> tuple[Route, tuple[str, ...]]:
    """The operation a request asks for, with the names out of its path.

    Raises:
        NoSuchRouteError: There is no such path, or not for this method.
        RestError: The profile does not offer the operation.
    """
    if tuple(segments) == ("v1", "config") and method == "GET":
        return _CONFIG, ()
    below = _below_prefix(segments, profile)
    for route in ROUTES:
        if route.method == method and len(route.path) == len(below):
            pairs = list(zip(route.path, below, strict=True))
            if all(wanted in {_ANY, given} for wanted, given in pairs):
                if not profile.offers(route.ability):
                    raise _refused(route, below, profile)
                return route, tuple(given for wanted, given in pairs if wanted == _ANY)
    raise NoSuchRouteError(f"No route for request: {method} /{'/'.join(segments)}")


def _refused(route: Route, below: Sequence[str], profile: Profile) -> RestError:
    # Clients look for a view before they look for a table: that there is none is no fault.
    if route.name in {"load_view", "view_exists"}:
        return NoSuchViewError(f"View does not exist: {'.'.join((*namespace_of(below[1]), below[3]))}")
    return profile.refusal(route.ability)


def _below_prefix(segments: Sequence[str], profile: Profile) -> tuple[str, ...]:
    prefix = ("v1", *filter(None, profile.prefix.split("/")))
    if tuple(segments[: len(prefix)]) != prefix:
        raise NoSuchRouteError(f"No route for request: /{'/'.join(segments)}")
    return tuple(segments[len(prefix) :])
