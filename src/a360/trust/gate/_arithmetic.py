"""Sums, products and quotients of a table's columns, as what an aggregate takes."""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from a360.contract import quote_name

_SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
# Nobody writes deeper ones by hand; whoever does is answered by a worker.
_DEPTH = 32


def arithmetic(
    node: exp.Expr | None, number: Callable[[exp.Expr], str | None], depth: int = _DEPTH
) -> tuple[str, list[str]] | None:
    """An expression written anew, and the columns in it; None where it is more than arithmetic.

    Args:
        node: What was asked for.
        number: The column that a node is, if it holds numbers.
        depth: How deep it may nest.
    """
    if node is None or depth == 0:
        return None
    if isinstance(node, exp.Paren):
        return arithmetic(node.this, number, depth - 1)
    if isinstance(node, exp.Neg):
        made = arithmetic(node.this, number, depth - 1)
        return made and (f"(- {made[0]})", made[1])
    if isinstance(node, exp.Literal):
        return (node.name, []) if not node.is_string and _NUMBER.fullmatch(node.name) else None
    sign = _SIGNS.get(type(node))
    if sign is None:
        name = number(node)
        return (quote_name(name), [name]) if name is not None else None
    left, right = (arithmetic(each, number, depth - 1) for each in (node.this, node.expression))
    return (f"({left[0]} {sign} {right[0]})", left[1] + right[1]) if left and right else None
