"""One version of a code system, value set or concept map, with its rows as the lake's tables have them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

type Kind = Literal["code-system", "value-set", "concept-map"]

CONCEPTS = pa.schema(
    [
        pa.field("system", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        ("display", pa.string()),
        ("level", pa.string()),
        ("parent_code", pa.string()),
        ("chapter_code", pa.string()),
        pa.field("is_selectable", pa.bool_(), nullable=False),
        ("is_billable", pa.bool_()),
        pa.field("status", pa.string(), nullable=False),
        ("alternate_code", pa.string()),
    ]
)
MEMBERS = pa.schema(
    [
        pa.field("value_set", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        ("display", pa.string()),
        ("alternate_code", pa.string()),
    ]
)
MAPPINGS = pa.schema(
    [
        pa.field("map", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("source_system", pa.string(), nullable=False),
        pa.field("source_code", pa.string(), nullable=False),
        pa.field("target_system", pa.string(), nullable=False),
        pa.field("target_code", pa.string(), nullable=False),
        pa.field("relationship", pa.string(), nullable=False),
    ]
)
TABLES: Mapping[Kind, tuple[str, pa.Schema]] = {
    "code-system": ("silver.concept", CONCEPTS),
    "value-set": ("silver.value_set_member", MEMBERS),
    "concept-map": ("silver.concept_map", MAPPINGS),
}
"""Where the rows of each kind lie, and their form but for what the lake adds."""


@dataclass(frozen=True)
class Vocabulary:
    """One version of one vocabulary; `rows` fit the schema of its kind, `origin` says where they are from."""

    kind: Kind
    uri: str
    version: str
    name: str
    rows: pa.Table = field(repr=False)
    title: str | None = None
    publisher: str | None = None
    licence: str | None = None
    origin: str | None = None

    @cached_property
    def content_hash(self) -> str:
        """A digest of the rows, whatever their order; the version and words about it have no part in it."""
        texts = [
            pc.fill_null(pc.cast(column, pa.string()), "\x00")
            for name, column in zip(self.rows.column_names, self.rows.columns, strict=True)
            if name != "version"
        ]
        lines = pc.binary_join_element_wise(*texts, "\x1f")
        ordered = pc.take(lines, pc.sort_indices(lines)).to_pylist()
        return hashlib.sha256("\x1e".join(ordered).encode()).hexdigest()


def concept_table(system: str, version: str, columns: Mapping[str, Sequence[object] | pa.Array]) -> pa.Table:
    """The rows of a code system from those columns that are known; each concept can be used, unless said."""
    size = len(columns["code"])
    given = {
        "system": pa.repeat(system, size),
        "version": pa.repeat(version, size),
        "is_selectable": pa.repeat(pa.scalar(value=True), size),
        "status": pa.repeat("active", size),
        **columns,
    }
    arrays = [given.get(each.name, pa.nulls(size, each.type)) for each in CONCEPTS]
    typed = [_typed(array, each.type) for array, each in zip(arrays, CONCEPTS, strict=True)]
    return pa.table(typed, schema=CONCEPTS)


def _typed(values: Sequence[object] | pa.Array, type_: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return pc.cast(values, type_)
    return pa.array(values, type_)
