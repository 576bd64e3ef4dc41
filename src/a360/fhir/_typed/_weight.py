"""How long the SQL of an expression becomes: some operations write what they work on several times."""

from a360.fhir._typed._expr import Call, Descent, Each, Expr, Filter, Op, Single, parts

# Ten times what the longest expression of the lake's own views has. Beyond it a view is at fault: a few steps
# more, each of which multiplies the rest, and no engine would finish with it.
MAX_WEIGHT = 10_000

_COPIES = {
    Op.COMPARE_DATE: 5,
    Op.COMPARE_DATETIME: 7,
    Op.COMPARE_TIME: 5,
    Op.SAME: 3,
    Op.SUBSTRING: 3,
    Op.SURROUND: 2,
    Op.SLICE: 2,
    Op.LIST: 2,
    Op.LOW_DECIMAL: 2,
    Op.HIGH_DECIMAL: 2,
    Op.LOW_DATE: 4,
    Op.HIGH_DATE: 4,
    Op.LOW_DATETIME: 8,
    Op.HIGH_DATETIME: 8,
    Op.LOW_TIME: 2,
    Op.HIGH_TIME: 2,
}


def weight(expr: Expr) -> int:
    """The number of operations that the SQL of an expression has, about."""
    return _weight(expr, {})


def _weight(expr: Expr, known: dict[int, int]) -> int:
    # Parts may be shared, and are counted as often as they are written; each is looked at once.
    if id(expr) not in known:
        inner = [_weight(part, known) for part in parts(expr)]
        if isinstance(expr, Each | Filter):
            # The time that engines take to bind a lambda grows like this with those around it.
            inner[1] *= 2
        known[id(expr)] = 1 + _copies(expr) * sum(inner)
    return known[id(expr)]


def _copies(expr: Expr) -> int:
    match expr:
        case Single() | Descent():
            return 2
        case Call():
            return _COPIES.get(expr.op, 1)
        case _:
            return 1
