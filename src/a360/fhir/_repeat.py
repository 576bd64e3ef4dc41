"""Repeat: an element and everything beneath it, in document order, as one list.

SQL has no recursive types, so what recurses travels as JSON text, parsed one level at a time by lambdas nested
in one another. They reach `DEPTH` levels; data that nests deeper stops the query rather than being cut off.
"""

from a360.fhir._definitions import definitions
from a360.fhir._expr import EMPTY, UNKNOWN, Call, Constant, Each, Expr, Op, Var, walk
from a360.fhir._expressions import Expressions
from a360.fhir._fault import Faults
from a360.fhir._fhirpath import Member, Node, PathSyntaxError, parse
from a360.fhir._scope import Compilation, Scope
from a360.fhir._struct import StructNode

DEPTH = 10


def repeated(expressions: Expressions, paths: list[tuple[str, str]], scope: Scope) -> Expr:
    """The elements that paths (with their pointers) lead to from the focus, and from each of them on."""
    compilation = expressions.compilation
    parsed = [
        node for pointer, text in paths if (node := _parsed(compilation, text, scope.at(pointer))) is not None
    ]
    if len(parsed) < len(paths):
        return Constant(UNKNOWN, None)
    types = _reached(parsed, scope, compilation)
    if not types:
        unknown = [p for (p, _), node in zip(paths, parsed, strict=True) if not _known(node)]
        for pointer in unknown:
            compilation.fault(scope.at(pointer), "a path that no FHIR element has", "a path such as item")
        return Constant(UNKNOWN if unknown else EMPTY, None)
    if len(types) > 1:
        found = f"repeat over {', '.join(sorted(types))}"
        return compilation.fault(scope, found, "paths that lead to elements of one type")
    [type_name] = types
    if type_name in definitions().primitives:
        return compilation.fault(scope, f"repeat over {type_name}", "elements that have elements")
    return _Descent(expressions, parsed, StructNode(type_name), scope).rows()


def _parsed(compilation: Compilation, text: str, scope: Scope) -> Node | None:
    try:
        return parse(text)
    except PathSyntaxError as error:
        compilation.fault(scope, str(error), "a FHIRPath expression")
        return None


def _known(node: Node) -> bool:
    """Whether a path is at least made of names that occur in FHIR: it may fit no type that is met here."""
    while isinstance(node, Member) and node.target is not None:
        node = node.target
    return isinstance(node, Member) and any(
        name in elements
        for elements in definitions().types.values()
        for name in (node.name, f"{node.name}[x]")
    )


def _reached(nodes: list[Node], scope: Scope, compilation: Compilation) -> set[str]:
    """The types that the paths lead to, tried on a struct that is thrown away."""
    reached: set[str] = set()
    waiting = [scope.focus.type]
    tried: set[str] = set()
    while waiting:
        kind = waiting.pop()
        tried.add(kind)
        trial = Compilation(Faults(), compilation.constants)
        focus = Var("_trial", kind, StructNode(kind))
        for node in nodes:
            found = Expressions(trial).typed(node, scope.on(focus))
            if found.type not in {UNKNOWN, EMPTY, "choice"} and not _has_fault(found):
                reached.add(found.type)
        waiting = [kind for kind in reached if kind not in tried]
    return reached


def _has_fault(expr: Expr) -> bool:
    return any(isinstance(part, Constant) and part.type == UNKNOWN for part in walk(expr))


class _Descent:
    """Nests the lambdas of the levels."""

    def __init__(self, expressions: Expressions, nodes: list[Node], struct: StructNode, scope: Scope) -> None:
        self._expressions = expressions
        self._compilation = expressions.compilation
        self._nodes = nodes
        self._struct = struct
        self._scope = scope

    def rows(self) -> Expr:
        outer = self._compilation.recursive
        self._compilation.recursive = {self._struct.type: self._struct}
        found = self._beneath(self._scope.focus, 0)
        self._compilation.recursive = outer
        return found

    def _beneath(self, focus: Expr, level: int) -> Expr:
        """All elements beneath one, each followed by those beneath it."""
        children = self._children(focus)
        var = Var(self._compilation.fresh("x"), self._struct.type, self._struct)
        one = Call(Op.LIST, (var,), var.type, many=True, node=self._struct)
        if level < DEPTH - 1:
            body = Call(
                Op.CHAIN, (one, self._beneath(var, level + 1)), var.type, many=True, node=self._struct
            )
        else:
            leaf = Call(Op.NOT, (Call(Op.EXISTS, (self._children(var),), "boolean"),), "boolean")
            message = f"elements nest deeper than {DEPTH} levels: {self._scope.pointer}"
            body = Call(Op.STOP_IF, (leaf, one), var.type, many=True, extra=message, node=self._struct)
        return Each(children, var, body)

    def _children(self, focus: Expr) -> Expr:
        """What the paths lead to from one element; a path that does not fit its type leads to nothing."""
        found = []
        for node in self._nodes:
            trial = Faults()
            Expressions(Compilation(trial, self._compilation.constants)).typed(
                node, self._scope.on(self._bare(focus))
            )
            if not trial.found:
                found.append(self._expressions.typed(node, self._scope.on(focus)))
        lists = [
            item if item.many else Call(Op.LIST, (item,), item.type, many=True, node=item.node)
            for item in found
        ]
        if len(lists) == 1:
            return lists[0]
        return Call(Op.CHAIN, tuple(lists), self._struct.type, many=True, node=self._struct)

    @staticmethod
    def _bare(focus: Expr) -> Expr:
        return Var("_trial", focus.type, StructNode(focus.type))
