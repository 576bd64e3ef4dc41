"""The relational tree of a view, and its layers.

A view is a chain: resources that pass `where`, then one step of rows from a list after the other. A union is
such a step too, over the numbers of its branches, so that resources are read once and the cost stays linear.
Layers put every expression into the first SELECT that can compute it, so that no whole resource is carried on
further than it is needed, and the rows of a list multiply only what has already been cut down.
"""

from dataclasses import dataclass, field, replace

from a360.fhir._typed._expr import Constant, Expr, Field, Var, form, free_names, parts, tidied, with_parts


@dataclass(frozen=True, slots=True)
class Unnest:
    """One row for each item of a list.

    Attributes:
        var: The column that holds the item.
        items: The list.
        index: The column that holds the position from 0, where the view asks for it.
        optional: Whether an empty list gives one row, with NULL.
        when: Where this is not true, the row belongs elsewhere: it passes once, with NULL.
    """

    var: str
    items: Expr
    index: str | None = None
    optional: bool = False
    when: Expr | None = None


@dataclass(frozen=True, slots=True)
class Compute:
    """A list given a name of its own, because the next step reads it twice."""

    var: str
    items: Expr
    index: None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of the view."""

    name: str
    expr: Expr


@dataclass(slots=True)
class Plan:
    """The chain of one view."""

    root: Var
    where: list[Expr] = field(default_factory=list)
    steps: list[Unnest] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


@dataclass(slots=True)
class Layer:
    """One SELECT: its columns (None for one passed on), and at most one list made rows."""

    columns: dict[str, Expr | None] = field(default_factory=dict)
    unnest: Unnest | None = None
    where: list[Expr] = field(default_factory=list)


def layers(plan: Plan) -> list[Layer]:
    """The SELECTs of a plan from the innermost to the outermost."""
    return _Scheduler(plan).layers()


class _Scheduler:
    """Layer k reads what layer k-1 made and makes the rows of step k; the last layer has no step."""

    def __init__(self, plan: Plan) -> None:
        steps = [step for unnest in plan.steps for step in _steps(unnest)]
        self._last = len(steps)
        # The first layer that can read each column.
        self._born: dict[str, int] = {plan.root.name: 0}
        for position, step in enumerate(steps, start=1):
            self._born[step.var] = position
            if step.index:
                self._born[step.index] = position
        self._computed: list[dict[str, Expr]] = [{} for _ in range(self._last + 1)]
        self._parts: dict[tuple[int, tuple[object, ...]], str] = {}
        self._where = [tidied(test) for test in plan.where]
        self._unnests: list[Unnest | None] = [None] * (self._last + 1)
        for at, step in enumerate(steps):
            items = self._cut(tidied(step.items), at)
            if isinstance(step, Compute):
                self._computed[at][step.var] = items
            else:
                self._unnests[at] = replace(step, items=items)
        self._outputs = [self._output(output) for output in plan.outputs]

    def _output(self, output: Output) -> str:
        expr = tidied(output.expr)
        level = self._level(expr)
        self._computed[level][output.name] = self._cut(expr, level)
        return output.name

    def _level(self, expr: Expr) -> int:
        """The first layer that can compute an expression; a constant waits for the last."""
        return max((self._born[name] for name in free_names(expr)), default=self._last)

    def _cut(self, expr: Expr, level: int) -> Expr:
        """The expression with every part that an earlier layer can compute computed there, under a name."""
        if level == 0:
            return expr
        names = free_names(expr)
        known = bool(names) and all(name in self._born for name in names)
        if isinstance(expr, Var | Constant):
            return expr
        if known and (earlier := self._level(expr)) < level:
            name = self._part(expr, earlier)
            return Var(name, expr.type, expr.node, expr.many)
        return with_parts(expr, tuple(self._cut(part, level) for part in parts(expr)))

    def _part(self, expr: Expr, level: int) -> str:
        """The name of an expression that a layer computes for later ones; the same one is computed once."""
        said = (level, form(expr))
        if said not in self._parts:
            name = self._parts[said] = f"_part{len(self._parts) + 1}"
            self._computed[level][name] = self._cut(expr, level)
            self._born[name] = level + 1
        return self._parts[said]

    def layers(self) -> list[Layer]:
        """All layers, each passing on what later ones read."""
        found: list[Layer] = []
        later: set[str] = set(self._outputs)
        for level in range(self._last, -1, -1):
            unnest = self._unnests[level]
            computed = self._computed[level]
            made = {unnest.var, unnest.index} if unnest else set()
            passed = later - computed.keys() - made
            where = self._where if level == 0 else []
            found.append(Layer(self._ordered(level, passed, computed), unnest, where))
            later = passed | _reads(computed, unnest)
        return found[::-1]

    def _ordered(self, level: int, passed: set[str], computed: dict[str, Expr]) -> dict[str, Expr | None]:
        if level == self._last:
            return {name: computed.get(name) for name in self._outputs}
        order = [name for name in self._outputs if name in passed]
        columns: dict[str, Expr | None] = dict.fromkeys(order + sorted(passed - set(order)))
        return columns | computed


def _steps(unnest: Unnest) -> list[Unnest | Compute]:
    if unnest.index is None or isinstance(unnest.items, Var | Field):
        return [unnest]
    named = Var(f"{unnest.var}_list", unnest.items.type, unnest.items.node, many=True)
    return [Compute(named.name, unnest.items), replace(unnest, items=named)]


def _reads(computed: dict[str, Expr], unnest: Unnest | None) -> set[str]:
    names: set[str] = set()
    for expr in computed.values():
        names |= free_names(expr)
    if unnest:
        names |= free_names(unnest.items)
        names |= free_names(unnest.when) if unnest.when else set()
    return names
