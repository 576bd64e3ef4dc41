"""Selects to a plan: the recursion of the specification's processing algorithm, done once when compiling."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from a360.fhir._fault import Faults
from a360.fhir._relational._columns import Column, column
from a360.fhir._relational._plan import Output, Plan, Unnest
from a360.fhir._relational._repeat import repeated
from a360.fhir._typed._expr import (
    EMPTY,
    UNKNOWN,
    Call,
    Constant,
    Expr,
    Guard,
    Op,
    Var,
    form,
    null_with,
    tidied,
)
from a360.fhir._typed._expressions import Expressions
from a360.fhir._typed._scope import Compilation, Scope
from a360.fhir._types import shown
from a360.fhir._view import MAX_NESTING, MAX_STEPS, Json, View, check_keys, iteration, objects, text

_SELECT = frozenset({"column", "select", "unionAll", "forEach", "forEachOrNull", "repeat"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a select stands.

    Attributes:
        scope: What its paths are checked in.
        when: Where this is not true, rows here belong to another branch, or stand for an empty list.
        absent: The condition that the row does not stand for an empty list, and the columns that are NULL
            if it does.
        depth: How deeply selects are nested here.
    """

    scope: Scope
    when: Expr | None = None
    absent: tuple[Expr, frozenset[str]] | None = None
    depth: int = 0


