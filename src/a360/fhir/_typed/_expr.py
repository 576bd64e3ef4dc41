"""The typed expression tree: FHIRPath checked against FHIR, in the few operations that all SQL dialects have.

An expression is one value (empty is NULL) or, where `many`, a list (empty is an empty or NULL list).
`type` is a FHIR type, or one of the three below, which have no element of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from a360.fhir._struct import StructNode

NUMBER = "number"  # a decimal as a number; FHIR's own `decimal` is carried as text
EMPTY = "empty"  # the literal {}, of any type
UNKNOWN = "unknown"  # a part at fault; nothing about it is reported again


class Op(StrEnum):
    """What a `Call` does; each emitter says how."""

    AND = "and"
    OR = "or"
    XOR = "xor"
    IMPLIES = "implies"
    NOT = "not"
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    FLOOR_DIVIDE = "div"
    MODULO = "mod"
    NEGATE = "negate"
    CONCAT = "concat"  # NULL when a part is
    JOIN_TEXT = "&"  # a missing part counts as ''
    JOIN_LIST = "join"
    IF = "iif"
    IS_TRUE = "is true"
    EXISTS = "exists"
    COUNT = "count"
    SAME = "same"  # equality of lists
    TO_NUMBER = "number"  # decimal text or integer to number
    NUMBER_TEXT = "number text"
    CAST = "cast"  # to what `extra` says: string (the default), integer or long
    COMPARE_DATE = "compare date"
    COMPARE_DATETIME = "compare dateTime"
    COMPARE_TIME = "compare time"
    REFERENCE_KEY = "reference key"
    LOW_DECIMAL = "low decimal"
    HIGH_DECIMAL = "high decimal"
    LOW_DATE = "low date"
    HIGH_DATE = "high date"
    LOW_DATETIME = "low dateTime"
    HIGH_DATETIME = "high dateTime"
    LOW_TIME = "low time"
    HIGH_TIME = "high time"
    LOWER = "lower"
    UPPER = "upper"
    TRIM = "trim"
    LENGTH = "length"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    CONTAINS = "contains"
    SUBSTRING = "substring"
    INDEX_OF = "indexOf"
    MATCHES = "matches"  # what the pattern `extra`, with one meaning for all engines, is found in
    REPLACE = "replace"  # of a text that is not ''
    SURROUND = "surround"  # each character with a text
    REPLACE_MATCHES = "replaceMatches"  # `extra` is the pattern, `groups` what stands for a match
    WHOLE = "whole"  # text to a whole number, exactly
    PARSE = "parse"  # JSON text to the struct `node`
    CHAIN = "chain"  # lists one after the other
    LIST = "list"  # one value as a list of none or one
    COLLECTION = "collection"  # a list that is never NULL
    SLICE = "slice"  # the items from one position to before another, as `extra` says: "1:", "0:2"
    BRANCHES = "branches"  # the numbers of a union's branches
    SWITCH = "switch"  # the value of the branch that a row belongs to


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A column of the relation at hand, or the parameter of a lambda."""

    name: str
    type: str
    node: StructNode | None = None
    many: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A literal; `value` None is NULL."""

    type: str
    value: str | int | bool | None
    many: bool = False
    node: None = None


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A field of one struct value."""

    base: "Expr"
    name: str
    type: str
    many: bool
    node: StructNode


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """An element of several types, before `ofType` picks one. Never emitted."""

    base: "Expr"
    name: str
    type: str = "choice"
    many: bool = False
    node: None = None


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """`body` for each item of `base`; empty results are dropped, lists are joined into one."""

    base: "Expr"
    var: Var
    body: "Expr"
    many: bool = field(default=True, init=False)

    @property
    def type(self) -> str:
        """The type of an item."""
        return self.body.type

    @property
    def node(self) -> StructNode | None:
        """The struct of an item."""
        return self.body.node


class _OfBase:
    """An expression whose items are those of its base."""

    __slots__ = ()
    base: "Expr"

    @property
    def type(self) -> str:
        """The type of an item."""
        return self.base.type

    @property
    def node(self) -> StructNode | None:
        """The struct of an item."""
        return self.base.node


