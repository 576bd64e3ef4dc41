"""Repeat: an element and everything beneath it, in document order, as one list.

SQL has no recursive types, so what recurses travels as JSON text that a fold over the levels parses, a level
a turn. It goes down `DEPTH` levels; data that nests deeper stops the query rather than being cut off.
"""

from a360.fhir._definitions import definitions, element
from a360.fhir._fault import Faults
from a360.fhir._fhirpath import Invocation, Member, Node, PathSyntaxError, parse
from a360.fhir._stopped import TOO_DEEP
from a360.fhir._struct import StructNode
from a360.fhir._typed._expr import (
    EMPTY,
    UNKNOWN,
    Call,
    Constant,
    Descent,
    Expr,
    Field,
    Op,
    Var,
    free_names,
    walk,
)
from a360.fhir._typed._expressions import Expressions
from a360.fhir._typed._scope import Compilation, Scope
from a360.fhir._types import shown

DEPTH = 16
_TRIAL = "_trial"


def repeated(expressions: Expressions, paths: list[tuple[str, str]], scope: Scope) -> Expr:
    """The elements that paths (with their pointers) lead to from the focus, and from each of them on."""
    compilation = expressions.compilation
    parsed = [
        node for pointer, text in paths if (node := _parsed(compilation, text, scope.at(pointer))) is not None
    ]
    if len(parsed) < len(paths):
        return Constant(UNKNOWN, None)
    types = _reached(parsed, scope, compilation)
    lost = [
        (pointer, node)
        for (pointer, _), node in zip(paths, parsed, strict=True)
        if not _known(node)
        and not any(_fitting([node], kind, scope, compilation) for kind in {scope.focus.type, *types})
    ]
    for pointer, node in lost:
        kinds = [kind for kind in sorted(types) if element(kind, _first(node)) is not None]
        kind = kinds[0] if kinds else scope.focus.type
        found = expressions.whole(node, scope.at(pointer).on(Var(_TRIAL, kind, StructNode(kind))))
        if found.type != UNKNOWN:
            compilation.fault(scope.at(pointer), f"repeat over {shown(found)}", "a path such as item")
    if lost or not types:
        return Constant(UNKNOWN if lost else EMPTY, None)
    if _circular(parsed, scope, compilation):
        return compilation.fault(scope, "a path that does not lead further down", "a path such as item")
    if len(types) > 1:
        reached = ", ".join(sorted(types))
        return compilation.fault(scope, f"repeat over {reached}", "paths that lead to elements of one type")
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
    if not isinstance(node, Member):
        return False
    known = any(
        name in elements
        for elements in definitions().types.values()
        for name in (node.name, f"{node.name}[x]")
    )
    return known and (node.target is None or _known(node.target))


def _first(node: Node) -> str:
    """The name that a path begins with, '' if it begins with none."""
    while isinstance(node, Member | Invocation) and node.target is not None:
        node = node.target
    return node.name if isinstance(node, Member) else ""


def _reached(nodes: list[Node], scope: Scope, compilation: Compilation) -> set[str]:
    """The types that the paths lead to, from the focus and from what they lead to."""
    reached: set[str] = set()
    waiting = [scope.focus.type]
    tried: set[str] = set()
    while waiting:
        kind = waiting.pop()
        tried.add(kind)
        reached |= {found.type for _, found in _fitting(nodes, kind, scope, compilation)}
        waiting = [kind for kind in reached if kind not in tried]
    return reached


def _fitting(nodes: list[Node], kind: str, scope: Scope, compilation: Compilation) -> list[tuple[Node, Expr]]:
    """The paths that fit a type, with what they give: tried on a struct that is thrown away."""
    fitting = []
    for node in nodes:
        trial = Compilation(Faults(), compilation.constants, set())
        focus = Var(_TRIAL, kind, StructNode(kind))
        found = Expressions(trial).whole(node, scope.on(focus))
        if not trial.faults.found and found.type not in {UNKNOWN, EMPTY, "choice"}:
            fitting.append((node, found))
    return fitting


def _circular(nodes: list[Node], scope: Scope, compilation: Compilation) -> bool:
    """Whether a path leads from an element back to itself, or to what does not depend on it."""
    found = _fitting(nodes, scope.focus.type, scope, compilation)
    return any(
        _TRIAL not in free_names(expr) or not any(isinstance(p, Field) for p in walk(expr))
        for _, expr in found
    )


def _descent(expressions: Expressions, nodes: list[Node], type_name: str, scope: Scope) -> Expr:
    compilation = expressions.compilation
    start = [node for node, _ in _fitting(nodes, scope.focus.type, scope, compilation)]
    beneath = [node for node, _ in _fitting(nodes, type_name, scope, compilation)]
    if not beneath:
        return _chained([expressions.whole(node, scope) for node in start])
    struct = StructNode(type_name, path=scope.pointer)
    outer = compilation.recursive
    compilation.recursive = {type_name: struct}
    entry = Var(compilation.fresh("x"), type_name)
    item = Field(entry, "node", type_name, many=False, node=struct)
    first = _chained([expressions.whole(node, scope) for node in start])
    further = _chained([expressions.whole(node, scope.on(item)) for node in beneath])
    compilation.recursive = outer
    return Descent(first, entry, further, DEPTH, f"{TOO_DEEP.format(depth=DEPTH)}: {scope.pointer}")


def _chained(found: list[Expr]) -> Expr:
    lists = [one if one.many else Call(Op.LIST, (one,), one.type, many=True, node=one.node) for one in found]
    return (
        lists[0]
        if len(lists) == 1
        else Call(Op.CHAIN, tuple(lists), lists[0].type, many=True, node=lists[0].node)
    )
