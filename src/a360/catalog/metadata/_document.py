"""A document of metadata while the updates of one commit are applied to it."""

from typing import Any

from a360.catalog._wire import Json


class Document:
    """A copy-on-write view of metadata.

    The base is shared with a cache and with other threads, so nothing in it is ever changed in place: every
    change puts a new value under a top-level key.
    """

    def __init__(self, base: Json) -> None:
        self.base = base
        self.document: Json = dict(base)

    @property
    def changed(self) -> bool:
        """Whether any update so far has had an effect."""
        return self.document != self.base

    def get(self, key: str) -> Any:  # noqa: ANN401 -- raw JSON
        """A top-level value, None where it is missing."""
        return self.document.get(key)

    def set(self, key: str, value: object) -> None:
        """Put a top-level value."""
        self.document[key] = value

    def items(self, key: str) -> list[Json]:
        """A top-level list, empty where it is missing."""
        return self.document.get(key) or []

    def append(self, key: str, item: Json) -> None:
        """Add to a top-level list."""
        self.document[key] = [*self.items(key), item]
