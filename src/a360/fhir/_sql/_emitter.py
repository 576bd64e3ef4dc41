"""What all dialects have in common: the shape of the SELECTs, precedence, and the operations that SQL spells alike."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from a360.fhir._expr import (
    Call,
    Choice,
    Constant,
    Each,
    Expr,
    Field,
    Filter,
    Guard,
    Item,
    Op,
    Single,
    Var,
)
from a360.fhir._plan import Layer, Unnest
from a360.fhir._sql._words import RESERVED
from a360.fhir._types import kind_of

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_INDENT = "  "

# {0} is an argument as it is, {a0} the same in parentheses where precedence asks for them.
_COMMON: Mapping[Op, str] = {
    Op.AND: "{a0} AND {a1}",
    Op.OR: "{a0} OR {a1}",
    Op.XOR: "{a0} <> {a1}",
    Op.IMPLIES: "NOT {a0} OR {a1}",
    Op.NOT: "NOT {a0}",
    Op.EQ: "{a0} = {a1}",
    Op.NE: "{a0} <> {a1}",
    Op.LT: "{a0} < {a1}",
    Op.LE: "{a0} <= {a1}",
    Op.GT: "{a0} > {a1}",
    Op.GE: "{a0} >= {a1}",
    Op.NEGATE: "-{a0}",
    Op.IS_TRUE: "coalesce({0}, FALSE)",
    Op.IF: "CASE WHEN {0} THEN {1} ELSE {2} END",
    Op.LOWER: "lower({0})",
    Op.UPPER: "upper({0})",
    Op.TRIM: "trim({0})",
    Op.LENGTH: "length({0})",
    Op.REPLACE: "replace({0}, {1}, {2})",
}
_INFIX = frozenset(
    {
        Op.AND,
        Op.OR,
        Op.XOR,
        Op.IMPLIES,
        Op.NOT,
        Op.EQ,
        Op.NE,
        Op.LT,
        Op.LE,
        Op.GT,
        Op.GE,
        Op.NEGATE,
        Op.CONCAT,
        Op.JOIN_TEXT,
    }
)
_CHAINS = frozenset({Op.AND, Op.OR, Op.CONCAT, Op.JOIN_TEXT})


class Emitter(ABC):
    """Writes a plan's layers as one SELECT."""

    templates: ClassVar[Mapping[Op, str]]
    leaf_types: ClassVar[Mapping[str, str]]
    quote: ClassVar[str] = '"'

    def select(self, layers: Sequence[Layer], source: str, carry: Sequence[str]) -> str:
        """The whole statement over the relation `source`, with its columns `carry` passed on first."""
        text = source
        for position, layer in enumerate(layers):
            inner = text if position == 0 else "(\n" + _indented(text) + "\n)"
            text = self.layer(layer, inner, carry)
        return text

    def layer(self, layer: Layer, inner: str, carry: Sequence[str]) -> str:
        """One SELECT over what the layer beneath made."""
        columns = [self.name(name) for name in carry]
        columns += [
            self.name(name) if expr is None else f"{self.sql(expr)} AS {self.name(name)}"
            for name, expr in layer.columns.items()
        ]
        from_ = f"FROM {inner}"
        if layer.unnest:
            generated, joined = self.unnest(layer.unnest)
            columns += generated
            from_ += joined
        lines = ["SELECT", ",\n".join(_indented(column) for column in columns), from_]
        if layer.where:
            lines.append("WHERE " + " AND ".join(self.atom(test) for test in layer.where))
        return "\n".join(lines)

    @abstractmethod
    def unnest(self, step: Unnest) -> tuple[list[str], str]:
        """A list made rows: the columns that the SELECT list gets, and what is added to FROM."""

    def items(self, step: Unnest) -> str:
        """The list of a step, with the one NULL it is where the row only passes."""
        text = self.sql(step.items)
        tests: list[str] = []
        if step.when:
            tests.append(self.atom(step.when, Op.AND))
        if step.optional:
            tests.append(f"{self.size(text)} > 0")
        if not tests:
            return text
        return f"CASE WHEN {' AND '.join(tests)} THEN {text} ELSE {self.null_list(step)} END"

    @abstractmethod
    def null_list(self, step: Unnest) -> str:
        """A list of one NULL."""

    @abstractmethod
    def size(self, text: str) -> str:
        """The number of items of a list."""

    def name(self, name: str) -> str:
        """An identifier, quoted where it must be."""
        if _PLAIN_NAME.fullmatch(name) and name not in RESERVED:
            return name
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    @abstractmethod
    def string(self, text: str) -> str:
        """A string literal."""

    def sql(self, expr: Expr) -> str:
        """An expression."""
        match expr:
            case Var():
                return self.name(expr.name)
            case Constant():
                return self.constant(expr)
            case Field():
                return f"{self.primary(expr.base)}.{self.name(expr.name)}"
            case Each():
                return self.each(expr)
            case Filter():
                return self.filter(expr)
            case Guard():
                return f"CASE WHEN {self.sql(expr.condition)} THEN {self.sql(expr.base)} END"
            case Item():
                return self.item(expr)
            case Single():
                return self.single(expr)
            case Call():
                return self.call(expr)
            case Choice():
                raise AssertionError("a choice of types is resolved before SQL is written")

    def primary(self, expr: Expr) -> str:
        """An expression that a field can be taken of."""
        text = self.sql(expr)
        return text if isinstance(expr, Var | Field) else f"({text})"

    def atom(self, expr: Expr, within: Op | None = None) -> str:
        """An expression as an operand, in parentheses if it is an operation itself."""
        text = self.sql(expr)
        if not isinstance(expr, Call):
            return text
        loose = expr.op in _INFIX or (expr.op is Op.EXISTS and not expr.args[0].many)
        return f"({text})" if loose and not (within is expr.op and within in _CHAINS) else text

    def constant(self, expr: Constant) -> str:
        """A literal."""
        if expr.value is None:
            return "NULL"
        if isinstance(expr.value, bool):
            return "TRUE" if expr.value else "FALSE"
        if isinstance(expr.value, int):
            return str(expr.value)
        return self.string(expr.value)

    @abstractmethod
    def each(self, expr: Each) -> str:
        """The body for each item; lists are joined, empty results dropped."""

    @abstractmethod
    def filter(self, expr: Filter) -> str:
        """The items that pass."""

    @abstractmethod
    def item(self, expr: Item) -> str:
        """One item of a list, NULL if there is none."""

    def single(self, expr: Single) -> str:
        """The only item of a list; several stop the query."""
        text = self.sql(expr.base)
        item = self.item(Item(expr.base, 0))
        return f"CASE WHEN {self.size(text)} > 1 THEN {self.stop(expr.message)} ELSE {item} END"

    @abstractmethod
    def stop(self, message: str) -> str:
        """An expression that ends the query with a message."""

    def call(self, expr: Call) -> str:
        """An operation: by its template, or by the method for the few that need more."""
        special = self.special(expr)
        if special is not None:
            return special
        plain = [self.sql(arg) for arg in expr.args]
        atoms = {f"a{position}": self.atom(arg, expr.op) for position, arg in enumerate(expr.args)}
        template = self.templates.get(expr.op) or _COMMON[expr.op]
        return template.format(*plain, **atoms)

    def special(self, expr: Call) -> str | None:
        """Operations whose SQL depends on more than their arguments' text."""
        match expr.op:
            case Op.EXISTS:
                text = self.sql(expr.args[0])
                if expr.args[0].many:
                    return f"coalesce({self.size(text)} > 0, FALSE)"
                return f"{self.atom(expr.args[0])} IS NOT NULL"
            case Op.COUNT:
                text = self.sql(expr.args[0])
                if expr.args[0].many:
                    return f"coalesce({self.size(text)}, 0)"
                return f"CASE WHEN {self.atom(expr.args[0])} IS NULL THEN 0 ELSE 1 END"
            case Op.CONCAT:
                return " || ".join(self.atom(arg, Op.CONCAT) for arg in expr.args)
            case Op.JOIN_TEXT:
                return " || ".join(self._or_nothing(arg) for arg in expr.args)
            case Op.SWITCH:
                branches = [f"WHEN {n} THEN {self.sql(arg)}" for n, arg in enumerate(expr.args[1:])]
                return f"CASE {self.sql(expr.args[0])} {' '.join(branches)} END"
            case Op.CAST:
                kind = self.leaf_types[expr.extra or "string"]
                verb = "CAST" if kind == self.leaf_types["string"] else "TRY_CAST"
                return f"{verb}({self.sql(expr.args[0])} AS {kind})"
            case Op.COMPARE_DATE:
                return self.compare_partial(*(self.sql(arg) for arg in expr.args), expr.extra)
            case Op.COMPARE_DATETIME:
                return self.compare_instants(*(self.sql(arg) for arg in expr.args), expr.extra)
            case Op.COMPARE_TIME:
                left, right = (self.padded_time(self.sql(arg)) for arg in expr.args)
                return f"{left} {_sql_comparison(expr.extra)} {right}"
            case Op.REFERENCE_KEY:
                return self.reference_key(self.sql(expr.args[0]), expr.extra)
            case _:
                return None

    def _or_nothing(self, arg: Expr) -> str:
        if isinstance(arg, Constant) and arg.value is not None:
            return self.sql(arg)
        if isinstance(arg, Call) and arg.op is Op.JOIN_TEXT:
            return self.sql(arg)
        return f"coalesce({self.sql(arg)}, '')"

    @abstractmethod
    def starts(self, text: str, beginning: str) -> str:
        """Whether a text begins with another."""

    def compare_partial(self, left: str, right: str, operator: str) -> str:
        """Dates of unequal precision: undecided if one is the beginning of the other."""
        begins = f"({self.starts(left, right)} OR {self.starts(right, left)})"
        undecided = f"length({left}) <> length({right}) AND {begins}"
        return f"CASE WHEN {undecided} THEN NULL ELSE {left} {_sql_comparison(operator)} {right} END"

    def compare_instants(self, left: str, right: str, operator: str) -> str:
        """Date-times: as instants if both have a time, else as far as both are given."""
        both = f"length({left}) > 10 AND length({right}) > 10"
        exact = f"{self.instant(left)} {_sql_comparison(operator)} {self.instant(right)}"
        partial = self.compare_partial(left, right, operator)
        return f"CASE WHEN {both} THEN {exact} ELSE {partial} END"

    @abstractmethod
    def instant(self, text: str) -> str:
        """A text as a timestamp with time zone, NULL if it is none."""

    def padded_time(self, text: str) -> str:
        """A time with all its digits, so that times compare as texts."""
        return f"rpad(CASE WHEN length({text}) > 8 THEN {text} ELSE {text} || '.' END, 18, '0')"

    @abstractmethod
    def reference_key(self, text: str, type_name: str) -> str:
        """The logical id that a reference holds."""

    def reference_pattern(self, type_name: str) -> str:
        """The pattern of a reference; its first group is the id."""
        one_id = r"[A-Za-z0-9.-]{1,64}"
        kind = f"(?:.*/)?{type_name}/" if type_name else "(?:urn:uuid:|(?:.*/)?[A-Z][A-Za-z]{1,40}/)"
        return f"^{kind}({one_id})(?:/_history/{one_id})?$"

    def output_type(self, type_name: str, leaf: str, *, many: bool) -> str:
        """The SQL type of a column."""
        del type_name
        return self.list_type(self.leaf_types[leaf]) if many else self.leaf_types[leaf]

    @abstractmethod
    def list_type(self, item: str) -> str:
        """The type of a list."""


def is_integer(expr: Expr) -> bool:
    """Whether an expression is a whole number."""
    return kind_of(expr.type) == "integer"


def _sql_comparison(operator: str) -> str:
    return "<>" if operator == "!=" else operator


def _indented(text: str) -> str:
    return "\n".join(_INDENT + line for line in text.split("\n"))
