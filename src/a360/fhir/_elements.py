"""Which FHIR elements each column of a view is made from, and which decide whether it has a value or a row.

Elements are named as JSON names them: `Observation.valueQuantity.value`, not `value.ofType(Quantity).value`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from a360.fhir._compile import analysed
from a360.fhir._fault import Faults, ViewError
from a360.fhir._typed._expr import (
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
)

_NOTHING: frozenset[str] = frozenset()
# Operations that pass on what they are given, in another form at most.
_PASSING = frozenset({Op.WHOLE, Op.PARSE, Op.LIST, Op.COLLECTION, Op.CAST, Op.CHAIN, Op.SLICE})


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements behind a value.

    Attributes:
        values: Those it is made from.
        conditions: Those that only decide which value, or whether there is one.
        as_is: Whether the value is passed on as it stands, and not computed.
    """

    values: frozenset[str] = _NOTHING
    conditions: frozenset[str] = _NOTHING
    as_is: bool = True

    def deciding(self) -> "Elements":
        """The same elements where they decide something and give no value."""
        return Elements(_NOTHING, self.values | self.conditions)


@dataclass(frozen=True, slots=True)
class ViewElements:
    """The elements behind each column of a view, and those that decide which rows there are."""

    resource_type: str
    columns: Mapping[str, Elements]
    rows: frozenset[str] = field(default=_NOTHING)


def view_elements(view: Mapping[str, Any] | str) -> ViewElements:
    """The FHIR elements that a ViewDefinition reads, column by column.

    Raises:
        ViewError: The view has faults.
    """
    faults = Faults()
    found = analysed(view, faults)
    if found is None or faults.found:
        raise ViewError(faults.found, view=found.view.name if found else "")
    reader = _Reader({found.plan.root.name: Elements(frozenset({found.view.resource}))})
    rows = set(_all(reader.read(test) for test in found.plan.where))
    for step in found.plan.steps:
        items = reader.read(step.items)
        reader.known[step.var] = items
        if step.index:
            reader.known[step.index] = items.deciding()
        rows |= _all([items])
        if step.when is not None:
            rows |= _all([reader.read(step.when)])
    columns = {output.name: _trimmed(reader.read(output.expr)) for output in found.plan.outputs}
    return ViewElements(found.view.resource, columns, frozenset(_paths(rows)))


def _all(found: Iterable[Elements]) -> set[str]:
    return {path for each in found for path in (*each.values, *each.conditions)}


def _trimmed(found: Elements) -> Elements:
    values = frozenset(_paths(found.values))
    return Elements(values, frozenset(_paths(found.conditions)), found.as_is)


def _paths(found: Iterable[str]) -> Iterable[str]:
    """Elements alone: the resource as a whole is none."""
    return (path for path in found if "." in path)


class _Reader:
    """Reads expressions; `known` has the elements that each variable stands for."""

    def __init__(self, known: dict[str, Elements]) -> None:
        self.known = known

    def read(self, expr: Expr) -> Elements:  # noqa: PLR0911 - one a kind of expression
        match expr:
            case Var():
                return self.known.get(expr.name, Elements())
            case Constant():
                return Elements()
            case Field():
                return self._field(expr)
            case Choice() | Item() | Single():
                return self.read(expr.base)
            case Each():
                return self._each(expr)
            case Filter():
                return self._chosen(self.read(expr.base), self._under(expr.var, expr.base, expr.condition))
            case Guard():
                return self._chosen(self.read(expr.base), self.read(expr.condition))
            case Descent():
                return self._descent(expr)
            case Call():
                return self._call(expr)

    def _field(self, expr: Field) -> Elements:
        base = self.read(expr.base)
        return Elements(frozenset(f"{path}.{expr.name}" for path in base.values), base.conditions, base.as_is)

    def _under(self, var: Var, base: Expr, body: Expr) -> Elements:
        self.known[var.name] = self.read(base)
        return self.read(body)

    def _each(self, expr: Each) -> Elements:
        base, body = self.read(expr.base), self._under(expr.var, expr.base, expr.body)
        return Elements(body.values, base.conditions | body.conditions, body.as_is)

    def _chosen(self, base: Elements, condition: Elements) -> Elements:
        return Elements(base.values, base.conditions | condition.deciding().conditions, base.as_is)

    def _descent(self, expr: Descent) -> Elements:
        """What recurses is named once more than it stands: `item` and `item.item` stand for all depths."""
        base = self.read(expr.base)
        # The body reads the item as the field `node` of the variable, which is no element.
        self.known[expr.var.name] = Elements(frozenset(path.removesuffix(".node") for path in base.values))
        body = self.read(expr.body)
        further = {path.replace(".node.", ".") for path in body.values}
        return Elements(base.values | further, base.conditions | body.conditions, base.as_is)

    def _call(self, expr: Call) -> Elements:
        args = [self.read(each) for each in expr.args]
        if expr.op in {Op.IF, Op.SWITCH}:
            condition, *results = args
            united = _united(results)
            return Elements(
                united.values,
                united.conditions | condition.deciding().conditions,
                as_is=united.as_is,
            )
        united = _united(args)
        return united if expr.op in _PASSING else Elements(united.values, united.conditions, as_is=False)


def _united(found: list[Elements]) -> Elements:
    return Elements(
        frozenset().union(*(each.values for each in found)),
        frozenset().union(*(each.conditions for each in found)),
        all(each.as_is for each in found),
    )
