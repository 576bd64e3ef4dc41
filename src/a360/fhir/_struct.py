"""The minimal struct of a view: only the paths it reads, as one tree with a renderer for each dialect.

A leaf is a boolean or the text that JSON has: numbers, dates and times are read from their text, so that none
is rounded on the way. An element of a complex type whose inside is never read is text too, only tested for
presence.
A `json` node is the text of a whole element, for paths that recurse.
"""

import json
from dataclasses import dataclass, field
from typing import Literal

from a360.fhir._definitions import is_primitive

type Leaf = Literal["string", "boolean", "integer", "long"]

_LEAVES: dict[str, Leaf] = {
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "integer64": "long",
}
WHOLE_NUMBERS = frozenset(name for name, leaf in _LEAVES.items() if leaf != "boolean")

# A text, which may hold anything, or a number with a fraction; possessive, so that long texts cost one pass.
_FRACTIONS = r'("(?:[^"\\]++|\\.)*+")|(-?[0-9]+(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+))'
_QUOTED = """x -> coalesce(x[1], '"' || x[2] || '"')"""

type JsonStructure = str | dict[str, JsonStructure] | list[JsonStructure]


def leaf_of(type_name: str) -> Leaf:
    """What SQL carries a value of a primitive type as; text is the rule."""
    return _LEAVES.get(type_name, "string")


@dataclass(slots=True)
class StructNode:
    """One element of the tree: its FHIR type, whether it repeats, and the children that the view reads."""

    type: str
    many: bool = False
    children: dict[str, "StructNode"] = field(default_factory=dict)
    json: bool = False
    path: str = ""

    def child(self, name: str, type_name: str, *, many: bool) -> "StructNode":
        """The child of that name, made when it is first read."""
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = StructNode(type_name, many, path=f"{self.path}.{name}")
        return found

    @property
    def is_boolean(self) -> bool:
        """Whether the leaf is a boolean; all others are text."""
        return self.type == "boolean"

    @property
    def is_whole_number(self) -> bool:
        """Whether the leaf is a number without a fraction."""
        return self.type in WHOLE_NUMBERS

    @property
    def is_value(self) -> bool:
        """Whether the element has a single value, rather than elements or a value of several types."""
        return is_primitive(self.type) and not self.json

    @property
    def is_list(self) -> bool:
        """Whether the engine parses the node into a list."""
        return self.many and not self.json

    def json_structure(self) -> JsonStructure:
        """The structure that DuckDB's `from_json` takes, as a Python value."""
        inner: JsonStructure = "BOOLEAN" if self.is_boolean else "VARCHAR"
        if self.children:
            inner = {name: child.json_structure() for name, child in self.children.items()}
        return [inner] if self.is_list else inner

    def duckdb_json(self) -> str:
        """The structure that DuckDB's `from_json` and `json_transform` take, as JSON text."""
        return json.dumps(self.json_structure(), separators=(",", ":"))

    def duckdb_type(self) -> str:
        """The type in DuckDB."""
        inner = "BOOLEAN" if self.is_boolean else "VARCHAR"
        if self.children:
            fields = (f'"{name}" {child.duckdb_type()}' for name, child in self.children.items())
            inner = f"STRUCT({', '.join(fields)})"
        return f"{inner}[]" if self.is_list else inner

    def spark_type(self) -> str:
        """The type in Spark DDL."""
        inner = "BOOLEAN" if self.is_boolean else "STRING"
        if self.children:
            fields = (f"`{name}`: {child.spark_type()}" for name, child in self.children.items())
            inner = f"STRUCT<{', '.join(fields)}>"
        return f"ARRAY<{inner}>" if self.is_list else inner

    def trino_type(self) -> str:
        """The type in Trino."""
        # A cast of JSON to a row is strict: an object whose inside is not read has to stay JSON.
        inner = "BOOLEAN" if self.is_boolean else "VARCHAR" if self.is_value else "JSON"
        if self.children:
            # Trino looks a JSON key up in lower case, so that a name quoted as it is would never be found.
            fields = (f'"{name.lower()}" {child.trino_type()}' for name, child in self.children.items())
            inner = f"ROW({', '.join(fields)})"
        return f"ARRAY({inner})" if self.is_list else inner

    def trino_json(self, text: str) -> str:
        """The SQL with which Trino reads JSON text as the struct: `text` is a trusted expression.

        Trino reads JSON's fractions as doubles; where the view reads decimals they are put in quotes first,
        so that they keep all their digits.
        """
        kept = f"regexp_replace({text}, '{_FRACTIONS}', {_QUOTED})" if self.has_decimals else text
        return f"CAST(json_parse({kept}) AS {self.trino_type()})"

    @property
    def has_decimals(self) -> bool:
        """Whether a decimal is read here or beneath, or JSON that may have one."""
        return self.type == "decimal" or self.json or any(c.has_decimals for c in self.children.values())
