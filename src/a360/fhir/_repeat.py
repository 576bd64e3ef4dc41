"""Repeat: an element and everything beneath it, in document order, as one list.

SQL has no recursive types, so what recurses travels as JSON text that a fold over the levels parses, a level
a turn. It goes down `DEPTH` levels; data that nests deeper stops the query rather than being cut off.
"""

from a360.fhir._definitions import definitions
from a360.fhir._expr import EMPTY, UNKNOWN, Call, Constant, Descent, Expr, Field, Op, Var, walk
from a360.fhir._expressions import Expressions
from a360.fhir._fault import Faults
from a360.fhir._fhirpath import Member, Node, PathSyntaxError, parse
from a360.fhir._scope import Compilation, Scope
from a360.fhir._struct import StructNode

DEPTH = 16


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
    return _descent(expressions, parsed, type_name, scope)


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


def _descent(expressions: Expressions, nodes: list[Node], type_name: str, scope: Scope) -> Expr:
    compilation = expressions.compilation
    struct = StructNode(type_name)
    outer = compilation.recursive
    compilation.recursive = {type_name: struct}
    entry = Var(compilation.fresh("x"), type_name)
    item = Field(entry, "node", type_name, many=False, node=struct)
    start, beneath = (_children(expressions, nodes, scope.on(focus)) for focus in (scope.focus, item))
    compilation.recursive = outer
    message = f"elements nest deeper than {DEPTH} levels: {scope.pointer}"
    return Descent(start, entry, beneath, DEPTH, message)


def _children(expressions: Expressions, nodes: list[Node], scope: Scope) -> Expr:
    """What the paths lead to from one element; a path that does not fit its type leads to nothing."""
    focus = scope.focus
    bare = scope.on(Var("_trial", focus.type, StructNode(focus.type)))
    found = []
    for node in nodes:
        trial = Faults()
        Expressions(Compilation(trial, expressions.compilation.constants)).typed(node, bare)
        if not trial.found:
            found.append(_listed(expressions.typed(node, scope)))
    if len(found) == 1:
        return found[0]
    return Call(Op.CHAIN, tuple(found), found[0].type, many=True, node=found[0].node)


def _listed(expr: Expr) -> Expr:
    return expr if expr.many else Call(Op.LIST, (expr,), expr.type, many=True, node=expr.node)
