"""What makes a schema valid in a format version."""

from collections import Counter
from collections.abc import Iterator

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._schemas import Column, columns_of
from a360.catalog.metadata._types import V3, base_of, is_default, is_known, is_primitive, needs_v3


def check_schema(schema: Json, format_version: int = V3) -> None:
    """Refuse a schema that the format version cannot hold.

    Raises:
        ValidationError: A name or id occurs twice, a type or default is none or needs a later version, or an
            identifier field cannot identify rows.
    """
    columns = list(columns_of(schema))
    _check_unique(columns)
    problems = [problem for column in columns for problem in _problems(column, format_version)]
    if problems:
        raise ValidationError("\n- ".join([f"Invalid schema for v{format_version}:", *problems]))
    known = {column.field["id"]: column for column in columns}
    for number in schema.get("identifier-field-ids") or ():
        _check_identifier(number, known.get(number))


def _check_unique(columns: list[Column]) -> None:
    for what, counted in (
        ("column name", Counter(column.path for column in columns)),
        ("field id", Counter(column.field["id"] for column in columns)),
    ):
        found, times = max(counted.items(), key=lambda item: item[1], default=("", 0))
        if times > 1:
            raise ValidationError(f"Invalid schema: the {what} {found} occurs more than once")


def _problems(column: Column, version: int) -> Iterator[str]:
    kind, path = column.field["type"], column.path
    if not is_known(kind):
        yield f"Invalid type for {path}: cannot parse {kind}"
        return
    if version < V3 and needs_v3(kind):
        yield f"Invalid type for {path}: {kind} is not supported until v{V3}"
    if version < V3 and column.field.get("initial-default") is not None:
        yield f"Invalid initial default for {path}: a non-null default is not supported until v{V3}"
    if kind == "unknown" and column.field.get("required"):
        yield f"Invalid type for {path}: a column of type unknown must be optional"
    for default in ("initial-default", "write-default"):
        if not is_default(column.field.get(default), kind):
            # The default itself stays out of the message: it may be somebody's data.
            yield f"Invalid {default} for {path}: it is no value of type {base_of(kind)}"


def _check_identifier(number: int, column: Column | None) -> None:
    if column is None:
        raise ValidationError(f"Cannot add fieldId {number} as an identifier field: field does not exist")
    problem = _identifier_problem(column)
    if problem:
        raise ValidationError(f"Cannot add field {column.field['name']} as an identifier field: {problem}")


def _identifier_problem(column: Column) -> str | None:
    if not is_primitive(column.field["type"]):
        return "not a primitive type field"
    if not column.field.get("required"):
        return "not a required field"
    if column.field["type"] in {"float", "double"}:
        return "must not be float or double field"
    for parent in column.parents:
        if base_of(parent.field["type"]) != "struct":
            return f"must not be nested in {parent.path}"
        if not parent.field.get("required"):
            return f"must not be nested in an optional field {parent.path}"
    return None
