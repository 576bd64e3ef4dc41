"""The resources a message has given so far, by type and id; and what conversions are told and tell."""

import json
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any
from urllib.parse import quote

from a360.hl7v2._message import Note

type Resource = dict[str, Any]

_NAMESPACE = b"a360.hl7v2\0"


@dataclass(frozen=True, slots=True)
class Options:
    """What a site decides about its conversions.

    `authority` is the URI under which systems are named that the sender gave only a local name; `zone` the
    offset of times sent without one, where the message header has none either.
    """

    authority: str = "urn:a360:hl7v2"
    zone: str = "+00:00"


class Made(str):
    """A reference to a resource that is in the store already."""

    __slots__ = ()


@dataclass(slots=True)
class Store:
    """What has been made of one message."""

    options: Options
    zone: str
    scope: str = ""
    resources: dict[tuple[str, str], Resource] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    place: tuple[str, int] = ("", 0)

    def add(self, resource: Resource, key: str) -> Made:
        """Keep a resource under the id its key gives; a second of the same id is merged into the first."""
        kind = resource["resourceType"]
        made = make_id(kind, key)
        return self.put(kind, made, resource)

    def put(self, kind: str, made: str, resource: Resource) -> Made:
        """Keep a resource under an id."""
        found = self.resources.get((kind, made))
        if found is None:
            self.resources[kind, made] = {"resourceType": kind, "id": made, **resource}
        elif found is not resource:
            merge(found, resource)
        return Made(f"{kind}/{made}")

    def get(self, reference: str) -> Resource:
        """The resource a reference names."""
        kind, _, made = reference.partition("/")
        return self.resources[kind, made]

    def note(self, rule: str, detail: str = "") -> None:
        """Say what was left out or mended at the place being read."""
        self.notes.append(Note(rule, self.place[0], self.place[1], detail))

    def local(self, kind: str, name: str) -> str:
        """The URI of a system that has a local name only."""
        slash = "/" if "//" in self.options.authority else ":"
        local = quote(name.strip().replace(" ", "-"), safe=".-_/")
        return f"{self.options.authority}{slash}{kind}{slash}{local}"


def make_id(kind: str, key: str) -> str:
    """The id of what a key names: the same for the same key in every message, and telling nothing of it."""
    digest = sha1(_NAMESPACE + f"{kind}\0{key}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def content_key(resource: Resource) -> str:
    """A key of what a resource says, for one that bears no identifier."""
    return json.dumps(resource, sort_keys=True, separators=(",", ":"))


def merge(into: Resource, more: Resource) -> None:
    """Add what another view of the same resource says: the first word on a single value stands."""
    for name, value in more.items():
        held = into.get(name)
        if held is None:
            into[name] = value
        elif isinstance(held, dict) and isinstance(value, dict):
            merge(held, value)
        elif isinstance(held, list) and isinstance(value, list):
            held += [item for item in value if item not in held]
