"""Functions of text: parts, searches, changes, and values made from text."""

from typing import TYPE_CHECKING

from a360.fhir._expr import NUMBER, UNKNOWN, Call, Constant, Expr, Op
from a360.fhir._fhirpath import Node
from a360.fhir._function import Function, Handler
from a360.fhir._operators import as_number, as_text
from a360.fhir._paths import single
from a360.fhir._scope import Scope
from a360.fhir._types import kind_of, shown

if TYPE_CHECKING:
    from a360.fhir._expressions import Expressions

_SINGLE = frozenset({"text", "integer", "decimal", "boolean", "date", "dateTime", "time"})
_NUMERIC = frozenset({"text", "integer", "decimal"})


def _string(op: Op, result: str = "string") -> Handler:
    """A function of one text, with texts or integers as arguments."""

    def handler(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
        values = [single(e.typed(node, scope), scope) for node in args]
        if UNKNOWN in {target.type, *(value.type for value in values)}:
            return Constant(UNKNOWN, None)
        wanted = "integer" if op is Op.SUBSTRING else "text"
        kinds = {kind_of(value.type) for value in values}
        if kind_of(target.type) not in {"text", "empty"} or not kinds <= {wanted, "empty"}:
            found = ", ".join(shown(value) for value in values)
            return e.compilation.fault(
                scope, f"{op.value}({found}) of {shown(target)}", f"text, and {wanted} inside ()"
            )
        return Call(op, (single(target, scope), *values), result)

    return handler


def _to_string(e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == UNKNOWN:
        return target
    if kind_of(target.type) not in _SINGLE:
        return e.compilation.fault(
            scope, f"toString() of {shown(target)}", "an element that has a single value"
        )
    return Call(Op.CONCAT, (as_text(single(target, scope)),), "string")


def _to_integer(e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == UNKNOWN or kind_of(target.type) == "integer":
        return target
    if kind_of(target.type) not in _NUMERIC:
        return e.compilation.fault(scope, f"toInteger() of {shown(target)}", "text or a number")
    return Call(Op.WHOLE, (as_text(single(target, scope)),), "integer", extra="integer")


def _to_decimal(e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == UNKNOWN:
        return target
    if kind_of(target.type) not in _NUMERIC:
        return e.compilation.fault(scope, f"toDecimal() of {shown(target)}", "text or a number")
    one = single(target, scope)
    return as_number(one) if kind_of(one.type) != "text" else Call(Op.TO_NUMBER, (one,), NUMBER)


TEXT_FUNCTIONS = {
    "contains": Function(_string(Op.CONTAINS, "boolean"), 1, 1),
    "endsWith": Function(_string(Op.ENDS_WITH, "boolean"), 1, 1),
    "length": Function(_string(Op.LENGTH, "integer")),
    "lower": Function(_string(Op.LOWER)),
    "replace": Function(_string(Op.REPLACE), 2, 2),
    "startsWith": Function(_string(Op.STARTS_WITH, "boolean"), 1, 1),
    "substring": Function(_string(Op.SUBSTRING), 1, 2),
    "toDecimal": Function(_to_decimal),
    "toInteger": Function(_to_integer),
    "toString": Function(_to_string),
    "trim": Function(_string(Op.TRIM)),
    "upper": Function(_string(Op.UPPER)),
}
