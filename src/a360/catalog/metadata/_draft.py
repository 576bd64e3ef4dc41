"""A table's metadata while updates are applied to it."""

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._document import Document

LAST_ADDED = -1


class Draft(Document):
    """A table's metadata, with what the updates of one commit must remember of each other."""

    def __init__(self, base: Json) -> None:
        super().__init__(base)
        self.added_snapshots: dict[int, Json] = {}
        self.current_set_to: list[int] = []
        self.removed_snapshots = False
        self.timestamp_ms: int | None = None
        self._last_added: dict[str, int] = {}

    @property
    def version(self) -> int:
        """The format version."""
        return int(self.document["format-version"])

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