class Selects:
    """Compiles the selects of one view."""

    def __init__(self, view: View, root: Var, compilation: Compilation) -> None:
        self._view = view
        self._compilation = compilation
        self._expressions = Expressions(compilation)
        self._plan = Plan(root)

    @property
    def _faults(self) -> Faults:
        return self._compilation.faults

    def plan(self) -> tuple[Plan, list[Column]]:
        """The plan and the columns of the view."""
        root = self._plan.root
        scope = Scope(root, root, lambda: Constant("integer", 0), "", root)
        for pointer, path in self._view.where:
            self._add_condition(path, scope.at(pointer))
        columns: list[Column] = []
        for pointer, select in self._view.selects:
            columns += self._select(select, _Place(scope.at(pointer)))
        self._check_names(columns)
        if len(self._plan.steps) > MAX_STEPS:
            found = f"{len(self._plan.steps)} forEach, repeat and unionAll"
            self._faults.add("/select", found, f"at most {MAX_STEPS} in a view")
        self._plan.outputs = [Output(found.name, found.expr) for found in columns]
        return self._plan, columns

    def _add_condition(self, path: str, scope: Scope) -> None:
        found = self._expressions.parsed(path, scope)
        if found.type not in {"boolean", EMPTY, UNKNOWN} or found.many:
            self._compilation.fault(
                scope, f"a condition that is {shown(found)}", "one boolean: add exists() or = …"
            )
        self._plan.where.append(found)

    def _check_names(self, columns: list[Column]) -> None:
        seen: dict[str, str] = {}
        for found in columns:
            first = seen.setdefault(found.name.lower(), found.pointer)
            if first != found.pointer:
                self._faults.add(
                    f"{found.pointer}/name",
                    f"the name '{found.name}' a second time",
                    f"once; the first is {first}",
                )
        if not columns and not self._faults.found:
            self._faults.add("/select", "a view without columns", "at least one column")

    def _select(self, select: Json, place: _Place) -> list[Column]:
        pointer = place.scope.pointer
        if place.depth > MAX_NESTING:
            self._faults.add(pointer, f"selects nested more than {MAX_NESTING} deep", "fewer levels")
            return []
        check_keys(select, _SELECT, pointer, self._faults)
        if not any(select.get(key) for key in ("column", "select", "unionAll")):
            self._faults.add(pointer, "a select that gives no columns", "one with column, select or unionAll")
        inner = self._iterated(select, place)
        inner = replace(inner, depth=place.depth + 1)
        columns: list[Column] = []
        for here, raw in objects(select, "column", pointer, self._faults):
            columns += self._column(raw, replace(inner, scope=inner.scope.at(here)))
        for here, nested in objects(select, "select", pointer, self._faults):
            columns += self._select(nested, replace(inner, scope=inner.scope.at(here)))
        branches = objects(select, "unionAll", pointer, self._faults)
        if branches:
            columns += self._union(branches, inner)
        return columns

    def _column(self, raw: Json, place: _Place) -> list[Column]:
        found = column(self._expressions, raw, place.scope)
        return [] if found is None else [self._present(found, place)]

    def _present(self, found: Column, place: _Place) -> Column:
        """A column that is NULL where the row stands for an empty list."""
        if not place.absent or found.is_row_index:
            return found
        condition, names = place.absent
        if any(null_with(found.expr, name) for name in names):
            return found
        return replace(found, expr=Guard(found.expr, condition))

    def _iterated(self, select: Json, place: _Place) -> _Place:
        pointer = place.scope.pointer
        key = iteration(select, pointer, self._faults)
        if key is None:
            return place
        if key == "repeat":
            return self._repeated(select, place)
        path = text(select, key, pointer, self._faults)
        scope = place.scope.at(f"{pointer}/{key}")
        items = self._expressions.parsed(path, scope) if path else Constant(UNKNOWN, None)
        if items.type == "choice":
            items = self._compilation.fault(scope, "rows of a choice of types", "choose one with ofType(...)")
        return self._rows_of(items, place, optional=key == "forEachOrNull")

    def _repeated(self, select: Json, place: _Place) -> _Place:
        pointer = f"{place.scope.pointer}/repeat"
        raw = select["repeat"]
        paths = []
        for position, path in enumerate(raw if isinstance(raw, list) else []):
            if isinstance(path, str) and path.strip():
                paths.append((f"{pointer}/{position}", path))
            else:
                self._faults.add(f"{pointer}/{position}", f"{path!r}", "a FHIRPath expression")
        scope = place.scope.at(pointer)
        if not paths:
            items = self._compilation.fault(scope, "repeat without paths", "an array of FHIRPath expressions")
        else:
            items = repeated(self._expressions, paths, scope)
        return self._rows_of(items, place, optional=False)

    def _rows_of(self, items: Expr, place: _Place, *, optional: bool) -> _Place:
        listed = items if items.many else Call(Op.LIST, (items,), items.type, many=True, node=items.node)
        step = Unnest(self._compilation.fresh("row"), listed, None, optional, place.when)
        position = len(self._plan.steps)
        self._plan.steps.append(step)
        var = Var(step.var, items.type, items.node)
        scope = replace(place.scope, focus=var, row_index=self._row_index(position))
        if optional:
            here = Call(Op.EXISTS, (var,), "boolean")
            return replace(place, scope=scope, when=here, absent=(here, frozenset({var.name})))
        if place.absent:
            condition, names = place.absent
            return replace(place, scope=scope, absent=(condition, names | {var.name}))
        return replace(place, scope=scope)

    def _row_index(self, position: int) -> Callable[[], Expr]:
        """The position of the current row, as a column that is made only if a path asks for it."""

        def index() -> Expr:
            step = self._plan.steps[position]
            if step.index is None:
                step = replace(step, index=f"{step.var}_index")
                self._plan.steps[position] = step
            return Var(step.index or "", "integer")

        return index

    def _union(self, branches: list[tuple[str, Json]], place: _Place) -> list[Column]:
        number = Call(Op.BRANCHES, (), "integer", many=True, extra=str(len(branches)))
        step = Unnest(self._compilation.fresh("branch"), number, None, optional=False, when=place.when)
        self._plan.steps.append(step)
        branch = Var(step.var, "integer")
        found: list[list[Column]] = []
        for position, (pointer, select) in enumerate(branches):
            here = Call(Op.EQ, (branch, Constant("integer", position)), "boolean")
            inside = replace(place, scope=place.scope.at(pointer), when=here, absent=None)
            found.append(self._select(select, replace(inside, depth=place.depth + 1)))
        return self._united(branch, found, [pointer for pointer, _ in branches], place)

    def _united(
        self, branch: Var, found: list[list[Column]], pointers: list[str], place: _Place
    ) -> list[Column]:
        first = found[0]
        for columns, pointer in zip(found[1:], pointers[1:], strict=True):
            self._check_branch(first, columns, pointer)
        if self._faults.found:
            return first
        return [
            self._switched(branch, [columns[position] for columns in found], place)
            for position in range(len(first))
        ]

    def _switched(self, branch: Var, found: list[Column], place: _Place) -> Column:
        """A column of a union: the value of the branch that a row belongs to."""
        first = found[0]
        is_index = all(each.is_row_index for each in found)
        if len({form(tidied(each.expr)) for each in found}) == 1:
            return self._present(replace(first, is_row_index=is_index), place)
        # A row that stands for an empty list belongs to no branch, but has a position: the first.
        how = "else" if is_index else ""
        values = tuple(each.expr for each in found)
        expr = Call(Op.SWITCH, (branch, *values), first.expr.type, many=first.expr.many, extra=how)
        return replace(first, expr=expr, is_row_index=is_index)

    def _check_branch(self, first: list[Column], columns: list[Column], pointer: str) -> None:
        names, wanted = [c.name for c in columns], [c.name for c in first]
        if names != wanted:
            self._faults.add(
                pointer,
                f"a branch with the columns {', '.join(names)}",
                f"those of the first: {', '.join(wanted)}",
            )
            return
        for one, other in zip(first, columns, strict=True):
            if one.signature != other.signature:
                self._faults.add(
                    other.pointer, f"{other.name} is {other.says}", f"{one.says}, as in the first branch"
                )