@dataclass(frozen=True, slots=True, eq=False)
class Filter(_OfBase):
    """The items of `base` for which `condition` is true."""

    base: "Expr"
    var: Var
    condition: "Expr"
    many: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Descent(_OfBase):
    """The items of `base`, each followed by what `body` leads to from it, and so on down to `depth`.

    `body` reads an item as the field `node` of `var`. What nests deeper stops the query with `message`.
    """

    base: "Expr"
    var: Var
    body: "Expr"
    depth: int
    message: str
    many: bool = field(default=True, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Guard(_OfBase):
    """`base` where `condition` is true, else empty."""

    base: "Expr"
    condition: "Expr"

    @property
    def many(self) -> bool:
        """Whether it is a list."""
        return self.base.many


@dataclass(frozen=True, slots=True, eq=False)
class Item(_OfBase):
    """The item of a list at a position from 0, or the last one (-1); empty if there is none."""

    base: "Expr"
    position: int
    many: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Single(_OfBase):
    """The only item of a list; more than one stops the query with `message`."""

    base: "Expr"
    message: str
    many: bool = field(default=False, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """An operation on values. `extra` holds what is fixed when compiling: a resource type, a comparison."""

    op: Op
    args: tuple["Expr", ...]
    type: str
    many: bool = False
    extra: str = ""
    node: StructNode | None = None
    groups: tuple[str | int, ...] = ()  # a substitution: texts, and the numbers of groups


type Expr = Var | Constant | Field | Choice | Each | Filter | Descent | Guard | Item | Single | Call


def parts(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression."""
    match expr:
        case Var() | Constant():
            return ()
        case Each() | Descent():
            return (expr.base, expr.body)
        case Filter() | Guard():
            return (expr.base, expr.condition)
        case Call():
            return expr.args
        case _:
            return (expr.base,)


def with_parts(expr: Expr, new: tuple[Expr, ...]) -> Expr:
    """The same expression over other direct parts."""
    match expr:
        case Var() | Constant():
            return expr
        case Each() | Descent():
            return replace(expr, base=new[0], body=new[1])
        case Filter() | Guard():
            return replace(expr, base=new[0], condition=new[1])
        case Call():
            return replace(expr, args=new)
        case _:
            return replace(expr, base=new[0])


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything in it."""
    yield expr
    for part in parts(expr):
        yield from walk(part)


def form(expr: Expr) -> tuple[object, ...]:
    """What an expression says, as a value: two expressions that say the same have the same form."""
    own: object
    match expr:
        case Var():
            own = expr.name
        case Constant():
            own = (type(expr.value), expr.value)
        case Field() | Choice():
            own = expr.name
        case Item():
            own = expr.position
        case Single():
            own = expr.message
        case Call():
            own = (
                expr.op,
                expr.extra,
                expr.groups,
                expr.type,
                id(expr.node) if expr.op is Op.PARSE else None,
            )
        case Each() | Filter() | Descent():
            own = (expr.var.name, id(expr.node) if isinstance(expr, Descent) else None)
        case Guard():
            own = None
    return (type(expr), own, *(form(part) for part in parts(expr)))


_PARAMETERS = "xyzuvw"


def tidied(expr: Expr, depth: int = 0, names: Mapping[str, str] | None = None) -> Expr:
    """The expression with its lambdas' parameters named by their depth: x, y, z and so on."""
    known = names or {}
    match expr:
        case Var():
            return replace(expr, name=known.get(expr.name, expr.name))
        case Each() | Filter() | Descent():
            name = _PARAMETERS[depth] if depth < len(_PARAMETERS) else f"x{depth}"
            base, body = parts(expr)
            inner = tidied(body, depth + 1, {**known, expr.var.name: name})
            renamed = replace(expr, var=replace(expr.var, name=name))
            return with_parts(renamed, (tidied(base, depth, known), inner))
        case _:
            return with_parts(expr, tuple(tidied(part, depth, known) for part in parts(expr)))


def free_names(expr: Expr) -> frozenset[str]:
    """The columns an expression reads: its variables less the parameters of its lambdas."""
    if isinstance(expr, Var):
        return frozenset({expr.name})
    found = [free_names(part) for part in parts(expr)]
    if isinstance(expr, Each | Filter | Descent):
        found[1] -= {expr.var.name}
    return frozenset().union(*found)


# Operations that are NULL when their only argument is.
_STRICT = frozenset({Op.WHOLE, Op.CAST, Op.TO_NUMBER, Op.NUMBER_TEXT, Op.REFERENCE_KEY})


def null_with(expr: Expr, name: str) -> bool:
    """Whether the expression is certainly NULL when the variable is: a path that starts at it."""
    match expr:
        case Var():
            return expr.name == name
        case Field() | Item() | Single() | Guard():
            return null_with(expr.base, name)
        case Call():
            return expr.op in _STRICT and null_with(expr.args[0], name)
        case _:
            return False
