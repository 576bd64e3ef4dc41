"""Values and keys of contracts that have one right spelling."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a360.contract._load import COLUMNS
from a360.contract._order import COLUMN, CONTRACT, TABLE
from a360.contract._types import LOGICAL_TYPES, parse_type
from a360.contract._yaml import Loc, SourceFile

_NEWEST = "v3.2.0"
_OLDER = re.compile(r"v3\.[01]\.\d+")
_ALIASES = {
    **dict.fromkeys(("text", "varchar", "str", "character varying"), "string"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("integer", "int32", "int4"), "int"),
    **dict.fromkeys(("bigint", "int64", "int8"), "long"),
    **dict.fromkeys(("double precision", "float64", "float8"), "double"),
    **dict.fromkeys(("timestamp with time zone", "timestamp_tz", "timestampltz"), "timestamptz"),
    **dict.fromkeys(("blob", "bytea", "bytes", "varbinary"), "binary"),
}
_NUMERIC = re.compile(r"(?:decimal|numeric|number)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_FLAGS = frozenset({"required", "unique", "primaryKey", "deprecated", "criticalDataElement"})
_OF_RECORDS = ("eventTime", "dedupWindow", "trueWords", "falseWords")
_KNOWN = frozenset({*CONTRACT, *TABLE, *COLUMN, *_OF_RECORDS})
_SNAKE = {
    re.sub(r"(?<=[a-z])([A-Z])", lambda match: f"_{match[1].lower()}", name): name
    for name in _KNOWN
    if not name.islower()
}


@dataclass(frozen=True, slots=True)
class Fix:
    """A piece of text to put in the place of another, and what that does to the file's values."""

    loc: Loc
    start: int
    end: int
    text: str
    said: str
    change: Callable[[Any], None]


def value_fixes(source: SourceFile, path: Path) -> Iterator[Fix]:
    """Every fix of a contract file, as it stands."""
    if not isinstance(source.data, dict):
        return
    yield from _keys(source)
    yield from _version(source)
    yield from _names(source, path)
    for index, column in enumerate(_columns(source.data)):
        if isinstance(column, dict):
            yield from _types(source, (*COLUMNS, index), column)
            yield from _flags(source, (*COLUMNS, index), column)


def _columns(data: dict[str, Any]) -> list[Any]:
    table = _table(data)
    columns = table.get("properties")
    return columns if isinstance(columns, list) else []


def _table(data: dict[str, Any]) -> dict[str, Any]:
    schema = data.get("schema")
    table = schema[0] if isinstance(schema, list) and schema else None
    return table if isinstance(table, dict) else {}


def _value(source: SourceFile, loc: Loc, new: Any, said: str, text: str = "") -> Iterator[Fix]:  # noqa: ANN401 - any scalar
    node = source.nodes.get(loc)
    if node is None:
        return

    def change(data: Any) -> None:  # noqa: ANN401 - any YAML value
        for step in loc[:-1]:
            data = data[step]
        data[loc[-1]] = new

    yield Fix(loc, node.start, node.end, text or str(new), said, change)


def _keys(source: SourceFile) -> Iterator[Fix]:
    """Keys by the names they have now: of older standards, or in snake case."""
    for loc in list(source.nodes):
        name = loc[-1] if loc else None
        new = _SNAKE.get(name) if isinstance(name, str) else None
        if name == "rule" and "quality" in loc:
            new = "metric"  # since ODCS 3.1
        if new is None or (*loc[:-1], new) in source.nodes:
            continue
        found = list(re.finditer(rf"(?<![\w-])({name})(?=\s*:)", source.text[: source.nodes[loc].start]))
        if found:
            said = f"{name} is called {new}"
            yield Fix(loc, *found[-1].span(1), new, said, _renaming(loc, new))


def _renaming(loc: Loc, new: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:  # noqa: ANN401 - any YAML value
        for step in loc[:-1]:
            data = data[step]
        data[new] = data.pop(loc[-1])

    return change


def _version(source: SourceFile) -> Iterator[Fix]:
    version = source.data.get("apiVersion")
    if isinstance(version, str) and _OLDER.fullmatch(version):
        yield from _value(source, ("apiVersion",), _NEWEST, f"apiVersion {version} became {_NEWEST}")


def _names(source: SourceFile, path: Path) -> Iterator[Fix]:
    """The names that follow from file and folder, where the contract's own name agrees with the file."""
    short, full = path.stem, f"{path.parent.name}.{path.stem}"
    if source.data.get("name") != short:
        return
    table = _table(source.data)
    places = ((("id",), source.data, full), (("schema", 0, "name"), table, short))
    for loc, holder, wanted in (*places, (("schema", 0, "physicalName"), table, full)):
        found = holder.get(str(loc[-1]))
        if isinstance(found, str) and found != wanted:
            yield from _value(source, loc, wanted, f"{loc[-1]} {found} became {wanted}, after the file")


def _types(source: SourceFile, here: Loc, column: dict[str, Any]) -> Iterator[Fix]:
    physical, logical, name = column.get("physicalType"), column.get("logicalType"), column.get("name")
    if not isinstance(physical, str):
        return
    own = _own_type(physical)
    if own is None:
        return
    if parse_type(physical) is None:
        text = f'"{own}"' if "(" in own else own
        said = f"{name}: the type {physical} is called {own}"
        yield from _value(source, (*here, "physicalType"), own, said, text)
    fits = LOGICAL_TYPES[own.partition("(")[0]]
    if isinstance(logical, str) and logical not in fits:
        said = f"{name}: logicalType {logical} became {fits[0]}, after physicalType {own}"
        yield from _value(source, (*here, "logicalType"), fits[0], said)


def _own_type(text: str) -> str | None:
    """The physical type of a text that can mean no other."""
    if parse_type(text):
        return text
    plain = " ".join(text.lower().split())
    numeric = _NUMERIC.fullmatch(plain)
    if numeric:
        plain = f"decimal({numeric[1]},{numeric[2]})"
    plain = _ALIASES.get(plain, plain)
    return plain if parse_type(plain) else None


def _flags(source: SourceFile, here: Loc, column: dict[str, Any]) -> Iterator[Fix]:
    for name in sorted(_FLAGS & column.keys()):
        node = source.nodes.get((*here, name))
        written = source.text[node.start : node.end] if node else ""
        if isinstance(column[name], bool) and written not in {"true", "false"}:
            word = str(column[name]).lower()
            said = f"{column.get('name')}: {name}: {written} became {word}"
            yield from _value(source, (*here, name), column[name], said, word)
