"""A message to FHIR: its segments walked in order, each making what its routes say."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from a360.hl7v2._convey import moment_of
from a360.hl7v2._dosage import dose
from a360.hl7v2._events import VISITS_MOVED, deleted, finish, merge_group
from a360.hl7v2._identity import identified, key_of, numbered
from a360.hl7v2._mentioned import mentioned
from a360.hl7v2._message import NULL, Message, Note, Reject, Segment, part
from a360.hl7v2._order import check, in_order
from a360.hl7v2._primitives import zone_of
from a360.hl7v2._routes import Link, Ref, Route, routes_for
from a360.hl7v2._store import Made, Options, Resource, Store
from a360.hl7v2._valid import complete
from a360.hl7v2._view import View

# Segments that say more of the segment before them: they belong to the last one that is not among these.
_FOLLOWERS = frozenset(
    [
        "NTE",
        "PRT",
        "ROL",
        "TQ1",
        "ARV",
        "SFT",
        "UAC",
        "CTD",
        "RXR",
        "RXC",
        "CDO",
        "BLG",
        "CTI",
        "PD1",
        "PV2",
        "IN2",
        "IN3",
        "SAC",
        "FAC",
        "DSP",
    ]
)
_ORDERED = frozenset(("OBR", "RXO", "RXE", "RXD", "RXA", "RXG", "RQD", "ODS"))
# Details of an order, which a timing before them is meant for.
_TIMED = frozenset(("OBR", "RXO", "RXE", "RXD", "RXA"))
# What a new group leaves behind: segments that are no longer near, and roles that are no longer held.
_NEAR = {
    "PID": frozenset(
        ("PD1", "PV1", "PV2", "ORC", "OBR", "OBX", "RXO", "RXE", "RXA", "RXD", "SPM", "TXA", "MRG")
    ),
    "ORC": frozenset(("OBR", "OBX", "RXO", "RXE", "RXA", "RXD", "SPM", "TQ1")),
    "OBR": frozenset(("OBX", "SPM")),
}
_HELD = {
    "ORC": frozenset(
        (
            "order",
            "report",
            "specimen",
            "observation",
            "request",
            "encoded",
            "dispense",
            "immunization",
            "product",
        )
    ),
    "OBR": frozenset(("report", "specimen", "observation")),
}
# What is the message's own, and not that of one patient in it.
_OVERALL = frozenset(
    ("header", "source", "receiver", "software", "message", "event", "appointment", "referral", "provider")
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a message became: resources, or the rules it breaks; and what is worth knowing.

    `mentioned` has the references of those resources that the message is not the source of, as the patient of
    a result: they should not put away what the source said. `deleted` has those that it says are gone.

    A resource and its `meta` are the caller's; what lies deeper may be shared with other conversions, and is
    for reading only.
    """

    resources: tuple[Resource, ...]
    notes: tuple[Note, ...] = ()
    rejects: tuple[Reject, ...] = ()
    mentioned: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()


def convert(message: Message, options: Options | None = None) -> Conversion:
    """The FHIR resources of a message, or why there are none."""
    found = check(message)
    if found:
        return Conversion((), message.notes, found)
    options = options or Options()
    zone = zone_of(message.header.raw(7)) or options.zone
    store = Store(options, zone, _scope(message.header))
    segments, mended = in_order(message.segments)
    walk = _Walk(message, store)
    for index, segment in enumerate(segments):
        walk.take(segment, segments, index)
    merge_group(message, store, walk.roles)
    finish(message, store)
    # With several patients in a message it is not for us to say whose a thing is.
    alone = sum(1 for _ in message.all("PID")) == 1
    complete(store, walk.roles.get("patient") if alone else None)
    _stamp(message, store)
    notes = (*message.notes, *mended, *_nulls(segments), *store.notes)
    return Conversion(
        tuple(store.resources.values()),
        notes,
        mentioned=mentioned(message, store.resources),
        deleted=deleted(message, store),
    )


