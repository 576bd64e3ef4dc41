"""Functions of house SQL in Spark's words. What is in no list here is not translated, but refused.

Each has been compared with DuckDB's over awkward values: `tests/conformance/engine` holds that.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from a360.errors import UsageError

# Means the same on both engines, under the name that sqlglot gives it for Spark.
_ALIKE: tuple[type[exp.Expr], ...] = (
    *(exp.Connector, exp.Exists, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Coalesce, exp.Nullif),
    *(exp.Count, exp.Min, exp.Max, exp.Sum, exp.Abs, exp.Explode),
    *(exp.Lag, exp.Lead, exp.ConcatWs, exp.Chr, exp.Split, exp.SplitPart, exp.StartsWith, exp.Contains),
    *(exp.Array, exp.ArrayFilter, exp.SHA2, exp.ArgMax, exp.ArgMin),
)


def in_spark(function: exp.Expr) -> exp.Expr:
    """A function of house SQL as Spark has it."""
    if isinstance(function, exp.Anonymous):
        rule = _BY_NAME.get(function.name.lower())
    else:
        rule = next((each for kind, each in _BY_KIND.items() if isinstance(function, kind)), None)
    if rule is not None:
        return rule(function)
    if isinstance(function, _ALIKE):
        return function
    raise UsageError(
        "engine-failed",
        "A function of DuckDB's has no translation for Spark",
        found=function.name
        if isinstance(function, exp.Anonymous)
        else function.sql_name()
        if isinstance(function, exp.Func)
        else function.key,
        next_step="say it otherwise, or give it a rule in `a360.engine.spark`",
    )


def call(name: str, *arguments: exp.Expr | None) -> exp.Anonymous:
    """A call of one of Spark's functions."""
    return exp.Anonymous(this=name, expressions=[each for each in arguments if each is not None])


def struct(items: list[exp.Expr]) -> exp.Anonymous:
    """A row as a value: by name, since IN takes one without names apart."""
    named = [each for at, item in enumerate(items) for each in (exp.Literal.string(f"c{at}"), item)]
    return call("named_struct", *named)


def _as_long(function: exp.Expr) -> exp.Expr:
    """Spark's is an INT; DuckDB's a BIGINT."""
    return exp.cast(function, exp.DType.BIGINT)


def _hash(function: exp.Expr) -> exp.Expr:
    """Never null, and equal for what is equal; Spark's own `hash` has 32 bits only."""
    return call("xxhash64", *function.expressions)


def _seconds(function: exp.Expr) -> exp.Expr:
    zero = exp.Literal.number(0)
    return call("make_dt_interval", zero, zero.copy(), zero.copy(), function.expressions[0])


def _full_match(function: exp.Expr) -> exp.Expr:
    """Java's `$` would let a line break follow."""
    pattern = function.expression
    if not isinstance(pattern, exp.Literal):
        raise UsageError("engine-failed", "A pattern of house SQL is not written as text")
    return call("regexp_like", function.this, exp.Literal.string(rf"\A(?:{pattern.name})\z"))


def _list(function: exp.Expr) -> exp.Expr:
    """`collect_list` leaves nulls out, which a struct around the value is not."""
    item = exp.Lambda(this=exp.column("v", "e"), expressions=[exp.to_identifier("e")])
    value = call("named_struct", exp.Literal.string("v"), function.this)
    return call("transform", call("collect_list", value), item)


def _list_contains(function: exp.Expr) -> exp.Expr:
    """Where the list has a null, Spark does not know; to DuckDB what it does not find is not there."""
    items, value = function.this, function.expression
    found = exp.Coalesce(this=call("array_contains", items, value), expressions=[exp.false()])
    known = exp.and_(_known(items), _known(value))
    return exp.Case(ifs=[exp.If(this=known, true=found)])


def _known(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))


def _struct_pack(function: exp.Expr) -> exp.Expr:
    parts = [
        each
        for item in function.expressions
        for each in (exp.Literal.string(item.this.name), item.expression)
    ]
    return call("named_struct", *parts)


type _Rule = Callable[[exp.Expr], exp.Expr]

_BY_NAME: Mapping[str, _Rule] = MappingProxyType({"hash": _hash, "to_seconds": _seconds})
_BY_KIND: Mapping[type[exp.Expr], _Rule] = MappingProxyType(
    {
        exp.Length: _as_long,
        exp.RegexpFullMatch: _full_match,
        exp.ArrayAgg: _list,
        exp.ArrayContains: _list_contains,
        exp.Struct: _struct_pack,
    }
)
