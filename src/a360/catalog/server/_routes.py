"""The specification's paths: which request means which operation."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.catalog._errors import NoSuchRouteError
from a360.catalog.server._profile import Profile

_ANY = "{}"


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: its name, method and path below the prefix, and what it needs of the profile."""

    name: str
    method: str
    path: tuple[str, ...]
    shown: str = ""
    commits: bool = False
    ability: str = ""


def _route(name: str, method: str, shown: str, *, commits: bool = False, ability: str = "") -> Route:
    path = tuple(_ANY if part.startswith("{") else part for part in shown.split("/"))
    return Route(name, method, path, shown, commits, ability)


_NAMESPACE = "namespaces/{namespace}"
_TABLE = "namespaces/{namespace}/tables/{table}"

_ROUTES = (
    _route("list_namespaces", "GET", "namespaces"),
    _route("create_namespace", "POST", "namespaces"),
    _route("load_namespace", "GET", _NAMESPACE),
    _route("namespace_exists", "HEAD", _NAMESPACE),
    _route("drop_namespace", "DELETE", _NAMESPACE),
    _route("update_namespace", "POST", f"{_NAMESPACE}/properties"),
    _route("list_tables", "GET", f"{_NAMESPACE}/tables"),
    _route("create_table", "POST", f"{_NAMESPACE}/tables", commits=True),
    _route("register_table", "POST", f"{_NAMESPACE}/register", commits=True, ability="register"),
    _route("load_table", "GET", _TABLE),
    _route("table_exists", "HEAD", _TABLE),
    _route("commit_table", "POST", _TABLE, commits=True),
    _route("drop_table", "DELETE", _TABLE),
    _route("load_credentials", "GET", f"{_TABLE}/credentials"),
    _route("report_metrics", "POST", f"{_TABLE}/metrics"),
    _route("rename_table", "POST", "tables/rename", ability="rename"),
    _route("commit_transaction", "POST", "transactions/commit", commits=True, ability="multi_table"),
)

_VIEWS = Route("views", "", ())


def endpoints_of(profile: Profile) -> list[str]:
    """The operations a client may count on, as `/v1/config` lists them."""
    offered = (route for route in _ROUTES if not route.ability or getattr(profile, route.ability))
    return [f"{route.method} /v1/{{prefix}}/{route.shown}" for route in offered]


def find_route(method: str, segments: Sequence[str], profile: Profile) -> tuple[Route, tuple[str, ...]]:
    """The operation a request asks for, with the names out of its path.

    Operations that the profile lacks are found too: their handlers say why they are refused.

    Raises:
        NoSuchRouteError: There is no such path, or not for this method.
    """
    if tuple(segments) == ("v1", "config") and method == "GET":
        return Route("config", "GET", ()), ()
    below = _below_prefix(segments, profile)
    if below[:1] == ("namespaces",) and below[2:3] in {("views",), ("register-view",)}:
        return _VIEWS, (below[1], *below[3:])
    for route in _ROUTES:
        if route.method == method and len(route.path) == len(below):
            pairs = list(zip(route.path, below, strict=True))
            if all(wanted in {_ANY, given} for wanted, given in pairs):
                return route, tuple(given for wanted, given in pairs if wanted == _ANY)
    raise NoSuchRouteError(f"No route for request: {method} /{'/'.join(segments)}")


def _below_prefix(segments: Sequence[str], profile: Profile) -> tuple[str, ...]:
    prefix = ("v1", *filter(None, profile.prefix.split("/")))
    if tuple(segments[: len(prefix)]) != prefix:
        raise NoSuchRouteError(f"No route for request: /{'/'.join(segments)}")
    return tuple(segments[len(prefix) :])
