"""What lists know of a word, how it is written, and how likely it is a name by itself."""

# ruff: noqa: PLR0911, PLR2004 -- scores are chances that were measured

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

from a360.trust.deid._lexicon import lexicon


class Kind(Enum):
    """What lists know of a word."""

    GIVEN = "a given name and nothing else"
    EITHER = "an ordinary word, and a name"
    ORDINARY = "an ordinary word and no name"
    EPONYM = "a surname that names diseases or instruments"
    LISTED = "a product, a label, or what stands beside names"
    UNKNOWN = "in no list"


class Shape(Enum):
    """How a word is written."""

    SMALL = "small"
    TITLE = "with a capital that no sentence gave it"
    FIRST = "with a capital, where a sentence begins"
    CAPITALS = "in capitals"
    INITIAL = "one capital"


@dataclass(slots=True)
class Word:
    """A word of a text, where it stands, and how likely it is a name."""

    word: str
    start: int
    end: int
    kind: Kind
    shape: Shape
    chance: float
    score: float = 0.0


_BEGINS: Final = re.compile(
    r"(?:^|(?<!\b[A-Z])(?<!\b[DMJSV]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bvs)\.|[!?\n]|\n[-*>•]|^[-*>•])[ \t]*$"
)
# What the model says of a word of no list before it counts.
_HEARD: Final = 0.12


@cache
def kind_of(word: str) -> Kind:
    """What lists know of a word."""
    if any(word in lexicon(each) for each in ("products", "labels", "not_names", "trade_words")):
        return Kind.LISTED
    if word in lexicon("eponyms"):
        return Kind.EPONYM
    ordinary = word in lexicon("ordinary_words")
    given = word in lexicon("given_names")
    if ordinary:
        either = given or word in lexicon("surnames_that_are_words") or word in lexicon("common_words")
        return Kind.EITHER if either else Kind.ORDINARY
    if given:
        return Kind.GIVEN
    return Kind.ORDINARY if word in lexicon("proper_words") else Kind.UNKNOWN


def shape_of(text: str, start: int, end: int) -> Shape:
    """How a word is written."""
    if not text[start].isupper():
        return Shape.SMALL
    if end - start == 1:
        return Shape.INITIAL
    if text[start:end].isupper():
        return Shape.CAPITALS
    return Shape.FIRST if _BEGINS.search(text, max(0, start - 8), start) else Shape.TITLE


def alone(it: Word) -> float:
    """How likely a word is a name by itself."""
    chance, length = it.chance, it.end - it.start
    if length < 2 or any(each.isdigit() for each in it.word):
        return 0.0
    match it.kind:
        case Kind.LISTED:
            return 0.0
        case Kind.ORDINARY:
            return chance * 0.3 if it.shape is Shape.SMALL else chance * 0.38
        case Kind.EPONYM:
            return chance * 0.5 if it.shape is not Shape.SMALL else chance * 0.4
        case Kind.EITHER:
            return _either(it)
        case Kind.GIVEN:
            return _given(it)
        case Kind.UNKNOWN:
            return _unknown(it)


def _either(it: Word) -> float:
    if it.shape is Shape.SMALL:
        return it.chance * 0.5
    if it.shape is Shape.CAPITALS:
        return it.chance * 0.9
    return 0.5 + 0.5 * it.chance if it.chance >= 0.2 else 0.0


@cache
def _begins_as_a_name(word: str) -> bool:
    """Whether a word may be a given name with a surname written to it: `anagarcia`."""
    return any(word[:at] in lexicon("given_names") for at in range(4, len(word) - 2))


def _given(it: Word) -> float:
    length = it.end - it.start
    match it.shape:
        case Shape.SMALL:
            return 0.4 + 0.55 * it.chance if length > 3 else it.chance
        case Shape.CAPITALS:
            return 0.55 + 0.4 * it.chance if length > 2 else it.chance
        case _:
            return 0.68 + 0.3 * it.chance if length > 2 else 0.45 + 0.5 * it.chance


def _unknown(it: Word) -> float:
    match it.shape:
        case Shape.SMALL:
            if len(it.word) >= 8 and _begins_as_a_name(it.word):
                return 0.42 + 0.5 * it.chance if it.chance >= 0.08 else 0.33
            return it.chance * 0.8 if it.chance >= 0.5 else 0.0
        case Shape.CAPITALS:
            return it.chance if it.end - it.start > 3 else it.chance * 0.6
        case _:
            return 0.5 + 0.5 * it.chance if it.chance >= _HEARD else 0.0
