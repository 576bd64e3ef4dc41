"""Putting on record that somebody opened what lies sealed."""

from typing import Protocol


class Opened(Protocol):
    """Records an opening before it happens; where it raises, nothing is opened."""

    def __call__(self, dataset: str, column: str, *, patient_key: str | None = None) -> None:
        """Record that a value of a column is about to be opened, and of which patient it tells."""
        ...
