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
from functools import cache, cached_property, lru_cache
from typing import NamedTuple

from a360.hl7v2._compile import Build, condition_of, segment_map
from a360.hl7v2._conditions import Condition
from a360.hl7v2._mappings import ours
from a360.hl7v2._targets import element

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
    # Of each step of the path, whether R4 lets the element repeat.
    many: tuple[bool, ...]


class Ref(NamedTuple):
    """A part of a key: its form (`@`, `'`, `#`, `!` or none), the role, word or segment, and the field."""

    form: str
    name: str
    field: int = 0
    component: int = 0


class Key(NamedTuple):
    """Fields that make a resource the same one; `named` if they say whose numbers they are."""

    refs: tuple[Ref, ...]
    named: bool


@dataclass(frozen=True)
class Route:
    """What a segment makes, where it stands as the route says."""

    segment: str
    kinds: frozenset[str]
    not_kinds: frozenset[str]
    after: frozenset[str]
    under: frozenset[str]
    not_under: frozenset[str]
    before: frozenset[str]
    condition: str
    kind: str
    role: str
    fresh: bool
    held: bool
    map_name: str
    key: tuple[Key, ...]
    links: tuple[Link, ...]
    gives: tuple[tuple[str, str], ...]

    @cached_property
    def holds(self) -> Condition | None:
        """The function that says whether the route's condition holds of a segment."""
        return condition_of(self.condition, self.segment) if self.condition else None

    @cached_property
    def build(self) -> Build:
        """The function that builds what the route's map makes; it is compiled when it is first asked for."""
        return segment_map(self.map_name) if self.map_name != "-" else _nothing


@lru_cache(256)
def routes_for(code: str, event: str) -> dict[str, tuple[Route, ...]]:
    """The routes of each segment in one kind of message."""
    kinds = {code, f"{code}^{event}"}
    found = {}
    for name, made in routes().items():
        fit = [route for route in made if route.kinds & kinds or not (route.kinds or route.not_kinds & kinds)]
        if fit:
            found[name] = tuple(fit)
    return found


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
        condition=condition or "",
        kind=kind,
        role=role,
        fresh=fresh,
        held=held,
        map_name=name,
        key=tuple(_key(choice.split("+")) for key in keys for choice in key.split("|")),
        links=tuple(
            _link(item, role, kind, named=name == "-")
            for item in rest
            if "=" in item and not item.startswith("key=")
        ),
        gives=tuple((left, right) for left, _, right in (item.partition(">") for item in rest) if right),
    )


def _key(texts: list[str]) -> Key:
    refs = tuple(_ref(text) for text in texts)
    return Key(refs, named=any(ref.form in {"@", "#", "!"} for ref in refs))


def _ref(text: str) -> Ref:
    if text[0] == "@":
        return Ref("@", text[1:])
    if text[0] == "'":
        return Ref("'", text)
    name, _, rest = text.partition("-")
    form = rest[-1] if rest[-1] in "#!" else ""
    field, _, component = rest.rstrip("#!").partition(".")
    return Ref(form, name, int(field), int(component or 0))


def _link(text: str, role: str, kind: str, *, named: bool) -> Link:
    left, _, right = text.partition("=")
    if named or right == "this":
        owner, _, path = left.partition(".")
        return _to(owner, path.split("."), role if right == "this" else right, "")
    return _to(role, left.split("."), right, kind)


def _to(owner: str, path: list[str], target: str, kind: str) -> Link:
    """A link, with what R4 says of the elements on its path; the owner's type is that of its routes."""
    many = []
    kind = kind or _role_kinds()[owner]
    for name in path:
        found = element(kind, name)
        if found is None:
            raise ValueError(f"no element {kind}.{name}")
        many.append(found.many)
        kind = found.kind
    return Link(owner, tuple(path), target, tuple(many))


@cache
def _role_kinds() -> dict[str, str]:
    """The type of the resource that holds a role."""
    targets = (line.partition(" -> ")[2].split()[0] for line in ours("routes") if not line.startswith("["))
    pairs = (target.partition(":") for target in targets)
    return {role.rstrip("+?"): kind for kind, _, role in pairs}


def _nothing(view: object, store: object) -> dict[str, object]:  # noqa: ARG001 - as all maps
    return {}


def _set(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()
