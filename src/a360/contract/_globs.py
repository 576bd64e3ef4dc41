"""Patterns of file names: `*` stands for any text, `?` for one character, case does not matter."""

import re
from functools import lru_cache

_REFUSED = re.compile(r"[/\\\[\]{}!\x00-\x1f]")


def glob_problem(pattern: str) -> str:
    """Why a text is no pattern of file names; empty where it is one."""
    refused = _REFUSED.search(pattern)
    if refused:
        return f"{refused[0]!r} has no meaning in a file name's pattern; * and ? have"
    return "" if pattern.strip() == pattern else "it begins or ends with a blank"


@lru_cache(maxsize=512)
def globs_overlap(one: str, other: str) -> bool:
    """Whether some file name fits both patterns."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return globs_overlap(one[1:], other) or globs_overlap(one, other[1:])
    if other[0] == "*":
        return globs_overlap(other, one)
    same = one[0] == "?" or other[0] == "?" or one[0].casefold() == other[0].casefold()
    return same and globs_overlap(one[1:], other[1:])
