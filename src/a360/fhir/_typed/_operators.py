"""Operators: three-valued logic, comparisons by the kind of their operands, arithmetic, text."""

from a360.fhir._typed._expr import EMPTY, NUMBER, UNKNOWN, Call, Constant, Expr, Item, Op
from a360.fhir._typed._paths import single, where
from a360.fhir._typed._scope import Compilation, Scope
from a360.fhir._types import kind_of, shown

_LOGIC = {"and": Op.AND, "or": Op.OR, "xor": Op.XOR, "implies": Op.IMPLIES}
_COMPARE = {"=": Op.EQ, "!=": Op.NE, "<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE}
_ARITHMETIC = {
    "+": Op.ADD,
    "-": Op.SUBTRACT,
    "*": Op.MULTIPLY,
    "/": Op.DIVIDE,
    "div": Op.FLOOR_DIVIDE,
    "mod": Op.MODULO,
}
_TEMPORAL = {
    frozenset({"date"}): Op.COMPARE_DATE,
    frozenset({"date", "dateTime"}): Op.COMPARE_DATETIME,
    frozenset({"dateTime"}): Op.COMPARE_DATETIME,
    frozenset({"time"}): Op.COMPARE_TIME,
}
_NUMERIC = frozenset({"integer", "decimal"})
_PLAIN = frozenset({"text", "boolean", "integer"})


def binary(  # noqa: PLR0911 - one a kind of operator
    compilation: Compilation, operator: str, left: Expr, right: Expr, scope: Scope
) -> Expr:
    """`left operator right`."""
    if UNKNOWN in {left.type, right.type}:
        return Constant(UNKNOWN, None)
    if operator in _LOGIC:
        sides = tuple(boolean(compilation, side, f"'{operator}'", scope) for side in (left, right))
        return Call(_LOGIC[operator], sides, "boolean")
    if operator in _COMPARE:
        return _comparison(compilation, operator, left, right, scope)
    if operator == "&":
        sides = tuple(_text(compilation, side, scope) for side in (left, right))
        return Call(Op.JOIN_TEXT, sides, "string")
    if operator in _ARITHMETIC:
        return _arithmetic(compilation, operator, left, right, scope)
    if operator == "in":
        return _membership(compilation, operator, left, right, scope)
    if operator == "contains":
        return _membership(compilation, operator, right, left, scope)
    return compilation.fault(
        scope,
        f"the operator '{operator}' is not supported in views",
        "and or xor implies = != < <= > >= in contains is as + - * / div mod &",
    )


def _membership(compilation: Compilation, operator: str, item: Expr, items: Expr, scope: Scope) -> Expr:
    """Whether a collection has an item: empty without an item, false without a collection."""
    if item.type == EMPTY:
        return Constant("boolean", None)
    if items.type == EMPTY:
        return Constant("boolean", value=False)
    kinds = {kind_of(item.type), kind_of(items.type)}
    if not kinds <= _PLAIN or len(kinds) > 1:
        found = f"'{operator}' of {shown(item)} and {shown(items)}"
        return compilation.fault(scope, found, "texts, whole numbers or booleans, of one kind")
    one = single(item, scope)
    same = where(compilation, items, lambda each: Call(Op.EQ, (each, one), "boolean"))
    found_it = Call(Op.EXISTS, (same,), "boolean")
    if isinstance(one, Constant):
        return found_it
    return Call(Op.IF, (Call(Op.EXISTS, (one,), "boolean"), found_it, Constant("boolean", None)), "boolean")


def boolean(compilation: Compilation, expr: Expr, place: str, scope: Scope) -> Expr:
    """An operand that must be a boolean."""
    if expr.type == EMPTY:
        return Constant("boolean", None)
    if expr.type not in {"boolean", UNKNOWN}:
        return compilation.fault(
            scope, f"{place} of {shown(expr)}", "a boolean: add exists() or a comparison"
        )
    return single(expr, scope)


def negative(compilation: Compilation, operator: str, operand: Expr, scope: Scope) -> Expr:
    """`-operand` and `+operand`."""
    if operand.type == UNKNOWN:
        return operand
    if kind_of(operand.type) not in _NUMERIC:
        return compilation.fault(scope, f"'{operator}' before {shown(operand)}", "a number")
    one = single(operand, scope)
    if isinstance(one, Constant) and isinstance(one.value, int | str) and operator == "-":
        return Constant(one.type, -one.value if isinstance(one.value, int) else f"-{one.value}")
    if operator == "+":
        return one
    number = as_number(one) if kind_of(one.type) == "decimal" else one
    return Call(Op.NEGATE, (number,), number.type)


def as_number(expr: Expr) -> Expr:
    """An integer or a decimal as a number that decimals can be compared with."""
    return expr if expr.type == NUMBER else Call(Op.TO_NUMBER, (expr,), NUMBER)


def as_text(expr: Expr) -> Expr:
    """A value as the text FHIR writes for it."""
    kind = kind_of(expr.type)
    if expr.type == NUMBER:
        return Call(Op.NUMBER_TEXT, (expr,), "decimal")
    if kind in {"boolean", "integer"}:
        return Call(Op.CAST, (expr,), "string")
    return expr


def _text(compilation: Compilation, expr: Expr, scope: Scope) -> Expr:
    if expr.type == EMPTY:
        return Constant("string", None)
    if kind_of(expr.type) in {"complex", "choice"}:
        return compilation.fault(
            scope, f"'&' of {shown(expr)}", "text, or an element that has a single value"
        )
    return as_text(single(expr, scope))


def _comparison(compilation: Compilation, operator: str, left: Expr, right: Expr, scope: Scope) -> Expr:
    if EMPTY in {left.type, right.type}:
        return Constant("boolean", None)
    kinds = {kind_of(left.type), kind_of(right.type)}
    problem = _comparison_problem(operator, kinds, left, right)
    if problem is not None:
        return compilation.fault(scope, *problem)
    if operator in {"=", "!="} and (left.many or right.many):
        return _equal_lists(operator, left, right, scope)
    return _compare_values(operator, single(left, scope), single(right, scope))


def _comparison_problem(operator: str, kinds: set[str], left: Expr, right: Expr) -> tuple[str, str] | None:
    found = f"{shown(left)} {operator} {shown(right)}"
    if kinds & {"complex", "choice"}:
        return found, "compare elements that have a single value; choose a type of a choice with ofType(...)"
    if len(kinds) == 1 or kinds <= _NUMERIC or frozenset(kinds) in _TEMPORAL:
        if kinds == {"boolean"} and operator not in {"=", "!="}:
            return found, "booleans have no order: use = or !="
        return None
    if "text" in kinds and kinds & {"date", "dateTime", "time"}:
        return found, "write a date as @2024-01-31, a dateTime as @2024-01-31T10:00:00Z, a time as @T10:00:00"
    return found, "both sides of one kind"


def _compare_values(operator: str, left: Expr, right: Expr) -> Expr:
    kinds = frozenset({kind_of(left.type), kind_of(right.type)})
    if kinds in _TEMPORAL:
        return Call(_TEMPORAL[kinds], (left, right), "boolean", extra=operator)
    if "decimal" in kinds:
        left, right = as_number(left), as_number(right)
    return Call(_COMPARE[operator], (left, right), "boolean")


def _equal_lists(operator: str, left: Expr, right: Expr, scope: Scope) -> Expr:
    """Equality of collections: empty if one is, false if their sizes differ, else item by item."""
    if left.many and right.many:
        if kind_of(left.type) not in _PLAIN:
            return _compare_values(operator, single(left, scope), single(right, scope))
        same = Call(Op.SAME, (left, right), "boolean")
        return same if operator == "=" else Call(Op.NOT, (same,), "boolean")
    many, one = (left, right) if left.many else (right, left)
    equal = _compare_values(operator, Item(many, 0), one)
    if isinstance(one, Constant):
        differ: Expr = Constant("boolean", operator == "!=")
    else:
        known = Call(Op.EXISTS, (one,), "boolean")
        differ = Call(
            Op.IF, (known, Constant("boolean", operator == "!="), Constant("boolean", None)), "boolean"
        )
    several = Call(Op.GT, (Call(Op.COUNT, (many,), "integer"), Constant("integer", 1)), "boolean")
    return Call(Op.IF, (several, differ, equal), "boolean")


def _arithmetic(compilation: Compilation, operator: str, left: Expr, right: Expr, scope: Scope) -> Expr:
    if EMPTY in {left.type, right.type}:
        return Constant(EMPTY, None)
    kinds = {kind_of(left.type), kind_of(right.type)}
    ones = (single(left, scope), single(right, scope))
    if operator == "+" and kinds == {"text"}:
        return Call(Op.CONCAT, ones, "string")
    if not kinds <= _NUMERIC:
        found = f"{shown(left)} {operator} {shown(right)}"
        return compilation.fault(scope, found, "two numbers" + (" or two texts" if operator == "+" else ""))
    if kinds == {"integer"} and operator != "/":
        return Call(_ARITHMETIC[operator], ones, "integer")
    if operator == "div":
        return compilation.fault(scope, f"{shown(left)} div {shown(right)}", "two whole numbers")
    return Call(_ARITHMETIC[operator], tuple(as_number(one) for one in ones), NUMBER)
