"""The resources a message has given so far, by type and id; and what conversions are told and tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha1
from typing import Any
from urllib.parse import quote

import msgspec

from a360.hl7v2._memory import Known, Memory, memory_of
from a360.hl7v2._message import Note

type Resource = dict[str, Any]

_SORTED = msgspec.json.Encoder(order="sorted")
_LONGEST_NAME = 200
_LONG = 32


@dataclass(frozen=True, slots=True)
class Options:
    """What a site decides about its conversions.

    `authority` is the URI under which systems are named that the sender gave only a local name; `zone` the
    offset of times sent without one, where the message header has none either. `systems` says which URI a
    sender's name (or universal id) of an assigning authority or a code system stands for, so that identifiers
    of messages are those of other feeds: a mapping, or its pairs.
    """

    authority: str = "urn:a360:hl7v2"
    zone: str = "+00:00"
    systems: tuple[tuple[str, str], ...] | Mapping[str, str] = ()

    def __post_init__(self) -> None:
        """Keep pairs, as options are compared."""
        pairs = self.systems.items() if isinstance(self.systems, Mapping) else self.systems
        object.__setattr__(self, "systems", tuple(sorted(pairs)))


class Made(str):
    """A reference to a resource that is in the store already."""

    __slots__ = ()


class Store:
    """What has been made of one message."""

    __slots__ = (
        "_journal",
        "_long",
        "memory",
        "notes",
        "options",
        "place",
        "pointed",
        "resources",
        "scope",
        "systems",
        "zone",
    )

    def __init__(self, options: Options, zone: str, scope: str = "") -> None:
        self.options = options
        self.zone = zone
        self.scope = scope
        self.systems = dict(options.systems)
        # By reference, as `Patient/id`.
        self.resources: dict[str, Resource] = {}
        self.notes: list[Note] = []
        self.place: tuple[str, int] = ("", 0)
        # What was made of values before depends on them and on these alone.
        self.memory: Memory = memory_of((options, zone, scope))
        self._journal: list[tuple[str, Resource]] | None = None
        # What links put where already, by owner and path.
        self.pointed: dict[tuple[str, tuple[str, ...]], set[str]] = {}
        # Long lists of this message's own, with the keys of their items.
        self._long: dict[tuple[str, str], tuple[list[Any], set[bytes]]] = {}

    def add(self, kind: str, resource: Resource, key: str) -> Made:
        """Keep what is said of a resource under the id its key gives; more of the same id is merged in."""
        made = make_id(kind, key)
        reference = Made(f"{kind}/{made}")
        resource = {"resourceType": kind, "id": made, **resource}
        if self._journal is not None:
            self._journal.append((reference, resource))
            resource = dict(resource)
        found = self.resources.get(reference)
        if found is None:
            self.resources[reference] = resource
        else:
            self.merge(reference, resource)
        return reference

    def learn(self, key: Any, convert: Callable[..., Any], parts: list[str], text: str) -> Any:  # noqa: ANN401
        """What a converter makes of a value, with the resources and notes it leaves, remembered."""
        if self._journal is not None:
            return convert(parts, self)
        journal = self._journal = []
        notes = len(self.notes)
        made = convert(parts, self)
        self._journal = None
        said = tuple((note.rule, note.detail) for note in self.notes[notes:])
        self.memory.put(key, (made, tuple(journal), said), text)
        return made

    def recall(self, known: Known) -> Any:  # noqa: ANN401 - any element
        """What was made of a value before, made again."""
        made, journal, said = known
        for reference, resource in journal:
            found = self.resources.get(reference)
            if found is None:
                self.resources[reference] = dict(resource)
            else:
                self.merge(reference, resource)
        for rule, detail in said:
            self.note(rule, detail)
        return made

    def get(self, reference: str) -> Resource:
        """The resource a reference names."""
        return self.resources[reference]

    def merge(self, reference: str, more: Resource) -> None:
        """Add what another view says of a resource that is kept."""
        resource = self.resources[reference]
        for name, value in more.items():
            held = resource.get(name)
            if type(held) is list and type(value) is list and len(held) > _LONG:
                self._lengthen(reference, name, value)
            elif held is None:
                resource[name] = value
            else:
                merge(resource, {name: value})

    def _lengthen(self, reference: str, name: str, more: list[Any]) -> None:
        """Add items to a long list without going through it for each."""
        resource = self.resources[reference]
        own, keys = self._long.get((reference, name), ([], set()))
        if resource[name] is not own:
            own = resource[name] = list(resource[name])
            keys = {_SORTED.encode(item) for item in own}
            self._long[reference, name] = own, keys
        for item in more:
            key = _SORTED.encode(item)
            if key not in keys:
                keys.add(key)
                own.append(item)

    def note(self, rule: str, detail: str = "") -> None:
        """Say what was left out or mended at the place being read."""
        self.notes.append(Note(rule, self.place[0], self.place[1], detail))

    def local(self, kind: str, name: str) -> str:
        """The URI of a system that has a local name only."""
        make = _local if len(name) <= _LONGEST_NAME else _local.__wrapped__
        return make(self.options.authority, kind, name)


@lru_cache(4096)
def _local(authority: str, kind: str, name: str) -> str:
    slash = "/" if "//" in authority else ":"
    local = quote(name.strip().replace(" ", "-"), safe=".-_/")
    return f"{authority}{slash}{kind}{slash}{local}"


def make_id(kind: str, key: str) -> str:
    """The id of what a key names: the same for the same key in every message, and telling nothing of it."""
    digest = sha1(f"a360.hl7v2\0{kind}\0{key}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def content_key(resource: Resource) -> str:
    """A key of what a resource says, for one that bears no identifier."""
    return _SORTED.encode(resource).decode()


def merge(into: Resource, more: Resource) -> None:
    """Add what another view of the same resource says: the first word on a single value stands.

    Parts may be shared with other resources, so that they are never changed, but replaced.
    """
    for name, value in more.items():
        held = into.get(name)
        if held is None:
            into[name] = value
        elif held is value or held == value:
            continue
        elif type(held) is dict and type(value) is dict:
            part = dict(held)
            merge(part, value)
            into[name] = part
        elif type(held) is list and type(value) is list:
            into[name] = held + [item for item in value if item not in held]
