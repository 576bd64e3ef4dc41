"""The small differences between dialects: how each spells what the emitter composes."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from a360.contract import quote_text
from a360.fhir._relational._plan import Unnest
from a360.fhir._sql._words import RESERVED
from a360.fhir._struct import Leaf, StructNode

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
NUMBER = "DECIMAL(38, 12)"


_ESCAPED = re.compile(r"([\\$])")
_KEPT = r"\\$1"
# The edge of a word in engines that think of words in all scripts.
_EDGES = {
    "b": "(?:(?<=[0-9A-Z_a-z])(?![0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?=[0-9A-Z_a-z]))",
    "B": "(?:(?<=[0-9A-Z_a-z])(?=[0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?![0-9A-Z_a-z]))",
}


def bounded(pattern: str) -> str:
    r"""A pattern in which `\b` is the edge of a word of ASCII, for engines with a wider one."""
    return re.sub(r"\\(.)", lambda found: _EDGES.get(found[1], found[0]), pattern, flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Steps:
    """A descent as SQL text: its start, its lambda's parameter, what is beneath an item, and its depth."""

    start: str
    var: str
    beneath: str
    depth: int


class Dialect(ABC):
    """One SQL dialect. Every method takes and gives SQL text, never a value of a view."""

    leaf_types: ClassVar[Mapping[Leaf, str]]
    quote: ClassVar[str] = '"'
    try_cast: ClassVar[str] = "TRY_CAST"

    def name(self, name: str) -> str:
        """An identifier, quoted where it must be."""
        if _PLAIN_NAME.fullmatch(name) and name not in RESERVED:
            return name
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def string(self, text: str) -> str:
        """A string literal; in most dialects a backslash stands for itself."""
        return quote_text(text)

    def cast(self, text: str, kind: str) -> str:
        """A cast that gives NULL where there is no such value."""
        return f"{self.try_cast}({text} AS {kind})"

    # Rows from lists

    @abstractmethod
    def unnest(self, step: Unnest, items: str) -> tuple[list[str], str]:
        """A list made rows: the columns that the SELECT list gets, and what is added to FROM."""

    # Lists

    @abstractmethod
    def array(self, items: Sequence[str]) -> str:
        """A list of the items."""

    @abstractmethod
    def array_type(self, item: str) -> str:
        """The type of a list."""

    @abstractmethod
    def size(self, items: str) -> str:
        """The number of items; NULL of NULL."""

    @abstractmethod
    def element(self, items: str, position: int) -> str:
        """The item at a position from 0, or the last one (-1); NULL if there is none."""

    @abstractmethod
    def mapped(self, items: str, var: str, body: str) -> str:
        """The body for each item."""

    @abstractmethod
    def filtered(self, items: str, var: str, condition: str) -> str:
        """The items for which the condition is true."""

    def flattened(self, items: str, var: str) -> str:
        """Lists of lists as one; missing lists are left out."""
        return f"flatten({self.filtered(items, var, f'{var} IS NOT NULL')})"

    def chained(self, lists: Sequence[str]) -> str:
        """Lists one after the other; a missing one counts as empty."""
        return f"concat({', '.join(f'coalesce({items}, {self.array(())})' for items in lists)})"

    @abstractmethod
    def descent(self, steps: Steps, node: StructNode, too_deep: str) -> str:
        """The nodes from the start on and those beneath them, in document order.

        A fold over the levels keeps what is done and what is pending; each entry has the path of its
        positions, by which the nodes are put into order at the end.
        """

    @abstractmethod
    def part(self, items: str, start: int, end: int | None) -> str:
        """The items from a position, that counts from 0, to before another one; NULL of NULL."""

    def joined(self, items: str, separator: str) -> str:
        """Texts as one text; '' of none."""
        return f"coalesce(array_join({items}, {separator}), '')"

    # Text

    @abstractmethod
    def starts(self, text: str, beginning: str) -> str:
        """Whether a text begins with another."""

    @abstractmethod
    def ends(self, text: str, ending: str) -> str:
        """Whether a text ends with another."""

    @abstractmethod
    def contains(self, text: str, part: str) -> str:
        """Whether a text contains another."""

    def head(self, text: str, length: int | str) -> str:
        """The first characters of a text."""
        return f"left({text}, {length})"

    def slice(self, text: str, start: str, length: str | None) -> str:
        """Characters from a position that counts from 1."""
        return f"substring({text}, {start}{f', {length}' if length else ''})"

    @abstractmethod
    def extract(self, text: str, pattern: str, group: int) -> str:
        """A group of the first match, NULL or '' if there is none."""

    def replaced(self, text: str, pattern: str, replacement: str) -> str:
        """Matches replaced; groups are $1 and so on."""
        return f"regexp_replace({text}, {self.string(pattern)}, {self.string(replacement)})"

    @abstractmethod
    def trimmed(self, text: str) -> str:
        """Without the spaces, tabs and line ends around it."""

    def position(self, text: str, part: str) -> str:
        """Where a text first contains another, from 1; 0 if it does not."""
        return f"strpos({text}, {part})"

    @abstractmethod
    def matches(self, text: str, pattern: str) -> str:
        r"""Whether a pattern, with \b of ASCII, is found in a text."""

    def all_replaced(self, text: str, pattern: str, replacement: str) -> str:
        r"""All matches of such a pattern replaced by what `substitution` or `after_group` gives."""
        return f"regexp_replace({text}, {self.string(bounded(pattern))}, {replacement})"

    def substitution(self, parts: Sequence[str | int]) -> str:
        """What stands for a match, as SQL: texts, and the numbers of groups."""
        escaped = (f"${part}" if isinstance(part, int) else _ESCAPED.sub(r"\\\g<0>", part) for part in parts)
        return self.string("".join(escaped))

    def after_group(self, text: str) -> str:
        """What stands for a match: its first group, and after it a text that only a row knows."""
        return f"'$1' || regexp_replace({text}, {self.string(_ESCAPED.pattern)}, {self.string(_KEPT)})"

    # Values

    @abstractmethod
    def instant(self, text: str) -> str:
        """A date-time with its offset as a timestamp with time zone, NULL if it is none."""

    @abstractmethod
    def month_end(self, day: str) -> str:
        """The last day of the month of a day."""

    @abstractmethod
    def stop(self, message: str) -> str:
        """An expression that ends the query with a message."""

    @abstractmethod
    def parsed(self, text: str, node: StructNode, *, many: bool) -> str:
        """JSON text as a struct, or as a list of them."""

    @abstractmethod
    def arithmetic(self, operator: str, left: str, right: str) -> str:
        """`+ - * /` of numbers; NULL where there is no result."""

    def cut(self, number: str, places: int, *, up: bool) -> str:
        """A number cut to some decimal places, upwards or downwards."""
        edge = "ceil" if up else "floor"
        if not places:
            return f"{edge}({number})"
        return f"{edge}({self.arithmetic('*', f'({number})', f'1{"0" * places}')}) * 0.{'1':0>{places}}"

    def product(self, left: str, right: str) -> str:
        """The product of decimals, cut to their places: engines add the places up, to more than they have."""
        return self.cast(self.arithmetic("*", left, right), NUMBER)

    @abstractmethod
    def whole_quotient(self, left: str, right: str) -> str:
        """The quotient of whole numbers, cut towards zero; NULL for a division by zero."""
