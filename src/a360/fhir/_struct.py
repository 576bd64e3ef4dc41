"""The minimal struct of a view: only the paths it reads, as one engine-neutral tree with a renderer a dialect.

A leaf is what the engines parse a JSON value into: decimals, dates and times stay the text they are.
An element of a complex type whose inside is never read is a text leaf too; its text is only tested for presence.
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
_DUCKDB: dict[Leaf, str] = {"string": "VARCHAR", "boolean": "BOOLEAN", "integer": "INTEGER", "long": "BIGINT"}
_SPARK: dict[Leaf, str] = {"string": "STRING", "boolean": "BOOLEAN", "integer": "INT", "long": "BIGINT"}
_TRINO: dict[Leaf, str] = {"string": "VARCHAR", "boolean": "BOOLEAN", "integer": "INTEGER", "long": "BIGINT"}

type JsonStructure = str | dict[str, JsonStructure] | list[JsonStructure]


def leaf_of(type_name: str) -> Leaf:
    """What a value of a primitive type is parsed into."""
    return _LEAVES.get(type_name, "string")


@dataclass(slots=True)
class StructNode:
    """One element of the tree: its FHIR type, whether it repeats, and the children that the view reads."""

    type: str
    many: bool = False
    children: dict[str, "StructNode"] = field(default_factory=dict)

    def child(self, name: str, type_name: str, *, many: bool) -> "StructNode":
        """The child of that name, made when it is first read."""
        return self.children.setdefault(name, StructNode(type_name, many))

    @property
    def leaf(self) -> Leaf:
        """What the node is parsed into when it has no children."""
        return leaf_of(self.type) if is_primitive(self.type) else "string"

    def json_structure(self) -> JsonStructure:
        """The structure that DuckDB's `from_json` takes, as a Python value."""
        inner: JsonStructure = (
            {name: child.json_structure() for name, child in self.children.items()}
            if self.children
            else _DUCKDB[self.leaf]
        )
        return [inner] if self.many else inner

    def duckdb_json(self) -> str:
        """The structure that DuckDB's `from_json` and `json_transform` take, as JSON text."""
        return json.dumps(self.json_structure(), separators=(",", ":"))

    def duckdb_type(self) -> str:
        """The type in DuckDB."""
        inner = (
            "STRUCT("
            + ", ".join(f'"{name}" {child.duckdb_type()}' for name, child in self.children.items())
            + ")"
            if self.children
            else _DUCKDB[self.leaf]
        )
        return f"{inner}[]" if self.many else inner

    def spark_type(self) -> str:
        """The type in Spark DDL."""
        inner = (
            "STRUCT<"
            + ", ".join(f"`{name}`: {child.spark_type()}" for name, child in self.children.items())
            + ">"
            if self.children
            else _SPARK[self.leaf]
        )
        return f"ARRAY<{inner}>" if self.many else inner

    def trino_type(self) -> str:
        """The type in Trino."""
        inner = (
            "ROW("
            + ", ".join(f'"{name}" {child.trino_type()}' for name, child in self.children.items())
            + ")"
            if self.children
            else _TRINO[self.leaf]
        )
        return f"ARRAY({inner})" if self.many else inner
