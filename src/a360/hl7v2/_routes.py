"""Which segments make which resources: our table of routes, read once.

    SEGMENT [in KINDS] [after NAMES] [under NAMES] [before NAMES] [IF ...] -> Type:role Map [key=...] [links]

`in` names messages (`ADT`, `ADT^A40`), or with `!` those not meant; `after` the nearest segment before it
that is not a follower; `under` the nearest that is no observation either, or with `!` what it must not be;
`before` the detail of an order. A role holds the resource others refer to: `role+` makes a new one each time,
`role?` only says more of one that is there. `key=F+F|F` names the fields that make the resource the same one
when it is sent again: `F#` is an identifier with its authority (CX), `F!` a number with its namespace (EI),
`@role` a resource, and what begins with a quote a word. A link `path=role` puts a reference to the role's
resource at the path, `role.path=this` one to this resource into another, and `path>role` gives a role to what
is referred to. A route with the map `-` only links, `role.path=role`.
"""

import re
from dataclasses import dataclass
from functools import cache

from a360.hl7v2._compile import Build, segment_map
from a360.hl7v2._conditions import Condition, compile_condition
from a360.hl7v2._levels import FIELDS, View
from a360.hl7v2._mappings import ours

_HEAD = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\s+in\s+(?P<kinds>\S+))?(?:\s+after\s+(?P<after>\S+))?"
    r"(?:\s+under\s+(?P<under>\S+))?"
    r"(?:\s+before\s+(?P<before>\S+))?(?:\s+(?P<condition>IF .+))?\Z"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A reference from one role's resource to another's."""

    owner: str
    path: tuple[str, ...]
    target: str


@dataclass(frozen=True, slots=True)
class Route:
    """What a segment makes, where it stands as the route says."""

    segment: str
    kinds: frozenset[str]
    not_kinds: frozenset[str]
    after: frozenset[str]
    under: frozenset[str]
    not_under: frozenset[str]
    before: frozenset[str]
    holds: Condition[View] | None
    kind: str
    role: str
    fresh: bool
    held: bool
    map_name: str
    build: Build
    key: tuple[tuple[str, ...], ...]
    links: tuple[Link, ...]
    gives: tuple[tuple[str, str], ...]


@cache
def routes() -> dict[str, tuple[Route, ...]]:
    """The routes of each segment, in the order of the table."""
    found: dict[str, list[Route]] = {}
    for line in ours("routes"):
        if line.startswith("["):
            continue
        route = _route(line)
        found.setdefault(route.segment, []).append(route)
    return {name: tuple(made) for name, made in found.items()}


def _route(line: str) -> Route:
    head, _, body = line.partition(" -> ")
    match = _HEAD.match(head.strip())
    if match is None:
        raise ValueError(f"not a route: {line}")
    target, name, *rest = body.split()
    kind, _, role = target.partition(":")
    fresh, held = role.endswith("+"), role.endswith("?")
    role = role.rstrip("+?")
    kinds = match["kinds"] or ""
    condition, under = match["condition"], match["under"] or ""
    keys = [item.removeprefix("key=") for item in rest if item.startswith("key=")]
    return Route(
        segment=match["segment"],
        kinds=_set(match["kinds"]) if not kinds.startswith("!") else frozenset(),
        not_kinds=_set(kinds[1:]) if kinds.startswith("!") else frozenset(),
        after=_set(match["after"]),
        under=_set(under) if not under.startswith("!") else frozenset(),
        not_under=_set(under[1:]) if under.startswith("!") else frozenset(),
        before=_set(match["before"]),
        holds=compile_condition(condition, FIELDS.resolver(""), match["segment"]) if condition else None,
        kind=kind,
        role=role,
        fresh=fresh,
        held=held,
        map_name=name,
        build=segment_map(name) if name != "-" else _nothing,
        key=tuple(tuple(choice.split("+")) for key in keys for choice in key.split("|")),
        links=tuple(
            _link(item, role, named=name == "-")
            for item in rest
            if "=" in item and not item.startswith("key=")
        ),
        gives=tuple((left, right) for left, _, right in (item.partition(">") for item in rest) if right),
    )


def _link(text: str, role: str, *, named: bool) -> Link:
    left, _, right = text.partition("=")
    if named:
        owner, _, path = left.partition(".")
        return Link(owner, tuple(path.split(".")), right)
    if right == "this":
        owner, _, path = left.partition(".")
        return Link(owner, tuple(path.split(".")), role)
    return Link(role, tuple(left.split(".")), right)


def _nothing(x: object, rep: int | None, store: object) -> dict[str, object]:  # noqa: ARG001 - as all maps
    return {}


def _set(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()
