"""Spark SQL with ANSI on: whatever could throw on bad data uses the variant that gives NULL."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from a360.fhir._relational._plan import Unnest
from a360.fhir._sql._dialect import Dialect, Steps, bounded
from a360.fhir._struct import Leaf, StructNode

_TRIES = {"+": "try_add", "-": "try_subtract", "*": "try_multiply", "/": "try_divide"}


class Spark(Dialect):
    """Spark 4."""

    leaf_types: ClassVar[Mapping[Leaf, str]] = {
        "string": "STRING",
        "boolean": "BOOLEAN",
        "integer": "INT",
        "long": "BIGINT",
    }
    quote: ClassVar[str] = "`"
    try_cast: ClassVar[str] = "try_cast"

    def string(self, text: str) -> str:
        """Backslashes escape, and `${…}` would be substituted before the SQL is even parsed."""
        escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\u0024{")
        return f"'{escaped}'"

    def unnest(self, step: Unnest, items: str) -> tuple[list[str], str]:
        """Spark allows one generator in a SELECT list, which is all a layer has."""
        if step.index:
            return [f"posexplode({items}) AS ({self.name(step.index)}, {self.name(step.var)})"], ""
        return [f"explode({items}) AS {self.name(step.var)}"], ""

    def array(self, items: Sequence[str]) -> str:
        """A function."""
        return f"array({', '.join(items)})"

    def array_type(self, item: str) -> str:
        """A type constructor."""
        return f"ARRAY<{item}>"

    def size(self, items: str) -> str:
        """NULL of NULL under ANSI."""
        return f"size({items})"

    def element(self, items: str, position: int) -> str:
        """`get` counts from 0 and gives NULL; the last one has no other safe way."""
        return f"get({items}, {position})" if position >= 0 else f"try_element_at({items}, {position})"

    def mapped(self, items: str, var: str, body: str) -> str:
        """A higher-order function."""
        return f"transform({items}, {var} -> {body})"

    def filtered(self, items: str, var: str, condition: str) -> str:
        """A higher-order function."""
        return f"filter({items}, {var} -> {condition})"

    def descent(self, steps: Steps, node: StructNode, too_deep: str) -> str:
        """A fold; structs sort by their first field."""
        entries = f"ARRAY<STRUCT<path: ARRAY<INT>, node: {node.spark_type()}>>"
        first = f"transform({steps.start}, (n, i) -> named_struct('path', array(i), 'node', n))"
        deeper = f"CASE WHEN size({steps.var}.path) >= {steps.depth} THEN {too_deep} ELSE n END"
        entry = f"named_struct('path', concat({steps.var}.path, array(i)), 'node', {deeper})"
        beneath = f"coalesce(transform({steps.beneath}, (n, i) -> {entry}), array())"
        pending = f"flatten(transform(s.pending, {steps.var} -> {beneath}))"
        step = f"named_struct('done', concat(s.done, s.pending), 'pending', {pending})"
        pending_first = f"coalesce({first}, CAST(array() AS {entries}))"
        start = f"named_struct('done', CAST(array() AS {entries}), 'pending', {pending_first})"
        folded = f"aggregate(sequence(1, {steps.depth}), {start}, (s, i) -> {step}, s -> s.done)"
        return f"transform(array_sort({folded}), e -> e.node)"

    def part(self, items: str, start: int, end: int | None) -> str:
        """By a position from 1 and a length."""
        return f"slice({items}, {start + 1}, {f'size({items})' if end is None else end - start})"

    def trimmed(self, text: str) -> str:
        """Spark's own trim takes spaces alone."""
        return rf"trim(BOTH ' \t\n\r' FROM {text})"

    def position(self, text: str, part: str) -> str:
        """Under its short name."""
        return f"instr({text}, {part})"

    def matches(self, text: str, pattern: str) -> str:
        """A function."""
        return f"regexp_like({text}, {self.string(bounded(pattern))})"

    def starts(self, text: str, beginning: str) -> str:
        """A function."""
        return f"startswith({text}, {beginning})"

    def ends(self, text: str, ending: str) -> str:
        """A function."""
        return f"endswith({text}, {ending})"

    def contains(self, text: str, part: str) -> str:
        """A function."""
        return f"contains({text}, {part})"

    def extract(self, text: str, pattern: str, group: int) -> str:
        """No match gives ''."""
        return f"regexp_extract({text}, {self.string(pattern)}, {group})"

    def instant(self, text: str) -> str:
        """Spark's TIMESTAMP is an instant."""
        return f"try_cast({text} AS TIMESTAMP)"

    def month_end(self, day: str) -> str:
        """A function."""
        return f"last_day({day})"

    def stop(self, message: str) -> str:
        """`raise_error` ends the query."""
        return f"raise_error({self.string(message)})"

    def parsed(self, text: str, node: StructNode, *, many: bool) -> str:
        """`from_json` gives NULL where the JSON has another shape."""
        kind = node.spark_type()
        return f"from_json({text}, {self.string(self.array_type(kind) if many else kind)})"

    def arithmetic(self, operator: str, left: str, right: str) -> str:
        """Functions that give NULL where ANSI would throw."""
        return f"{_TRIES[operator]}({left}, {right})"

    def cut(self, number: str, places: int, *, up: bool) -> str:
        """Both functions take the places; a product would lose some of its own."""
        return f"{'ceil' if up else 'floor'}({number}, {places})"

    def whole_quotient(self, left: str, right: str) -> str:
        """Whole numbers have an operator of their own."""
        return f"{left} div nullif({right}, 0)"
