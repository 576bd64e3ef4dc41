"""Which key sealed bytes are sealed under, as they say themselves."""

from typing import Final

_FIRST: Final = 4
SEALED_HEAD: Final = 20
"""So many bytes at the start of sealed ones tell what they are sealed under."""


def sealing_key(sealed: bytes) -> str:
    """The id of the data key that sealed bytes open with."""
    return sealed[_FIRST:SEALED_HEAD].hex()


def sealing_key_sql(column: str) -> str:
    """The same in SQL, of a column of sealed bytes; bytes that are too short have none."""
    return f"lower(hex({column}[{_FIRST + 1}:{SEALED_HEAD}]))"
