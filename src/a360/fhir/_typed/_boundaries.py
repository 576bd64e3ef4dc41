"""`lowBoundary` and `highBoundary`: the edges of what a value of limited precision stands for."""

from typing import TYPE_CHECKING

from a360.fhir._fhirpath import Node
from a360.fhir._typed._expr import EMPTY, NUMBER, UNKNOWN, Call, Constant, Expr, Op
from a360.fhir._typed._function import Function
from a360.fhir._typed._operators import as_text
from a360.fhir._typed._paths import member, through
from a360.fhir._typed._scope import Scope
from a360.fhir._types import kind_of, shown

if TYPE_CHECKING:
    from a360.fhir._typed._expressions import Expressions

# By the kind of the value: its two operations, and the precisions it may be asked for, the default last.
# FHIRPath counts the digits of dates and times, and the decimal places of decimals.
_EDGES = {
    "integer": (Op.LOW_DECIMAL, Op.HIGH_DECIMAL, tuple(range(13))),
    "decimal": (Op.LOW_DECIMAL, Op.HIGH_DECIMAL, tuple(range(13))),
    "date": (Op.LOW_DATE, Op.HIGH_DATE, (4, 6, 8)),
    "dateTime": (Op.LOW_DATETIME, Op.HIGH_DATETIME, (4, 6, 8, 10, 12, 14, 17)),
    "time": (Op.LOW_TIME, Op.HIGH_TIME, (2, 4, 6, 9)),
}


class _Boundary:
    """One of the two functions."""

    def __init__(self, name: str, *, high: bool) -> None:
        self._name = name
        self._high = high

    def __call__(self, e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
        """The edge of a value; of a Period, that of its start or end. Empty for a precision there is not."""
        precision = e.typed(args[0], scope) if args else Constant("integer", None)
        if UNKNOWN in {target.type, precision.type}:
            return Constant(UNKNOWN, None)
        if not isinstance(precision, Constant) or precision.type != "integer":
            return e.compilation.fault(
                scope,
                f"{self._name}() with a precision that is no whole number",
                f"{self._name}(8), for example",
            )
        if target.type == "Period":
            target = member(e.compilation, target, "end" if self._high else "start", scope)
        if target.type == EMPTY:
            return target
        found = _EDGES.get(kind_of(target.type))
        if found is None:
            return e.compilation.fault(
                scope,
                f"{self._name}() of {shown(target)}",
                "a decimal, date, dateTime, instant, time or Period; of a Quantity, its value",
            )
        return self._edge(e, target, found, precision)

    def _edge(
        self, e: "Expressions", target: Expr, found: tuple[Op, Op, tuple[int, ...]], precision: Constant
    ) -> Expr:
        low, high, allowed = found
        if precision.value is not None and precision.value not in allowed:
            return Constant(EMPTY, None)
        digits = "" if precision.value in {None, allowed[-1]} else str(precision.value)
        kind = "decimal" if target.type == NUMBER or kind_of(target.type) == "integer" else target.type

        def edge(one: Expr) -> Expr:
            return Call(high if self._high else low, (as_text(one),), kind, extra=digits)

        return through(e.compilation, target, edge)


LOW = Function(_Boundary("lowBoundary", high=False), 0, 1)
HIGH = Function(_Boundary("highBoundary", high=True), 0, 1)
