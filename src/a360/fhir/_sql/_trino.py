"""Trino, and Athena engine 3. It has no UNNEST in a SELECT list: rows come from a cross join."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from a360.fhir._definitions import is_primitive
from a360.fhir._relational._plan import Unnest
from a360.fhir._sql._dialect import NUMBER, Dialect, Steps, bounded
from a360.fhir._struct import Leaf, StructNode


class Trino(Dialect):
    """Trino."""

    leaf_types: ClassVar[Mapping[Leaf, str]] = {
        "string": "VARCHAR",
        "boolean": "BOOLEAN",
        "integer": "INTEGER",
        "long": "BIGINT",
    }

    def unnest(self, step: Unnest, items: str) -> tuple[list[str], str]:
        """UNNEST spreads a row over columns, so each row is wrapped in one of its own."""
        var, alias = self.name(step.var), self.name(f"{step.var}_items")
        rows = items if is_primitive(step.items.type) else f"transform({items}, x -> ROW(x))"
        if not step.index:
            return [var], f"CROSS JOIN UNNEST({rows}) AS {alias} ({var})"
        ordinal = self.name(f"{step.var}_ordinal")
        join = f"CROSS JOIN UNNEST({rows}) WITH ORDINALITY AS {alias} ({var}, {ordinal})"
        return [var, f"{ordinal} - 1 AS {self.name(step.index)}"], join

    def array(self, items: Sequence[str]) -> str:
        """A constructor."""
        return f"ARRAY[{', '.join(items)}]"

    def array_type(self, item: str) -> str:
        """A type constructor."""
        return f"ARRAY({item})"

    def size(self, items: str) -> str:
        """NULL of NULL."""
        return f"cardinality({items})"

    def element(self, items: str, position: int) -> str:
        """Positions count from 1, and from -1 at the end; beyond them is NULL."""
        return f"element_at({items}, {position + 1 if position >= 0 else position})"

    def mapped(self, items: str, var: str, body: str) -> str:
        """A higher-order function."""
        return f"transform({items}, {var} -> {body})"

    def filtered(self, items: str, var: str, condition: str) -> str:
        """A higher-order function."""
        return f"filter({items}, {var} -> {condition})"

    def flattened(self, items: str, var: str) -> str:
        """Trino leaves missing lists out by itself."""
        del var
        return f"flatten({items})"

    def descent(self, steps: Steps, node: StructNode, too_deep: str) -> str:
        """A fold; `transform` gives no positions, so each list is zipped with a sequence."""
        entries = f"ARRAY(ROW(path ARRAY(BIGINT), node {node.trino_type()}))"
        state = f"ROW(done {entries}, pending {entries})"
        first = _numbered(steps.start, "ROW(ARRAY[i], n)")
        deeper = f"CASE WHEN cardinality({steps.var}.path) >= {steps.depth} THEN {too_deep} ELSE n END"
        beneath = _numbered(steps.beneath, f"ROW({steps.var}.path || i, {deeper})")
        pending = f"flatten(transform(s.pending, {steps.var} -> {beneath}))"
        step = f"CAST(ROW(s.done || s.pending, {pending}) AS {state})"
        start = f"CAST(ROW(ARRAY[], {first}) AS {state})"
        folded = f"reduce(sequence(1, {steps.depth}), {start}, (s, i) -> {step}, s -> s.done)"
        return f"transform(array_sort({folded}, (a, b) -> IF(a.path < b.path, -1, 1)), e -> e.node)"

    def part(self, items: str, start: int, end: int | None) -> str:
        """By a position from 1 and a length."""
        return f"slice({items}, {start + 1}, {f'cardinality({items})' if end is None else end - start})"

    def trimmed(self, text: str) -> str:
        """Trino's own trim takes spaces of all scripts."""
        return rf"trim(BOTH U&' \0009\000A\000D' FROM {text})"

    def matches(self, text: str, pattern: str) -> str:
        """A function."""
        return f"regexp_like({text}, {self.string(bounded(pattern))})"

    def starts(self, text: str, beginning: str) -> str:
        """A function."""
        return f"starts_with({text}, {beginning})"

    def ends(self, text: str, ending: str) -> str:
        """Older engines have no function for it."""
        return f"substr({text}, -length({ending})) = {ending}"

    def contains(self, text: str, part: str) -> str:
        """By its position."""
        return f"strpos({text}, {part}) > 0"

    def head(self, text: str, length: int | str) -> str:
        """There is no `left`."""
        return f"substr({text}, 1, {length})"

    def slice(self, text: str, start: str, length: str | None) -> str:
        """Under its short name."""
        return f"substr({text}, {start}{f', {length}' if length else ''})"

    def extract(self, text: str, pattern: str, group: int) -> str:
        """No match gives NULL."""
        return f"regexp_extract({text}, {self.string(pattern)}{f', {group}' if group else ''})"

    def instant(self, text: str) -> str:
        """A cast would not read the T, and the function of the plain name only milliseconds."""
        return f"TRY(from_iso8601_timestamp_nanos({text}))"

    def month_end(self, day: str) -> str:
        """A function."""
        return f"last_day_of_month({day})"

    def stop(self, message: str) -> str:
        """`fail` ends the query."""
        return f"fail({self.string(message)})"

    def parsed(self, text: str, node: StructNode, *, many: bool) -> str:
        """The struct has the element as JSON already."""
        kind = node.trino_type()
        return f"TRY_CAST({text} AS {self.array_type(kind) if many else kind})"

    def arithmetic(self, operator: str, left: str, right: str) -> str:
        """TRY turns an overflow or a division by zero into NULL."""
        return f"TRY({left} {operator} {right})"

    def product(self, left: str, right: str) -> str:
        """One TRY for the product and the cast."""
        return f"TRY(CAST({left} * {right} AS {NUMBER}))"

    def whole_quotient(self, left: str, right: str) -> str:
        """A quotient of whole numbers is whole."""
        return f"TRY({left} / {right})"


def _numbered(items: str, entry: str) -> str:
    """Each item n of a list with its position i; the list is named once, by a lambda over a list of it."""
    positions = "IF(cardinality(c) > 0, sequence(1, cardinality(c)), ARRAY[])"
    zipped = f"zip_with(c, {positions}, (n, i) -> {entry})"
    return f"element_at(transform(ARRAY[coalesce({items}, ARRAY[])], c -> {zipped}), 1)"
