"""Writes a plan as one flat SELECT: rows come from joins with lists, each seeing what stands before it."""

from collections.abc import Mapping, Sequence

from a360.fhir._definitions import is_primitive
from a360.fhir._relational._plan import Plan, Unnest
from a360.fhir._sql._dialect import Dialect
from a360.fhir._sql._emitter import Emitter
from a360.fhir._typed._expr import Call, Expr, Filter, Op, Var, tidied


class LateralEmitter(Emitter):
    """For dialects whose FROM may unnest a list of a relation that stands before it."""

    def select(self, plan: Plan, source: str, carry: Sequence[str]) -> str:
        """The whole statement over the relation `source`, with its columns `carry` passed on first."""
        return _Flat(self.dialect, plan).select_from(source, carry)


class _Flat(Emitter):
    """One plan. A position is no column here, but the ordinality less one."""

    def __init__(self, dialect: Dialect, plan: Plan) -> None:
        super().__init__(dialect)
        self._plan = plan
        self._positions: Mapping[str, str] = {
            step.index: self._position(step) for step in plan.steps if step.index
        }

    def select_from(self, source: str, carry: Sequence[str]) -> str:
        """The statement."""
        name = self.dialect.name
        columns = [name(column) for column in carry]
        columns += [f"{self.sql(tidied(o.expr))} AS {name(o.name)}" for o in self._plan.outputs]
        joins = [self._join(step) for step in self._plan.steps]
        lines = ["SELECT", "  " + ",\n  ".join(columns), f"FROM {source}", *joins]
        tests = [tidied(test) for test in self._plan.where]
        if tests:
            lines.append("WHERE " + self._all(tests))
        return "\n".join(lines)

    def _join(self, step: Unnest) -> str:
        name = self.dialect.name
        columns = [name(step.var)] + ([self._ordinal(step)] if step.index else [])
        ordinality = " WITH ORDINALITY" if step.index else ""
        rows = f"UNNEST({self._rows(step)}){ordinality} AS {name(f'{step.var}_items')} ({', '.join(columns)})"
        return f"LEFT JOIN {rows} ON TRUE" if step.optional else f"CROSS JOIN {rows}"

    def _rows(self, step: Unnest) -> str:
        """The list of a step. UNNEST spreads a struct over columns, so each is wrapped in one of its own."""
        items = tidied(step.items)
        wrapped = not is_primitive(items.type)
        if wrapped and isinstance(items, Call) and items.op is Op.LIST:
            [value] = items.args
            one = self.dialect.array([f"ROW({self.sql(value)})"])
            text, wrapped = f"CASE WHEN {self._atom(value)} IS NOT NULL THEN {one} END", False
            nothing = "ROW(NULL)"
        else:
            text, nothing = self.sql(items), "NULL"
        if step.when:
            otherwise = "" if step.optional else f" ELSE {self.dialect.array([nothing])}"
            text = f"CASE WHEN {self.sql(tidied(step.when))} THEN {text}{otherwise} END"
        return self.dialect.mapped(text, "x", "ROW(x)") if wrapped else text

    def _ordinal(self, step: Unnest) -> str:
        return self.dialect.name(f"{step.var}_ordinal")

    def _position(self, step: Unnest) -> str:
        text = f"{self._ordinal(step)} - 1"
        return f"coalesce({text}, 0)" if step.optional else text

    def _var(self, expr: Var) -> str:
        position = self._positions.get(expr.name)
        return f"({position})" if position else super()._var(expr)

    def _cast(self, expr: Call) -> str:
        [value] = expr.args
        if isinstance(value, Var) and value.name in self._positions:
            return f"CAST({self._positions[value.name]} AS {self._leaf_type(expr.extra)})"
        return super()._cast(expr)

    def _some(self, items: Expr) -> str:
        if isinstance(items, Filter):
            test = f"{self.dialect.name(items.var.name)} -> {self._test(items.condition)}"
            return f"any_match({self.sql(items.base)}, {test})"
        return super()._some(items)
