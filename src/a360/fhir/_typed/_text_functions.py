"""Functions of text: parts, searches, changes, and values made from text."""

from typing import TYPE_CHECKING

from a360.fhir._fhirpath import Node
from a360.fhir._typed._expr import NUMBER, UNKNOWN, Call, Constant, Expr, Op
from a360.fhir._typed._function import Function, Handler
from a360.fhir._typed._operators import as_number, as_text
from a360.fhir._typed._paths import single
from a360.fhir._typed._regex import ALLOWED, Pattern, PatternError, pattern_of, substitution
from a360.fhir._typed._scope import Scope
from a360.fhir._types import kind_of, shown

if TYPE_CHECKING:
    from a360.fhir._typed._expressions import Expressions

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


def _replace(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    """`replace`, where '' stands around each character: which not every engine thinks."""
    found = _string(Op.REPLACE)(e, target, args, scope)
    if not isinstance(found, Call):
        return found
    text, part, new = found.args
    around = Call(Op.SURROUND, (text, new), "string")
    if isinstance(part, Constant):
        return around if part.value == "" else found
    nothing = Call(Op.EQ, (part, Constant("string", "")), "boolean")
    return Call(Op.IF, (nothing, around, found), "string")


def _matches(name: str, *, whole: bool) -> Handler:
    """Whether a pattern is found in a text, or is all of it."""

    def handler(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
        pattern = _pattern(e, name, target, args[0], scope)
        if pattern is None:
            return Constant(UNKNOWN, None)
        return Call(Op.MATCHES, (single(target, scope),), "boolean", extra=pattern.text(whole=whole))

    return handler


def _replace_matches(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    name = "replaceMatches"
    pattern = _pattern(e, name, target, args[0], scope)
    new = _literal(e, name, args[1], scope)
    if pattern is None or new is None:
        return Constant(UNKNOWN, None)
    if pattern.nullable:
        return e.compilation.fault(
            scope, f"a pattern that may match nothing, in {name}()", "one that matches something: + for *"
        )
    try:
        groups = tuple(substitution(new, pattern))
    except PatternError as error:
        return e.compilation.fault(scope, f"{name}() with {error}", "texts, $1 to $9, and ${name}")
    return Call(Op.REPLACE_MATCHES, (single(target, scope),), "string", extra=pattern.text(), groups=groups)


def _pattern(e: "Expressions", name: str, target: Expr, node: Node, scope: Scope) -> Pattern | None:
    """The pattern that a function is given; None where there is a fault."""
    text = _literal(e, name, node, scope)
    if target.type == UNKNOWN:
        return None
    if kind_of(target.type) not in {"text", "empty"}:
        e.compilation.fault(scope, f"{name}() of {shown(target)}", "text")
        return None
    try:
        return None if text is None else pattern_of(text)
    except PatternError as error:
        e.compilation.fault(scope, f"{name}() with {error}", ALLOWED)
        return None


def _literal(e: "Expressions", name: str, node: Node, scope: Scope) -> str | None:
    """A text that is known when compiling; None where there is a fault."""
    found = e.typed(node, scope)
    if isinstance(found, Constant) and isinstance(found.value, str) and kind_of(found.type) == "text":
        return found.value
    if found.type != UNKNOWN:
        e.compilation.fault(
            scope, f"{name}() with {shown(found)} that is not known", "a literal or a constant"
        )
    return None


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
    "indexOf": Function(_string(Op.INDEX_OF, "integer"), 1, 1),
    "length": Function(_string(Op.LENGTH, "integer")),
    "lower": Function(_string(Op.LOWER)),
    "matches": Function(_matches("matches", whole=False), 1, 1),
    "matchesFull": Function(_matches("matchesFull", whole=True), 1, 1),
    "replace": Function(_replace, 2, 2),
    "replaceMatches": Function(_replace_matches, 2, 2),
    "startsWith": Function(_string(Op.STARTS_WITH, "boolean"), 1, 1),
    "substring": Function(_string(Op.SUBSTRING), 1, 2),
    "toDecimal": Function(_to_decimal),
    "toInteger": Function(_to_integer),
    "toString": Function(_to_string),
    "trim": Function(_string(Op.TRIM)),
    "upper": Function(_string(Op.UPPER)),
}
