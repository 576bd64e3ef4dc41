"""Reproducible chance: the same path of names gives the same throws on every machine.

Only uniform throws and exact arithmetic are used: `log`, `cos` and `pow` differ in the last bit between C
libraries, and the samplers of numpy may change between its versions.
"""

import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate


class Weighted[T]:
    """Choices with weights, prepared once and thrown often."""

    __slots__ = ("_bounds", "_items", "_total")

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        kept = [(item, weight) for item, weight in pairs if weight > 0]
        self._items = tuple(item for item, _ in kept)
        self._bounds = tuple(accumulate(weight for _, weight in kept))
        self._total = self._bounds[-1]

    def at(self, point: float) -> T:
        """The choice at a point of [0, 1)."""
        place = bisect_right(self._bounds, point * self._total)
        return self._items[min(place, len(self._items) - 1)]


class Dice:
    """Throws that depend on nothing but the path they were made with."""

    __slots__ = ("_bits", "throw")

    def __init__(self, *path: str | int) -> None:
        source = random.Random("/".join(map(str, path)))  # noqa: S311 - data must repeat; nothing here is secret
        self.throw = source.random
        self._bits = source.getrandbits

    def chance(self, share: float) -> bool:
        """True in the given share of throws."""
        return self.throw() < share

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.throw() * (high - low + 1))

    def pick[T](self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[int(self.throw() * len(items))]

    def weighted[T](self, choices: Weighted[T]) -> T:
        """One of the choices by their weights."""
        return choices.at(self.throw())

    def bell(self, mean: float, spread: float) -> float:
        """A value around the mean with about the given standard deviation: the sum of four throws."""
        throw = self.throw
        return mean + (throw() + throw() + throw() + throw() - 2.0) * 1.7320508 * spread

    def stepped(self, low: float, high: float, step: float) -> float:
        """A value from low to high on the grid of the step."""
        steps = round((high - low) / step)
        return round(low + step * self.between(0, steps), 2)

    def digits(self, count: int) -> str:
        """A string of decimal digits."""
        return f"{int(self.throw() * 10**count):0{count}d}"

    def token(self, count: int) -> str:
        """A string of hexadecimal digits."""
        return f"{self._bits(4 * count):0{count}x}"

    def uuid(self) -> str:
        """A version 4 UUID."""
        text = self.token(32)
        return (
            f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) & 3]}{text[17:20]}-{text[20:]}"
        )