class _Walk:
    """Where the walk over a message stands: what is near, and who holds which role."""

    def __init__(self, message: Message, store: Store) -> None:
        self.roles: dict[str, str] = {}
        self._routes = routes_for(message.code, message.event)
        self._moves_visits = f"{message.code}^{message.event}" in VISITS_MOVED
        self._specimens_first = message.code == "OUL"
        self._message = message
        self._store = store
        self._near: dict[str, View] = {}
        self._anchor = ""
        self._under = ""
        self._awaited: Segment | None = None
        self._keys: dict[tuple[str, str], int] = {}
        self._numbers: dict[tuple[str, str, str], str] = {}

    def take(self, segment: Segment, segments: tuple[Segment, ...], index: int) -> None:
        """Make what a segment makes."""
        name = segment.name
        self._start(name, segment, segments, index)
        view = self._near[name] = View(segment, self._near)
        found = self._routes.get(name)
        if found:
            self._store.place = (name, 0)
            for route in found:
                if self._fits(route, view):
                    self._make(route, view)
        if name in _TIMED:
            self._near.pop("TQ1", None)
        if name not in _FOLLOWERS:
            self._anchor = name
            if name != "OBX":
                self._under = name

    def _start(self, name: str, segment: Segment, segments: tuple[Segment, ...], index: int) -> None:
        """Leave the group before behind, where a segment starts another."""
        if name == "MRG" and "encounter" in self.roles and self._moves_visits:
            merge_group(self._message, self._store, self.roles)
            del self.roles["encounter"]
            self.roles.pop("old-encounter", None)
        # Where specimens come first, an ORC says more of the OBR before it.
        if name not in _NEAR or (name == "ORC" and self._specimens_first):
            return
        if name == "PID":
            merge_group(self._message, self._store, self.roles)
            self.roles = {role: held for role, held in self.roles.items() if role in _OVERALL}
        for old in _NEAR[name]:
            self._near.pop(old, None)
        for role in _HELD.get(name, ()):
            self.roles.pop(role, None)
        if name == "OBR" and segment is not self._awaited:
            self.roles.pop("order", None)
        if name == "ORC":
            # What an order is about stands after it, and is near all the same.
            self._awaited = _coming(segments, index)
            if self._awaited is not None:
                self._near[self._awaited.name] = View(self._awaited, self._near)

    def _fits(self, route: Route, view: View) -> bool:
        if route.after and self._anchor not in route.after:
            return False
        if (route.under and self._under not in route.under) or self._under in route.not_under:
            return False
        if route.before and (self._awaited.name if self._awaited else "-") not in route.before:
            return False
        if route.held and route.role not in self.roles:
            return False
        return route.holds is None or route.holds(view)

    def _make(self, route: Route, view: View) -> None:
        made = route.build(view, self._store)
        if made is None:
            return
        if isinstance(made, Made):
            self.roles[route.role] = str(made)
            made = {}
        held = self.roles.get(route.role)
        if held and not route.fresh and held.startswith(f"{route.kind}/"):
            if made:
                if "dosageInstruction" in made:
                    dose(self._store.get(held), made)
                self._store.merge(held, made)
        elif made:
            self.roles[route.role] = str(self._store.add(route.kind, made, self._new(route, view, made)))
        for link in route.links:
            self._link(link)
        for element_name, role in route.gives:
            held = self._store.get(self.roles[route.role]).get(element_name)
            if held:
                self.roles[role] = held["reference"]

    def _new(self, route: Route, view: View, made: Resource) -> str:
        """The key of a new resource; of several a message gives the same key, the later ones are counted."""
        key = self._key(route, view)
        if not key:
            return f"{self.roles.get('patient', '')}\0{key_of(route.kind, made, self._store)}"
        times = self._keys[route.role, key] = self._keys.get((route.role, key), 0) + 1
        return f"{key}\0{times}" if route.fresh and times > 1 else key

    def _key(self, route: Route, view: View) -> str:
        """The first of a route's keys whose fields are all there."""
        for choice in route.key:
            texts = []
            for ref in choice.refs:
                text = self._text(ref, view)
                if not text:
                    break
                texts.append(text)
            else:
                return "\0".join(texts if choice.named else (self._store.scope, *texts))
        return ""

    def _text(self, ref: Ref, view: View) -> str:
        """What a part of a key stands for: a role's resource, an identifier with who gave it, or a value."""
        form, name, field, component = ref
        if form == "@":
            return self.roles.get(name, "")
        if form == "'":
            return name
        there = view if view.name == name else self._near.get(name)
        if there is None:
            return ""
        text = there.fields[field]
        if not text:
            return ""
        if form:
            return self._number(form, text)
        text = text.partition("~")[0]
        text = part(text, "^", component) if component else text.rstrip("^")
        return "" if text == NULL else text.rstrip("&").strip()

    def _number(self, form: str, text: str) -> str:
        """What an identifier stands for; each is worked out once a message."""
        owner = "" if form == "#" else self.roles.get("patient") or self._store.scope
        found = self._numbers.get((form, owner, text))
        if found is None:
            if form == "#":
                found = identified(text.split("~"), self._store.scope, self._store)
            else:
                found = numbered(text, owner, self._store)
            self._numbers[form, owner, text] = found
        return found

    def _link(self, link: Link) -> None:
        owner, target = self.roles.get(link.owner), self.roles.get(link.target)
        if owner and target and owner != target:
            self._point(owner, link, target)

    def _point(self, owner: str, link: Link, target: str) -> None:
        """Put a reference where a link says, unless it is there already."""
        resource = self._store.get(owner)
        if not any(link.many):
            point(resource, link.path, link.many, target)
            return
        pointed = self._store.pointed.get((owner, link.path))
        if pointed is None:
            pointed = self._store.pointed[owner, link.path] = set(_targets(resource, link.path))
        if target not in pointed:
            pointed.add(target)
            if len(link.path) == 1:
                self._store.merge(owner, {link.path[0]: [{"reference": target}]})
            else:
                point(resource, link.path, link.many, target)


