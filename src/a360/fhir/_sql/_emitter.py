"""Writes a plan as one SELECT: its shape, precedence, and each operation in a dialect's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

from a360.fhir._relational._plan import Layer, Plan, Unnest
from a360.fhir._relational._plan import layers as layered
from a360.fhir._sql import _values as values
from a360.fhir._sql._dialect import Dialect, Steps
from a360.fhir._struct import Leaf
from a360.fhir._typed._expr import (
    NUMBER,
    Call,
    Choice,
    Constant,
    Descent,
    Each,
    Expr,
    Field,
    Filter,
    Guard,
    Item,
    Op,
    Single,
    Var,
    form,
    parts,
)

_INDENT = "  "
_INFIX: Mapping[Op, str] = {
    Op.AND: "AND",
    Op.OR: "OR",
    Op.XOR: "<>",
    Op.EQ: "=",
    Op.NE: "<>",
    Op.LT: "<",
    Op.LE: "<=",
    Op.GT: ">",
    Op.GE: ">=",
    Op.CONCAT: "||",
}
_FUNCTIONS: Mapping[Op, str] = {
    Op.LOWER: "lower",
    Op.UPPER: "upper",
    Op.LENGTH: "length",
    Op.REPLACE: "replace",
}
_ARITHMETIC: Mapping[Op, str] = {Op.ADD: "+", Op.SUBTRACT: "-", Op.MULTIPLY: "*", Op.DIVIDE: "/"}
_BOUNDARIES = frozenset(op for op in Op if op.value.startswith(("low ", "high ")))

# How tightly operations bind, loosest first; all others are functions or CASE and need no parentheses.
_POWERS: Mapping[Op, int] = {
    Op.OR: 1,
    Op.IMPLIES: 1,
    Op.AND: 2,
    Op.NOT: 3,
    **dict.fromkeys((Op.XOR, Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.COMPARE_TIME), 4),
    **dict.fromkeys((Op.ENDS_WITH, Op.CONTAINS, Op.SAME), 4),
    **dict.fromkeys((Op.CONCAT, Op.LOW_TIME, Op.HIGH_TIME), 5),
    Op.JOIN_TEXT: 5,
    **dict.fromkeys((Op.INDEX_OF, Op.SURROUND), 5),
    Op.MODULO: 6,
    Op.FLOOR_DIVIDE: 6,
    Op.NEGATE: 7,
}
_TIGHTEST = 8
_COMPARISON = 4
_CHAINS = frozenset({Op.AND, Op.OR, Op.CONCAT, Op.JOIN_TEXT})


class Emitter:
    """Writes SQL in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._writers: dict[type, Callable[..., str]] = {
            Var: self._var,
            Constant: self._constant,
            Field: self._field,
            Each: self._each,
            Filter: self._filter,
            Descent: self._descent,
            Guard: self._guard,
            Item: self._item,
            Single: self._single,
            Call: self._call,
            Choice: self._choice,
        }
        self._operations: dict[Op, Callable[[Call], str]] = {
            Op.NOT: self._not,
            Op.IMPLIES: lambda c: f"NOT {self._atom(c.args[0])} OR {self._atom(c.args[1], Op.IMPLIES)}",
            Op.NEGATE: lambda c: f"-{self._atom(c.args[0])}",
            Op.IS_TRUE: lambda c: f"coalesce({self.sql(c.args[0])}, FALSE)",
            Op.IF: self._if,
            Op.EXISTS: self._exists,
            Op.COUNT: self._count,
            Op.CAST: self._cast,
            Op.JOIN_TEXT: lambda c: " || ".join(self._or_nothing(arg) for arg in c.args),
            Op.SWITCH: self._switch,
            Op.SAME: self._same,
            Op.LIST: self._list,
            Op.COLLECTION: lambda c: f"coalesce({self.sql(c.args[0])}, {dialect.array(())})",
            Op.BRANCHES: lambda c: dialect.array([str(n) for n in range(int(c.extra))]),
            Op.CHAIN: lambda c: dialect.chained(self._texts(c)),
            Op.PARSE: self._parse,
            Op.JOIN_LIST: lambda c: dialect.joined(*self._texts(c)),
            Op.FLOOR_DIVIDE: self._quotient,
            Op.MODULO: self._modulo,
            Op.SUBSTRING: self._substring,
            Op.SLICE: self._slice,
            Op.TRIM: lambda c: dialect.trimmed(self.sql(c.args[0])),
            Op.INDEX_OF: lambda c: f"{dialect.position(*self._texts(c))} - 1",
            Op.MATCHES: lambda c: dialect.matches(self.sql(c.args[0]), c.extra),
            Op.REPLACE_MATCHES: lambda c: dialect.all_replaced(
                self.sql(c.args[0]), c.extra, dialect.substitution(c.groups)
            ),
            Op.SURROUND: self._surround,
            Op.STARTS_WITH: lambda c: dialect.starts(*self._texts(c)),
            Op.ENDS_WITH: lambda c: dialect.ends(*self._texts(c)),
            Op.CONTAINS: lambda c: dialect.contains(*self._texts(c)),
            Op.WHOLE: lambda c: values.whole(dialect, self.sql(c.args[0]), self._leaf_type(c.extra)),
            Op.TO_NUMBER: lambda c: values.number(dialect, self.sql(c.args[0])),
            Op.NUMBER_TEXT: lambda c: values.number_text(dialect, self.sql(c.args[0])),
            Op.COMPARE_DATE: lambda c: values.compare_partial(dialect, self._lexical(c), c.extra),
            Op.COMPARE_DATETIME: lambda c: values.compare_instants(dialect, self._lexical(c), c.extra),
            Op.COMPARE_TIME: lambda c: values.compare_times(dialect, self._lexical(c), c.extra),
            Op.REFERENCE_KEY: lambda c: values.reference_key(dialect, self.sql(c.args[0]), c.extra),
        }

    # The statement

    def select(self, plan: Plan, source: str, carry: Sequence[str]) -> str:
        """The whole statement over the relation `source`, with its columns `carry` passed on first."""
        text, layers = source, layered(plan)
        for position, layer in enumerate(layers):
            # Lines are indented as they are written: a literal may hold line breaks of its own.
            pad = _INDENT * (len(layers) - 1 - position)
            inner = text if position == 0 else f"(\n{text}\n{pad})"
            text = self._layer(layer, inner, carry, pad)
        return text

    def column_type(self, leaf: Leaf, *, many: bool) -> str:
        """The SQL type of a column."""
        kind = self.dialect.leaf_types[leaf]
        return self.dialect.array_type(kind) if many else kind

    def _layer(self, layer: Layer, inner: str, carry: Sequence[str], pad: str) -> str:
        name = self.dialect.name
        columns = [name(column) for column in carry]
        for column, expr in layer.columns.items():
            columns.append(name(column) if expr is None else f"{self.sql(expr)} AS {name(column)}")
        source = f"FROM {inner}"
        if layer.unnest:
            generated, joined = self.dialect.unnest(layer.unnest, self._items(layer.unnest))
            columns += generated
            if joined:
                source += f"\n{pad}{joined}"
        listed = f",\n{pad}{_INDENT}".join(columns)
        lines = [f"{pad}SELECT", f"{pad}{_INDENT}{listed}", f"{pad}{source}"]
        if layer.where:
            lines.append(f"{pad}WHERE {self._all(layer.where)}")
        return "\n".join(lines)

    def _all(self, tests: Sequence[Expr]) -> str:
        return " AND ".join(self._test(test, Op.AND if tests[1:] else None) for test in tests)

    def _items(self, step: Unnest) -> str:
        """The list of a step, or the one NULL it is where the row only passes."""
        text = self.sql(step.items)
        tests = [self._test(step.when, Op.AND if step.optional else None)] if step.when else []
        if step.optional:
            tests.append(f"{self.dialect.size(text)} > 0")
        if not tests:
            return text
        return f"CASE WHEN {' AND '.join(tests)} THEN {text} ELSE {self.dialect.array(['NULL'])} END"

    # Expressions

    def sql(self, expr: Expr) -> str:
        """An expression."""
        return self._writers[type(expr)](expr)

    def _texts(self, expr: Call) -> list[str]:
        return [self.sql(arg) for arg in expr.args]

    def _lexical(self, expr: Call) -> list[values.Lexical]:
        return [
            values.Lexical(self.sql(arg), len(str(arg.value)) if isinstance(arg, Constant) else None)
            for arg in expr.args
        ]

    def _atom(self, expr: Expr, within: Op | None = None) -> str:
        """An expression as an operand, in parentheses if it binds no tighter than what it stands in."""
        text = self.sql(expr)
        outer = _TIGHTEST if within is None else _POWERS[within]
        power = _power(expr)
        same_chain = isinstance(expr, Call) and expr.op is within and within in _CHAINS
        return text if power > outer or same_chain else f"({text})"

    def _var(self, expr: Var) -> str:
        return self.dialect.name(expr.name)

    def _constant(self, expr: Constant) -> str:
        if expr.value is None:
            return "NULL"
        if isinstance(expr.value, bool):
            return "TRUE" if expr.value else "FALSE"
        return str(expr.value) if isinstance(expr.value, int) else self.dialect.string(expr.value)

    def _choice(self, expr: Choice) -> str:
        raise AssertionError(f"{expr.name}: a choice of types is resolved before SQL is written")

    def _field(self, expr: Field) -> str:
        base = self.sql(expr.base)
        path = base if isinstance(expr.base, Var | Field | Item) else f"({base})"
        return f"{path}.{self.dialect.name(expr.name)}"

    def _each(self, expr: Each) -> str:
        var, body = self.dialect.name(expr.var.name), self.sql(expr.body)
        items = self.dialect.mapped(self.sql(expr.base), var, body)
        if expr.body.many:
            return self.dialect.flattened(items, var)
        return self.dialect.filtered(items, var, f"{var} IS NOT NULL")

    def _filter(self, expr: Filter) -> str:
        return self.dialect.filtered(
            self.sql(expr.base), self.dialect.name(expr.var.name), self._test(expr.condition)
        )

    def _descent(self, expr: Descent) -> str:
        if expr.node is None:
            raise AssertionError("what recurses is read into a struct of the view")
        steps = Steps(self.sql(expr.base), self.dialect.name(expr.var.name), self.sql(expr.body), expr.depth)
        return self.dialect.descent(steps, expr.node, self.dialect.stop(expr.message))

    def _guard(self, expr: Guard) -> str:
        return f"CASE WHEN {self._test(expr.condition)} THEN {self.sql(expr.base)} END"

    def _item(self, expr: Item) -> str:
        return self.dialect.element(self.sql(expr.base), expr.position)

    def _single(self, expr: Single) -> str:
        text = self.sql(expr.base)
        d = self.dialect
        return f"CASE WHEN {d.size(text)} > 1 THEN {d.stop(expr.message)} ELSE {d.element(text, 0)} END"

    # Operations

    def _call(self, expr: Call) -> str:
        special = self._operations.get(expr.op)
        if special is not None:
            return special(expr)
        if expr.op in _INFIX:
            return f" {_INFIX[expr.op]} ".join(self._atom(arg, expr.op) for arg in expr.args)
        if expr.op in _ARITHMETIC:
            left, right = (self._atom(arg) for arg in expr.args)
            if expr.op is Op.MULTIPLY and expr.type == NUMBER:
                return self.dialect.product(left, right)
            return self.dialect.arithmetic(_ARITHMETIC[expr.op], left, right)
        if expr.op in _BOUNDARIES:
            return values.boundary(self.dialect, expr.op, self.sql(expr.args[0]), expr.extra)
        return f"{_FUNCTIONS[expr.op]}({', '.join(self._texts(expr))})"

    def _leaf_type(self, extra: str) -> str:
        leaves: Mapping[str, Leaf] = {"boolean": "boolean", "integer": "integer", "long": "long"}
        return self.dialect.leaf_types[leaves.get(extra, "string")]

    def _if(self, expr: Call) -> str:
        condition, yes, no = expr.args
        nothing = isinstance(no, Constant) and no.value is None
        if self._asks_for(condition, yes):
            # A value where there is one: said so, an engine computes it once.
            found = self._alternatives(expr)
            return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
        otherwise = "" if nothing else f" ELSE {self.sql(no)}"
        return f"CASE WHEN {self._test(condition)} THEN {self.sql(yes)}{otherwise} END"

    def _asks_for(self, condition: Expr, value: Expr) -> bool:
        """Whether a condition is that this very value exists."""
        if not isinstance(condition, Call) or condition.op is not Op.EXISTS:
            return False
        [asked] = condition.args
        return not asked.many and not value.many and form(asked) == form(value)

    def _alternatives(self, expr: Expr) -> list[str]:
        """The values of which the first that there is counts, if the expression says so; else itself."""
        if not isinstance(expr, Call) or expr.op is not Op.IF or not self._asks_for(*expr.args[:2]):
            return [self.sql(expr)]
        _, yes, no = expr.args
        rest = [] if isinstance(no, Constant) and no.value is None else self._alternatives(no)
        return [self._atom(yes) if not rest else self.sql(yes), *rest]

    def _not(self, expr: Call) -> str:
        [value] = expr.args
        if _asks_for_one(value):
            return f"{self._atom(value.args[0])} IS NULL"
        if isinstance(value, Call) and value.op is Op.EXISTS:
            return f"coalesce({self.dialect.size(self.sql(value.args[0]))} = 0, TRUE)"
        return f"NOT {self._atom(value)}"

    def _exists(self, expr: Call) -> str:
        [value] = expr.args
        if value.many:
            return f"coalesce({self._some(value)}, FALSE)"
        return f"{self._atom(value)} IS NOT NULL"

    def _some(self, items: Expr) -> str:
        """Whether a list has items; NULL of NULL."""
        return f"{self.dialect.size(self.sql(items))} > 0"

    def _test(  # noqa: PLR0911 - one a kind of condition
        self, expr: Expr, within: Op | None = None
    ) -> str:
        """A condition where NULL is as good as FALSE, as an operand if it stands within an operation."""
        if not isinstance(expr, Call):
            return self.sql(expr)
        match expr.op:
            case Op.AND | Op.OR:
                text = f" {_INFIX[expr.op]} ".join(self._test(arg, expr.op) for arg in expr.args)
                return f"({text})" if within not in {None, expr.op} else text
            case Op.IS_TRUE:
                return self._test(expr.args[0], within)
            case Op.EXISTS if expr.args[0].many:
                return self._some(expr.args[0])
            case Op.EXISTS if isinstance(expr.args[0], Guard):
                base, condition = parts(expr.args[0])
                there = Call(Op.EXISTS, (base,), "boolean")
                return self._test(Call(Op.AND, (there, condition), "boolean"), within)
            case Op.GT if _counted(expr.args[0]):
                return f"{self.dialect.size(self.sql(parts(expr.args[0])[0]))} > {self._atom(expr.args[1])}"
            case _:
                return self.sql(expr) if within is None else self._atom(expr, within)

    def _count(self, expr: Call) -> str:
        [value] = expr.args
        if value.many:
            return f"coalesce({self.dialect.size(self.sql(value))}, 0)"
        return f"CASE WHEN {self._atom(value)} IS NULL THEN 0 ELSE 1 END"

    def _cast(self, expr: Call) -> str:
        kind = self._leaf_type(expr.extra)
        [value] = expr.args
        if expr.extra == "integer" and isinstance(value, Constant) and value.value is not None:
            return self.sql(value)
        counted = isinstance(value, Var) or _counted(value)
        if kind == self.dialect.leaf_types["string"] or counted:
            return f"CAST({self.sql(value)} AS {kind})"
        return self.dialect.cast(self.sql(expr.args[0]), kind)

    def _or_nothing(self, arg: Expr) -> str:
        given = isinstance(arg, Constant) and arg.value is not None
        joined = isinstance(arg, Call) and arg.op is Op.JOIN_TEXT
        return self.sql(arg) if given or joined else f"coalesce({self.sql(arg)}, '')"

    def _switch(self, expr: Call) -> str:
        branch, *results = self._texts(expr)
        last = f" ELSE {results.pop(0)}" if expr.extra == "else" else ""
        first = 1 if last else 0
        cases = " ".join(f"WHEN {n} THEN {text}" for n, text in enumerate(results, start=first))
        return f"CASE {branch} {cases}{last} END"

    def _same(self, expr: Call) -> str:
        left, right = self._texts(expr)
        size = self.dialect.size
        return f"CASE WHEN {size(left)} > 0 AND {size(right)} > 0 THEN {left} = {right} END"

    def _list(self, expr: Call) -> str:
        [value] = expr.args
        return f"CASE WHEN {self._atom(value)} IS NOT NULL THEN {self.dialect.array([self.sql(value)])} END"

    def _parse(self, expr: Call) -> str:
        if expr.node is None:
            raise AssertionError("JSON is parsed into the struct of a view")
        return self.dialect.parsed(self.sql(expr.args[0]), expr.node, many=expr.many)

    def _quotient(self, expr: Call) -> str:
        left, right = (self._atom(arg) for arg in expr.args)
        return self.dialect.whole_quotient(left, right)

    def _modulo(self, expr: Call) -> str:
        left, right = (self._atom(arg) for arg in expr.args)
        return f"{left} % nullif({right}, 0)"

    def _slice(self, expr: Call) -> str:
        start, _, end = expr.extra.partition(":")
        return self.dialect.part(self.sql(expr.args[0]), int(start), int(end) if end else None)

    def _surround(self, expr: Call) -> str:
        """A text put before all, and after each character."""
        text, new = expr.args
        if isinstance(new, Constant) and isinstance(new.value, str):
            replacement = self.dialect.substitution((1, new.value))
        else:
            replacement = self.dialect.after_group(self.sql(new))
        after = self.dialect.all_replaced(self.sql(text), "(?s)(.)", replacement)
        return f"{self._atom(new, Op.CONCAT)} || {after}"

    def _substring(self, expr: Call) -> str:
        text, start, *length = self._texts(expr)
        known = expr.args[1]
        if isinstance(known, Constant) and isinstance(known.value, int) and known.value >= 0:
            part = self.dialect.slice(text, str(known.value + 1), length[0] if length else None)
            return f"CASE WHEN length({text}) > {known.value} THEN {part} END"
        part = self.dialect.slice(text, f"{start} + 1", length[0] if length else None)
        return f"CASE WHEN {start} BETWEEN 0 AND length({text}) - 1 THEN {part} END"


def _asks_for_one(expr: Expr) -> TypeGuard[Call]:
    return isinstance(expr, Call) and expr.op is Op.EXISTS and not expr.args[0].many


def _counted(expr: Expr) -> bool:
    """Whether an expression is the size of a list."""
    return isinstance(expr, Call) and expr.op is Op.COUNT and expr.args[0].many


def _power(expr: Expr) -> int:
    if not isinstance(expr, Call):
        return _TIGHTEST + 1
    if _asks_for_one(expr) or (expr.op is Op.NOT and _asks_for_one(expr.args[0])):
        return _COMPARISON
    if expr.op is Op.NOT and isinstance(expr.args[0], Call) and expr.args[0].op is Op.EXISTS:
        return _TIGHTEST + 1
    return _POWERS.get(expr.op, _TIGHTEST + 1)
