"""DuckDB 1.5. Rows come from UNNEST in the SELECT list: four times as fast as a join with UNNEST."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from a360.fhir._relational._plan import Unnest
from a360.fhir._sql._dialect import NUMBER, Dialect, Steps
from a360.fhir._sql._words import RESERVED
from a360.fhir._struct import Leaf, StructNode

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class DuckDB(Dialect):
    """DuckDB."""

    leaf_types: ClassVar[Mapping[Leaf, str]] = {
        "string": "VARCHAR",
        "boolean": "BOOLEAN",
        "integer": "INTEGER",
        "long": "BIGINT",
    }

    def name(self, name: str) -> str:
        """Capitals need no quotes: names keep them, and no two differ in them alone."""
        return name if _PLAIN_NAME.fullmatch(name) and name.lower() not in RESERVED else super().name(name)

    def unnest(self, step: Unnest, items: str) -> tuple[list[str], str]:
        """Two UNNESTs of one SELECT advance together, which gives the position."""
        columns = [f"UNNEST({items}) AS {self.name(step.var)}"]
        if step.index:
            columns.append(f"UNNEST(range(len({items}))) AS {self.name(step.index)}")
        return columns, ""

    def array(self, items: Sequence[str]) -> str:
        """Brackets."""
        return f"[{', '.join(items)}]"

    def array_type(self, item: str) -> str:
        """Brackets."""
        return f"{item}[]"

    def size(self, items: str) -> str:
        """The length."""
        return f"len({items})"

    def element(self, items: str, position: int) -> str:
        """Positions count from 1, and from -1 at the end; beyond them is NULL."""
        base = f"({items})" if items.startswith("CASE ") else items
        return f"{base}[{position + 1 if position >= 0 else position}]"

    def mapped(self, items: str, var: str, body: str) -> str:
        """With the lambda syntax that DuckDB keeps."""
        return f"list_transform({items}, lambda {var}: {body})"

    def filtered(self, items: str, var: str, condition: str) -> str:
        """With the lambda syntax that DuckDB keeps."""
        return f"list_filter({items}, lambda {var}: {condition})"

    def flattened(self, items: str, var: str) -> str:
        """DuckDB leaves missing lists out by itself."""
        del var
        return f"flatten({items})"

    def chained(self, lists: Sequence[str]) -> str:
        """DuckDB takes a missing list for an empty one."""
        return f"list_concat({', '.join(lists)})"

    def descent(self, steps: Steps, node: StructNode, too_deep: str) -> str:
        """The list that is folded over has to be of the type of the state; its items do not matter."""
        entries = f"STRUCT(path BIGINT[], node {node.duckdb_type()})[]"
        state = f"STRUCT(done {entries}, pending {entries})"
        first = f"list_transform({steps.start}, lambda n, i: {{'path': [i], 'node': n}})"
        deeper = f"CASE WHEN len({steps.var}.path) >= {steps.depth} THEN {too_deep} ELSE n END"
        entry = f"{{'path': list_append({steps.var}.path, i), 'node': {deeper}}}"
        beneath = f"list_transform({steps.beneath}, lambda n, i: {entry})"
        pending = f"flatten(list_transform(s.pending, lambda {steps.var}: {beneath}))"
        step = f"{{'done': list_concat(s.done, s.pending), 'pending': {pending}}}"
        start = f"CAST({{'done': [], 'pending': {first}}} AS {state})"
        levels = f"CAST(list_transform(range({steps.depth}), lambda i: NULL) AS {state}[])"
        folded = f"list_reduce({levels}, lambda s, i: {step}, {start})"
        return f"list_transform(list_sort({folded}.done), lambda e: e.node)"

    def part(self, items: str, start: int, end: int | None) -> str:
        """Both ends count from 1 and belong to it."""
        base = f"({items})" if items.startswith("CASE ") else items
        return f"{base}[{start + 1}:{'' if end is None else end}]"

    def joined(self, items: str, separator: str) -> str:
        """Under its PostgreSQL name."""
        return f"coalesce(array_to_string({items}, {separator}), '')"

    def starts(self, text: str, beginning: str) -> str:
        """A function."""
        return f"starts_with({text}, {beginning})"

    def ends(self, text: str, ending: str) -> str:
        """A function."""
        return f"suffix({text}, {ending})"

    def contains(self, text: str, part: str) -> str:
        """A function."""
        return f"contains({text}, {part})"

    def extract(self, text: str, pattern: str, group: int) -> str:
        """No match gives ''."""
        return f"regexp_extract({text}, {self.string(pattern)}{f', {group}' if group else ''})"

    def replaced(self, text: str, pattern: str, replacement: str) -> str:
        r"""Groups are \1 here."""
        return super().replaced(text, pattern, replacement.replace("$", "\\"))

    def trimmed(self, text: str) -> str:
        """Escapes stand in a literal of their own kind."""
        return rf"trim({text}, E' \t\n\r')"

    def matches(self, text: str, pattern: str) -> str:
        r"""RE2's `\b` is of ASCII."""
        return f"regexp_matches({text}, {self.string(pattern)})"

    def all_replaced(self, text: str, pattern: str, replacement: str) -> str:
        """All only if told so."""
        return f"regexp_replace({text}, {self.string(pattern)}, {replacement}, 'g')"

    def substitution(self, parts: Sequence[str | int]) -> str:
        r"""Groups are \1 here, and only the backslash is special."""
        return self.string(
            "".join(f"\\{part}" if isinstance(part, int) else part.replace("\\", "\\\\") for part in parts)
        )

    def after_group(self, text: str) -> str:
        r"""Groups are \1 here, and only the backslash is special."""
        return rf"'\1' || replace({text}, '\', '\\')"

    def instant(self, text: str) -> str:
        """ISO 8601 with its offset."""
        return f"TRY_CAST({text} AS TIMESTAMPTZ)"

    def month_end(self, day: str) -> str:
        """A function."""
        return f"last_day({day})"

    def stop(self, message: str) -> str:
        """`error` ends the query."""
        return f"error({self.string(message)})"

    def parsed(self, text: str, node: StructNode, *, many: bool) -> str:
        """`from_json` gives NULL where the JSON has another shape."""
        structure = node.json_structure()
        written = json.dumps([structure] if many else structure, separators=(",", ":"))
        return f"from_json({text}, {self.string(written)})"

    def arithmetic(self, operator: str, left: str, right: str) -> str:
        """TRY turns an overflow into NULL."""
        if operator == "/":
            return f"TRY_CAST({left} / nullif({right}, 0) AS {NUMBER})"
        return f"TRY({left} {operator} {right})"

    def whole_quotient(self, left: str, right: str) -> str:
        """Whole numbers have an operator of their own."""
        return f"TRY({left} // nullif({right}, 0))"
