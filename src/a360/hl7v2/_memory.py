"""What was made of values before, so that the same staff, places and codes are not worked out each time.

A value's conversion depends on its text, on the options and on who sent it; patients' own values come once or
a few times, those of a clinic in every message. What is remembered is bounded, in number and in length of
text.
"""

from functools import lru_cache
from typing import Any

# What a converter made, the resources it kept by reference, and its notes (rule, detail).
type Known = tuple[Any, tuple[tuple[str, dict[str, Any]], ...], tuple[tuple[str, str], ...]]

_MOST = 2048
_LONGEST = 400


class Memory:
    """Conversions by converter and text, in two generations, of which the older goes: what is used stays."""

    __slots__ = ("_new", "_old")

    def __init__(self) -> None:
        self._new: dict[Any, Known] = {}
        self._old: dict[Any, Known] = {}

    def get(self, key: Any) -> Known | None:  # noqa: ANN401 - a converter and a text
        """What was made of a value, if it is remembered."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self._new[key] = found
        return found

    def put(self, key: Any, known: Known, text: str) -> None:  # noqa: ANN401 - a converter and a text
        """Remember what was made of a value."""
        if len(text) > _LONGEST:
            return
        if len(self._new) >= _MOST:
            self._old, self._new = self._new, {}
        self._new[key] = known


@lru_cache(8)
def memory_of(context: Any) -> Memory:  # noqa: ANN401, ARG001 - options, zone and sender
    """The memory of a sender under some options."""
    return Memory()
