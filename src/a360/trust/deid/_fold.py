"""Texts folded for comparison: small letters without accents, character for character."""

import re
import unicodedata
from typing import Final


class _Folding(dict[int, str]):
    """Each character's base letter, small; worked out once for each."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFKD", chr(code))[0].lower()
        self[code] = folded = base if len(base) == 1 else chr(code)
        return folded


_FOLDING: Final = _Folding()
_WORD: Final = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """A text of the same length, in which `É` and `e` are equal."""
    return text.translate(_FOLDING)


def words(folded: str) -> list[tuple[str, int, int]]:
    """The words of a folded text, each with where it stands."""
    return [(each.group(), each.start(), each.end()) for each in _WORD.finditer(folded)]


def solid(text: str) -> str:
    """Letters and digits alone, folded."""
    return "".join(_WORD.findall(fold(text)))


def one_slip(word: str, other: str) -> bool:
    """Whether two words differ by one letter: changed, left out, added, or swapped with its neighbour."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return False
    same = 0
    while same < min(len(word), len(other)) and word[same] == other[same]:
        same += 1
    rest, mine = word[same:], other[same:]
    return (
        rest[1:] == mine[1:]
        or rest[1:] == mine
        or rest == mine[1:]
        or (rest[:2] == mine[:2][::-1] and rest[2:] == mine[2:])
    )
