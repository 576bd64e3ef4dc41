"""Columns of a view: their path, their type, and the form in which they leave the SQL."""

from dataclasses import dataclass
from typing import Literal

from a360.fhir._definitions import definitions, element, element_names, is_primitive
from a360.fhir._struct import leaf_of
from a360.fhir._typed._expr import EMPTY, NUMBER, UNKNOWN, Call, Choice, Constant, Each, Expr, Op
from a360.fhir._typed._expressions import Expressions
from a360.fhir._typed._operators import as_text
from a360.fhir._typed._paths import close_to, single, through
from a360.fhir._typed._scope import Scope
from a360.fhir._types import bare_type, kind_of, shown
from a360.fhir._view import NAME, Json, check_keys, known_type, text

_KEYS = frozenset({"name", "path", "description", "collection", "type", "tag"})
_ROW_INDEX = "%rowIndex"
_SHOWN = 4
_MANY = 12
# What a column may be declared as, by the kind of what its path gives: values are the text FHIR writes.
_WIDER = {
    "integer": {"integer", "decimal"},
    "date": {"date", "dateTime", "text"},
    "dateTime": {"dateTime", "text"},
    "time": {"time", "text"},
    "decimal": {"decimal", "text"},
    "text": {"text"},
    "boolean": {"boolean"},
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as compiled."""

    name: str
    type: str
    collection: bool
    expr: Expr
    pointer: str
    is_row_index: bool = False

    @property
    def leaf(self) -> Literal["string", "boolean", "integer", "long"]:
        """What SQL carries a value as."""
        return leaf_of(self.type)

    @property
    def signature(self) -> tuple[str, bool]:
        """What branches of a union must agree on."""
        return (kind_of(self.type) + self.leaf, self.collection)

    @property
    def says(self) -> str:
        """The type, for a message."""
        return f"a collection of {self.type}" if self.collection else self.type


def column(expressions: Expressions, raw: Json, scope: Scope) -> Column | None:
    """One column; faults are noted, and None stands for one that cannot even be named."""
    faults, pointer = expressions.compilation.faults, scope.pointer
    check_keys(raw, _KEYS, pointer, faults)
    name, path = text(raw, "name", pointer, faults), text(raw, "path", pointer, faults)
    if name is not None and not NAME.fullmatch(name):
        faults.add(f"{pointer}/name", f"the name {name!r}", "letters, digits and _, beginning with a letter")
    collection = raw.get("collection", False)
    if not isinstance(collection, bool):
        faults.add(f"{pointer}/collection", f"{collection!r}", "true or false")
    if name is None:
        return None
    inside = scope.at(f"{pointer}/path")
    found = expressions.parsed(path, inside) if path is not None else Constant(UNKNOWN, None)
    type_name = _type(expressions, raw, found, scope)
    expr = _leaving(expressions, found, type_name, inside, collection=collection is True)
    is_row_index = path is not None and path.strip() == _ROW_INDEX
    return Column(name, type_name, collection is True, expr, pointer, is_row_index)


def _type(expressions: Expressions, raw: Json, found: Expr, scope: Scope) -> str:
    compilation, declared = expressions.compilation, raw.get("type")
    name = None
    if declared is not None:
        name = bare_type(declared) if isinstance(declared, str) else ""
        if not known_type(name):
            types = [*definitions().primitives, *definitions().types]
            allowed = close_to(name, types) or "a FHIR type, such as string, date or decimal"
            compilation.fault(scope.at(f"{scope.pointer}/type"), f"the type {declared!r}", allowed)
            return UNKNOWN
    if found.type == UNKNOWN:
        return UNKNOWN
    if kind_of(found.type) in {"complex", "choice"}:
        compilation.fault(scope.at(f"{scope.pointer}/path"), f"a column of {shown(found)}", _values_in(found))
        return UNKNOWN
    if name is None:
        return {NUMBER: "decimal", EMPTY: "string"}.get(found.type, found.type)
    if found.type != EMPTY and kind_of(name) not in _WIDER[kind_of(found.type)]:
        compilation.fault(
            scope.at(f"{scope.pointer}/type"),
            f"the type {name} for a path that gives {shown(found)}",
            found.type,
        )
    return name


def _values_in(found: Expr) -> str:
    """What a column could be of instead of an element that has no single value."""
    while isinstance(found, Each):
        found = found.body
    if isinstance(found, Choice):
        choice = element(found.base.type, found.name)
        kinds = choice.types if choice else ()
        if len(kinds) > _MANY:
            return "one of its types: ofType(string), ofType(Coding), for example"
        return f"one of its types: {' or '.join(f'ofType({kind})' for kind in kinds)}"
    inside = [name for name in element_names(found.type) if _is_value(found.type, name)]
    return f"an element of it that has a single value, such as {' or '.join(inside[:_SHOWN])}"


def _is_value(kind: str, name: str) -> bool:
    found = element(kind, name)
    return found is not None and not found.choice and name != "id" and is_primitive(found.types[0])


def _leaving(
    expressions: Expressions, found: Expr, type_name: str, scope: Scope, *, collection: bool
) -> Expr:
    """The form in which a column leaves: text, boolean or whole number; one value or a list."""
    if UNKNOWN in {found.type, type_name}:
        return Constant(UNKNOWN, None)
    if found.type == EMPTY:
        found = Call(Op.CAST, (Constant(type_name, None),), type_name, extra=leaf_of(type_name))
    text_form = leaf_of(type_name) == "string"

    def form(one: Expr) -> Expr:
        if text_form:
            return as_text(one)
        read = isinstance(one, Call) and one.op is Op.WHOLE and leaf_of(one.type) == leaf_of(type_name)
        return one if read else Call(Op.CAST, (one,), type_name, extra=leaf_of(type_name))

    if kind_of(found.type) in {"decimal", "integer"}:
        found = through(expressions.compilation, found, form)
    if not collection:
        return single(found, scope)
    listed = found if found.many else Call(Op.LIST, (found,), found.type, many=True)
    return Call(Op.COLLECTION, (listed,), listed.type, many=True)
