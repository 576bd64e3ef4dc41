"""The word lists of the room, each read once."""

from functools import cache
from importlib.resources import files


def _lines(name: str) -> list[str]:
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def lexicon(name: str) -> frozenset[str]:
    """The words of a list, folded."""
    return frozenset(word for line in _lines(name) for word in line.split())


@cache
def phrases(name: str) -> frozenset[str]:
    """The lines of a list, folded."""
    return frozenset(_lines(name))


@cache
def nicknames() -> dict[str, frozenset[str]]:
    """What people make of a given name."""
    table: dict[str, frozenset[str]] = {}
    for line in _lines("nicknames"):
        name, *short = line.split()
        table[name] = frozenset(short)
    return table


@cache
def surrogate_names() -> tuple[str, ...]:
    """Names that stand in place of names."""
    return tuple(name for line in _lines("surrogate_names") for name in line.split())
