"""How references are followed: by id, by URL, by UUID, into the resource itself, and by identifier."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from silver_values import Json, first, qualified

UUID = "urn:uuid:"


@dataclass
class Index:
    """What the input holds, by id and by identifier."""

    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    identifiers: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, resources: Iterable[Json]) -> "Index":
        """The index of these resources."""
        index = cls()
        for resource in resources:
            kind = resource["resourceType"]
            index.ids[kind].add(resource["id"])
            identifiers = resource.get("identifier") or []
            for identifier in identifiers if isinstance(identifiers, list) else [identifiers]:
                name = qualified(identifier)
                if name is not None:
                    index.identifiers[kind, name].add(resource["id"])
        return index


@dataclass
class Follower:
    """Follows the references of one resource and counts those that lead nowhere."""

    index: Index
    resource: Json
    unresolved: int = 0

    def one(self, reference: Json | None, kind: str) -> str | None:
        """The id of the resource of this type which the reference means, if any."""
        text = self._text(reference or {}, kind)
        return None if text is None else self._follow(text, kind)

    def pick(self, references: Iterable[Json] | Json | None, kind: str, *, uuid: bool = True) -> str | None:
        """As `one`, for the first of several references of mixed types that may mean this type."""
        many = [references] if isinstance(references, dict) else references
        chosen = first(many, lambda reference: self._may_mean(reference, kind, uuid=uuid))
        text = self._text(chosen, kind)
        return None if text is None else self._follow(text, kind)

    def inside(self, references: Iterable[Json], kind: str) -> str | None:
        """The id of the resource whose identifier the first reference into this resource leads to."""
        pointer = first(references, lambda reference: reference.get("reference", "").startswith("#"))
        target = pointer.get("reference", "#")[1:]
        wanted = {"id": target, "resourceType": kind}
        contained = first(self.resource.get("contained"), lambda c: wanted.items() <= c.items())
        name = qualified(first(contained.get("identifier")))
        return None if name is None else self._follow(f"{kind}?identifier={name}", kind)

    @staticmethod
    def _may_mean(reference: Json, kind: str, *, uuid: bool) -> bool:
        text = reference.get("reference", "")
        named = f"{kind}/" in text or f"{kind}?" in text
        return reference.get("type") == kind or named or (uuid and text.startswith(UUID))

    @staticmethod
    def _text(reference: Json, kind: str) -> str | None:
        if "reference" in reference:
            return reference["reference"]
        name = qualified(reference.get("identifier", {}))
        return None if name is None else f"{kind}?identifier={name}"

    def _follow(self, text: str, kind: str) -> str | None:
        found, known = self._target(text, kind)
        if not known:
            self.unresolved += 1
        return found

    def _target(self, text: str, kind: str) -> tuple[str | None, bool]:
        """The id that the text gives, and whether the input holds such a resource."""
        if text.startswith("#"):
            inside = first(self.resource.get("contained"), lambda c: c.get("id") == text[1:])
            return None, bool(inside)
        if text.startswith(UUID):
            identity = text.removeprefix(UUID)
            return identity, identity in self.index.ids[kind]
        if "?identifier=" in text:
            named, _, name = text.partition("?identifier=")
            found = self.index.identifiers.get((named, name), set()) if named == kind else set()
            return (next(iter(found)), True) if len(found) == 1 else (None, False)
        parts = text.split("/_history/")[0].split("/")
        if parts[-2:-1] == [kind]:
            return parts[-1], parts[-1] in self.index.ids[kind]
        return None, False
