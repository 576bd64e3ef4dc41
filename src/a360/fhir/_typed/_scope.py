"""What an expression is checked in: the focus, the resource, the row index; and where faults go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from a360.fhir._fault import Faults
from a360.fhir._struct import StructNode
from a360.fhir._typed._expr import UNKNOWN, Constant, Expr, Var


@dataclass(frozen=True, slots=True)
class Scope:
    """The surroundings of one expression."""

    focus: Expr
    resource: Expr
    row_index: Callable[[], Expr]
    pointer: str
    context: Expr  # the focus that the whole expression began with: %context

    def at(self, pointer: str) -> "Scope":
        """The same surroundings for another part of the view."""
        return replace(self, pointer=pointer)

    def on(self, focus: Expr) -> "Scope":
        """The same surroundings with another focus."""
        return replace(self, focus=focus)


class Compilation:
    """What one compilation shares: its faults, the view's constants, and fresh names."""

    def __init__(self, faults: Faults, constants: Mapping[str, Constant], texts: set[str]) -> None:
        self.faults = faults
        self.constants = constants
        # The elements that are carried as JSON text, by their paths: those that recurse.
        self.texts = texts
        # While the paths of a repeat are read: the types that recurse, and the struct of each.
        self.recursive: dict[str, StructNode] = {}
        # Whether an element was read as a struct before it turned out to be text: all has to be read again.
        self.stale = False
        self._names: dict[str, int] = {}

    def fresh(self, stem: str) -> str:
        """A name no view can use: columns begin with a letter."""
        self._names[stem] = self._names.get(stem, 0) + 1
        return f"_{stem}{self._names[stem]}"

    def parameter(self, base: Expr) -> Var:
        """The parameter of a lambda over the items of a list."""
        node = base.node
        return Var(self.fresh("x"), base.type, node)

    def fault(self, scope: Scope, found: str, allowed: str) -> Expr:
        """Note a fault; the expression that comes back silences those that would follow from it."""
        self.faults.add(scope.pointer, found, allowed)
        return Constant(UNKNOWN, None)
