"""Functions and operators that engines spell alike, and that give other values for some rows."""

from sqlglot import exp

from a360.contract._dialect import in_doubles
from a360.contract._portable_nodes import DOUBLES, TEXT, T, cast_around, text_of, type_of

# What an engine's own library computes to the last bit, or by adding doubles in the order they come.
_LAST_BITS = (exp.Exp, exp.Ln, exp.Pow)
_TYPED_OTHERWISE = (exp.Floor, exp.Ceil, exp.Sign)


def differing_text(node: exp.Expr) -> str | None:
    """What engines make of some texts each in its way."""
    if isinstance(node, exp.Upper | exp.Lower):
        return f"{text_of(node)} is another text in DuckDB than in Spark where letters have no twin (ß, ﬁ, İ)"
    if isinstance(node, exp.Substring) and node.args.get("start") == exp.Literal.number(0):
        return f"{text_of(node)} begins before the text in DuckDB and Trino, and with it in Spark"
    if isinstance(node, exp.Like | exp.ILike):
        pattern = node.expression
        if not (isinstance(pattern, exp.Literal) and pattern.is_string and "\\" not in pattern.name):
            return f"{text_of(node)}: a backslash is itself in DuckDB, and escapes in Spark"
    return None


def differing_number(node: exp.Expr) -> str | None:
    """What engines make of some numbers each in its way."""
    if isinstance(node, exp.Cast) and type_of(node.this) in DOUBLES:
        if node.to.this in TEXT:
            return f"{text_of(node)} is spelled 1e-05 and inf in DuckDB, 1.0E-5 and Infinity in Spark"
        if node.to.this is T.DECIMAL and not in_doubles(node.this):
            return f"{text_of(node)} rounds what the double is in DuckDB, and what it reads as in Spark"
    of_double = type_of(node.args.get("this")) in DOUBLES if isinstance(node, exp.Func) else False
    if isinstance(node, exp.Round) and of_double:
        return f"{text_of(node)} rounds what the double is in DuckDB, and what it reads as in Spark"
    if isinstance(node, _LAST_BITS) or (isinstance(node, exp.Sum | exp.Avg) and of_double):
        return f"{text_of(node)} differs in its last digits, by engine and by the order of rows"
    if (
        isinstance(node, _TYPED_OTHERWISE)
        and (of_double or isinstance(node, exp.Sign))
        and not cast_around(node)
    ):
        return f"{text_of(node)} is of another type in DuckDB than in Spark"
    return None


def zero_divisor(node: exp.Expr) -> str | None:
    """A division that ends a query in one engine."""
    if not isinstance(node, exp.Div):
        return None
    divisor = node.expression.unnest()
    if isinstance(divisor, exp.Literal) and divisor.is_number and float(divisor.name):
        return None
    if isinstance(divisor, exp.Nullif):
        return None
    return (
        f"{text_of(node)} is infinite in DuckDB where it divides by 0, and ends the query in Spark and Trino"
    )
