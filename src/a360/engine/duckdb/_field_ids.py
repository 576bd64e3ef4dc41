"""The field ids that a Parquet file must carry, as DuckDB is told of them."""

from pyiceberg.schema import Schema
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType

from a360.contract import quote_name


def field_ids(schema: Schema) -> str:
    """The FIELD_IDS option of COPY for a schema."""
    return _struct_ids(schema.fields)


def _struct_ids(fields: tuple[NestedField, ...]) -> str:
    inner = ", ".join(f"{quote_name(each.name)}: {_ids(each.field_id, each.field_type)}" for each in fields)
    return "{" + inner + "}"


def _ids(field_id: int, kind: IcebergType) -> str:
    """An id, or for nested types the id with those of the parts beside it."""
    own = f"__duckdb_field_id: {field_id}"
    if isinstance(kind, StructType):
        return "{" + own + ", " + _struct_ids(kind.fields)[1:]
    if isinstance(kind, ListType):
        return "{" + own + f", element: {_ids(kind.element_id, kind.element_type)}" + "}"
    if isinstance(kind, MapType):
        key, value = _ids(kind.key_id, kind.key_type), _ids(kind.value_id, kind.value_type)
        return "{" + own + f", key: {key}, value: {value}" + "}"
    return str(field_id)
