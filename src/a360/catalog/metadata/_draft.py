"""A table's metadata while updates are applied to it."""

from typing import Any

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json

LAST_ADDED = -1


class Draft:
    """A copy-on-write view of table metadata, with what updates of one commit must remember of each other.

    The base document is shared with a cache and with other threads, so nothing in it is ever changed in
    place:
    every change puts a new value under a top-level key.
    """

    def __init__(self, base: Json) -> None:
        self._base = base
        self.document: Json = dict(base)
        self.added_snapshots: dict[int, Json] = {}
        self.current_set_to: list[int] = []
        self.removed_snapshots = False
        self.timestamp_ms: int | None = None
        self._last_added: dict[str, int] = {}

    @property
    def changed(self) -> bool:
        """Whether any update so far has had an effect."""
        return self.document != self._base

    @property
    def version(self) -> int:
        """The format version."""
        return int(self.document["format-version"])

    def get(self, key: str) -> Any:  # noqa: ANN401 -- raw JSON
        """A top-level value, None where it is missing."""
        return self.document.get(key)

    def set(self, key: str, value: object) -> None:
        """Put a top-level value."""
        self.document[key] = value

    def items(self, key: str) -> list[Json]:
        """A top-level list, empty where it is missing."""
        return self.document.get(key) or []

    def schema(self) -> Json:
        """The current schema, or where none is current yet the one added last.

        Raises:
            ValidationError: There is no schema at all.
        """
        schemas = self.items("schemas")
        if not schemas:
            raise ValidationError("Invalid table metadata: no schema has been added")
        current = self.get("current-schema-id")
        return next((each for each in schemas if each["schema-id"] == current), schemas[-1])

    def append(self, key: str, item: Json) -> None:
        """Add to a top-level list."""
        self.document[key] = [*self.items(key), item]

    def keep(self, key: str, kept: list[Json]) -> None:
        """Replace a top-level list by those of its items that stay."""
        if len(kept) != len(self.items(key)):
            self.document[key] = kept

    def remember(self, kind: str, number: int) -> None:
        """Note what `-1` means from here on: the schema, spec or order last added by this commit."""
        self._last_added[kind] = number

    def resolve(self, kind: str, number: int) -> int:
        """The id that an update names, with `-1` standing for the one last added.

        Raises:
            ValidationError: `-1` was given and nothing had been added.
        """
        if number != LAST_ADDED:
            return number
        if kind not in self._last_added:
            raise ValidationError(f"Cannot set last added {kind}: no {kind} has been added")
        return self._last_added[kind]