def _targets(value: Any, path: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - any element
    """The references that stand at a path."""
    if isinstance(value, list):
        for item in value:
            yield from _targets(item, path)
    elif isinstance(value, dict):
        if path:
            yield from _targets(value.get(path[0]), path[1:])
        elif "reference" in value:
            yield value["reference"]


def point(resource: Resource, path: tuple[str, ...], many: tuple[bool, ...], target: str) -> None:
    """Put a reference at a path, beside those that are there; an item that still lacks one gets it."""
    name, rest = path[0], path[1:]
    value = {"reference": target}
    if not rest:
        if many[0]:
            resource[name] = [*resource.get(name, ()), value]
        else:
            resource.setdefault(name, value)
        return
    # Parts may be shared with other resources: what is changed is copied first.
    if many[0]:
        items = list(resource.get(name, ()))
        last = dict(items.pop()) if items and rest[-1] not in items[-1] else {}
        items.append(last)
        resource[name] = items
    else:
        last = resource[name] = dict(resource.get(name, ()))
    point(last, rest, many[1:], target)


def _coming(segments: tuple[Segment, ...], index: int) -> Segment | None:
    """The detail segment an order is about."""
    for segment in segments[index + 1 :]:
        if segment.name in _ORDERED:
            return segment
        if segment.name == "ORC":
            break
    return None


def _scope(header: Segment) -> str:
    """Who sent it: local identifiers are the sender's own."""
    return "\0".join(part for part in (header.raw(4), "" if header.raw(4) else header.raw(3)) if part)


def _stamp(message: Message, store: Store) -> None:
    """Say of each resource when it was sent, so that of two views the later one wins."""
    sent = moment_of(message.header.raw(7), store.zone)
    if sent is None:
        event = message.first("EVN")
        sent = moment_of(event.raw(2), store.zone) if event else None
    if sent is None:
        return
    for resource in store.resources.values():
        if "meta" in resource:
            resource["meta"] = {**resource["meta"], "lastUpdated": sent}
        else:
            resource["meta"] = {"lastUpdated": sent}


def _nulls(segments: tuple[Segment, ...]) -> list[Note]:
    """Where the sender asked that a value be deleted: the resource comes without it."""
    return [
        Note("null", segment.name, number)
        for segment in segments
        if '""' in segment.fields
        for number, raw in enumerate(segment.fields)
        if raw == '""'
    ]
