"""How references are followed: by id, by URL, by UUID, into the resource itself, and by identifier."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from silver_values import Json, first, qualified

UUID = "urn:uuid:"
SEARCH = "?identifier="


@dataclass
class Index:
    """Which resources have which identifier; what another resource contains is known only inside it."""

    found: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, resources: Iterable[Json], stand_for: Mapping[str, str] = MappingProxyType({})) -> "Index":
        """The index of these resources; patients that others stand for count as these."""
        index = cls()
        for resource in resources:
            identifiers = resource.get("identifier") or []
            for identifier in identifiers if isinstance(identifiers, list) else [identifiers]:
                name = qualified(identifier)
                if name is not None:
                    key = resource["id"]
                    found = stand_for.get(key, key) if resource["resourceType"] == "Patient" else key
                    index.found[resource["resourceType"], name].add(found)
        return index


@dataclass
class Follower:
    """Follows the references of one resource and counts those that give no key."""

    index: Index
    resource: Json
    unresolved: int = 0

    def one(self, reference: Json | None, kind: str) -> str | None:
        """The id of the resource of this type that the reference means, be it in the input or not."""
        text = self._text(reference or {}, kind)
        return None if text is None else self._follow(text, kind)

    def pick(self, references: Iterable[Json] | Json | None, kind: str, *, uuid: bool = True) -> str | None:
        """As `one`, for the first of several references of mixed types that may mean this type."""
        many = [references] if isinstance(references, dict) else list(references or [])
        text = self._text(first(many, lambda reference: self._may_mean(reference, kind, uuid=uuid)), kind)
        return None if text is None else self._follow(text, kind)

    def pick_inside(self, references: Iterable[Json] | Json | None, kind: str) -> str | None:
        """As `pick`, else the first reference into the resource where it contains one of the type."""
        many = [references] if isinstance(references, dict) else list(references or [])
        if any(self._may_mean(reference, kind, uuid=True) for reference in many):
            return self.pick(many, kind)
        if not any(inner.get("resourceType") == kind for inner in self.resource.get("contained", [])):
            return None
        return self.one(first(many, lambda reference: reference.get("reference", "").startswith("#")), kind)

    @staticmethod
    def _may_mean(reference: Json, kind: str, *, uuid: bool) -> bool:
        """Whether a reference may mean a resource of this type."""
        text = reference.get("reference", "")
        named = f"{kind}/" in text or f"{kind}?" in text
        return reference.get("type") == kind or named or (uuid and text.startswith(UUID))

    @staticmethod
    def _text(reference: Json, kind: str) -> str | None:
        """The reference as text; a logical one as a search by identifier."""
        if "reference" in reference:
            return reference["reference"]
        name = qualified(reference.get("identifier", {}))
        return None if name is None else f"{kind}{SEARCH}{name}"

    def _follow(self, text: str, kind: str) -> str | None:
        """The key a text gives, counted where it gives none."""
        key = self._key(text, kind)
        if key is None:
            self.unresolved += 1
        return key

    def _key(self, text: str, kind: str) -> str | None:
        """The id that a text names, if it can be one of this type."""
        if text.startswith("#"):
            return f"{self.resource['resourceType']}/{self.resource['id']}{text}"
        if text.startswith(UUID):
            return text.removeprefix(UUID)
        if SEARCH in text:
            named, _, name = text.partition(SEARCH)
            found = self.index.found.get((named, name), set()) if named == kind else set()
            return next(iter(found)) if len(found) == 1 else None
        parts = text.partition("/_history/")[0].split("/")
        return parts[-1] if parts[-2:-1] == [kind] else None
