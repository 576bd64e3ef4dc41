"""What goes wrong in extracts and events: a chosen share of rows is wrong, torn, or sent twice.

Only what a later row does not need is spoilt, and always the last word on it, so that what a reader must
refuse can be counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from a360.synth._dice import Dice, Weighted

Cells = list[str]


@dataclass(frozen=True, slots=True)
class FlawKind:
    """A way for a row of an extract or an event to be wrong, and what a reader is to make of it."""

    name: str
    meaning: str
    fate: str
    weight: float


FLAW_KINDS: tuple[FlawKind, ...] = (
    FlawKind(
        "bad_cell",
        "A number or date that is none, such as 31 February or 12O.50.",
        "quarantined",
        30,
    ),
    FlawKind(
        "broken_rule",
        "A row that cannot be: a refund above its payment, sessions below zero, an end before the start.",
        "quarantined",
        20,
    ),
    FlawKind("missing_key", "A row without the number that names it.", "quarantined", 10),
    FlawKind("torn", "A row with too few cells, or an event whose JSON breaks off.", "quarantined", 10),
    FlawKind("dangling", "A row of a patient whom nobody knows.", "lands, with an unresolved reference", 15),
    FlawKind("repeat", "The same row or event a second time.", "a duplicate", 15),
    FlawKind(
        "key_reused",
        "An event that bears the key of another event of another month.",
        "quarantined",
        6,
    ),
)
_BY_NAME = {kind.name: kind for kind in FLAW_KINDS}
_EVENTS_ALONE = frozenset({"key_reused"})


@dataclass(frozen=True, slots=True)
class Weak:
    """Where the rows of a record can be wrong: the cells by place, and how to break a rule of theirs."""

    key: int
    bad: tuple[tuple[int, str], ...] = ()
    patient: int | None = None
    rule: Callable[[Cells], bool] | None = None


# Events are objects, not cells: what can be wrong in them, their writer knows.
EVENT = Weak(0, ((0, ""),), 0)


class Flaws:
    """Makes the asked share of rows wrong, and counts every one by record and kind."""

    def __init__(self, share: float, seed: int) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self._share = share
        self._seed = seed
        self._dice: dict[str, Dice] = {}
        self._choices: dict[tuple[str, ...], Weighted[str]] = {}

    def due(self, record: str, weak: Weak, *, event: bool = False) -> str | None:
        """The kind of flaw the next row of a record is to have; None for a good one."""
        if not self._share:
            return None
        dice = self.dice(record)
        if not dice.chance(self._share):
            return None
        able = ["missing_key", "torn", "repeat"]
        able += ["bad_cell"] if weak.bad else []
        able += ["broken_rule"] if weak.rule else []
        able += ["dangling"] if weak.patient is not None else []
        able += sorted(_EVENTS_ALONE) if event else []
        return dice.weighted(self._choice(tuple(able)))

    def dice(self, record: str) -> Dice:
        """The dice of one record type."""
        found = self._dice.get(record)
        if found is None:
            found = self._dice[record] = Dice(self._seed, "flaws", record)
        return found

    def count(self, record: str, kind: str) -> None:
        """Note a flaw."""
        self.counts.setdefault(record, Counter())[kind] += 1

    def told(self) -> dict[str, dict[str, int]]:
        """The flaws by record and kind, in fixed order."""
        return {
            record: {name: counts[name] for name in _BY_NAME if counts[name]}
            for record, counts in sorted(self.counts.items())
        }

    def rows(self, record: str, cells: Cells, weak: Weak) -> list[Cells]:
        """The rows that are written for one row: mostly itself."""
        kind = self.due(record, weak)
        if kind is None:
            return [cells]
        spoilt = list(cells)
        if not _SPOIL[kind](spoilt, weak, self.dice(record)):
            return [cells]
        self.count(record, kind)
        return [cells, spoilt] if kind == "repeat" else [spoilt]

    def _choice(self, able: tuple[str, ...]) -> Weighted[str]:
        choice = self._choices.get(able)
        if choice is None:
            choice = self._choices[able] = Weighted((name, _BY_NAME[name].weight) for name in able)
        return choice


def nobody(dice: Dice) -> str:
    """A record number that no patient has."""
    return f"X{dice.digits(7)}"


def _bad_cell(cells: Cells, weak: Weak, dice: Dice) -> bool:
    place, text = dice.pick(weak.bad)
    cells[place] = text
    return True


def _broken_rule(cells: Cells, weak: Weak, _dice: Dice) -> bool:
    return weak.rule is not None and weak.rule(cells)


def _missing_key(cells: Cells, weak: Weak, _dice: Dice) -> bool:
    cells[weak.key] = ""
    return True


def _torn(cells: Cells, _weak: Weak, _dice: Dice) -> bool:
    del cells[-2:]
    return True


def _dangling(cells: Cells, weak: Weak, dice: Dice) -> bool:
    if weak.patient is None or not cells[weak.patient]:
        return False
    cells[weak.patient] = nobody(dice)
    return True


def _repeat(_cells: Cells, _weak: Weak, _dice: Dice) -> bool:
    return True


_SPOIL: Mapping[str, Callable[[Cells, Weak, Dice], bool]] = {
    "bad_cell": _bad_cell,
    "broken_rule": _broken_rule,
    "missing_key": _missing_key,
    "torn": _torn,
    "dangling": _dangling,
    "repeat": _repeat,
}
