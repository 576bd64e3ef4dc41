"""FHIRPath syntax to the typed tree, checked against FHIR R4."""

from collections.abc import Callable
from dataclasses import replace

from a360.fhir import _fhirpath as path
from a360.fhir._definitions import is_resource
from a360.fhir._typed._expr import EMPTY, UNKNOWN, Constant, Expr
from a360.fhir._typed._functions import invoke, typed_as
from a360.fhir._typed._lexical import EXAMPLES, is_moment
from a360.fhir._typed._operators import binary, negative
from a360.fhir._typed._paths import close_to, item, member
from a360.fhir._typed._scope import Compilation, Scope
from a360.fhir._typed._weight import MAX_WEIGHT, weight

_MAX_INTEGER = 2**31 - 1
_MAX_DIGITS = 10
# The code systems that FHIR names in FHIRPath, for views that declare no constant of the name.
_SYSTEMS = {
    "loinc": "http://loinc.org",
    "sct": "http://snomed.info/sct",
    "ucum": "http://unitsofmeasure.org",
}


class Expressions:
    """Types the expressions of one view."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        self._readers: dict[type, Callable[..., Expr]] = {
            path.Member: self._member,
            path.Invocation: self._invocation,
            path.Indexer: self._indexer,
            path.Value: self._value,
            path.Constant: self._constant,
            path.This: self._this,
            path.Unary: self._unary,
            path.Binary: self._binary,
        }

    def parsed(self, text: str, scope: Scope) -> Expr:
        """The typed tree of an expression; a fault is noted where it is not one."""
        try:
            node = path.parse(text)
        except path.PathSyntaxError as error:
            return self.compilation.fault(scope, str(error), "a FHIRPath expression")
        return self.whole(node, replace(scope, context=scope.focus))

    def whole(self, node: path.Node, scope: Scope) -> Expr:
        """The typed tree of a whole expression, which has to stay within bounds."""
        found = self.typed(node, scope)
        if weight(found) <= MAX_WEIGHT:
            return found
        return self.compilation.fault(
            scope, "an expression whose SQL would be too long", "fewer functions, one on the other"
        )

    def typed(self, node: path.Node, scope: Scope) -> Expr:
        """The typed tree of a syntax tree."""
        return self._readers[type(node)](node, scope)

    def _invocation(self, node: path.Invocation, scope: Scope) -> Expr:
        target = scope.focus if node.target is None else self.typed(node.target, scope)
        return invoke(self, node.name, target, node.arguments, scope)

    def _this(self, node: path.This, scope: Scope) -> Expr:
        if node.name == "this":
            return scope.focus
        return self.compilation.fault(scope, f"${node.name} is not supported", "$this")

    def _unary(self, node: path.Unary, scope: Scope) -> Expr:
        return negative(self.compilation, node.operator, self.typed(node.operand, scope), scope)

    def _binary(self, node: path.Binary, scope: Scope) -> Expr:
        if node.operator in {"is", "as"}:
            return typed_as(self, node.operator, self.typed(node.left, scope), node.right, scope)
        left, right = self.typed(node.left, scope), self.typed(node.right, scope)
        return binary(self.compilation, node.operator, left, right, scope)

    def _member(self, node: path.Member, scope: Scope) -> Expr:
        if node.target is None:
            if scope.focus is scope.resource and node.name == scope.resource.type and is_resource(node.name):
                return scope.focus
            return member(self.compilation, scope.focus, node.name, scope)
        return member(self.compilation, self.typed(node.target, scope), node.name, scope)

    def _indexer(self, node: path.Indexer, scope: Scope) -> Expr:
        target, index = self.typed(node.target, scope), self.typed(node.index, scope)
        if UNKNOWN in {target.type, index.type}:
            return Constant(UNKNOWN, None)
        if not isinstance(index, Constant) or type(index.value) is not int or index.value < 0:
            return self.compilation.fault(
                scope, "an index that is no whole number", "[0], [1] or an integer constant"
            )
        return item(target, index.value)

    def _value(self, node: path.Value, scope: Scope) -> Expr:
        match node.kind:
            case "boolean":
                return Constant("boolean", node.text == "true")
            case "integer":
                if len(node.text) > _MAX_DIGITS or int(node.text) > _MAX_INTEGER:
                    return self.compilation.fault(
                        scope, f"the integer {node.text}", f"at most {_MAX_INTEGER}"
                    )
                return Constant("integer", int(node.text))
            case "empty":
                return Constant(EMPTY, None)
            case "date" | "dateTime":
                return self._moment(node, scope)
            case _:
                return Constant(node.kind, node.text)

    def _moment(self, node: path.Value, scope: Scope) -> Expr:
        if is_moment(node.kind, node.text):
            return Constant(node.kind, node.text)
        return self.compilation.fault(
            scope, f"@{node.text}, which is no {node.kind}", f"@{EXAMPLES[node.kind].replace(', or', ' or')}"
        )

    def _constant(self, node: path.Constant, scope: Scope) -> Expr:
        if node.name == "rowIndex":
            return scope.row_index()
        if node.name in {"resource", "rootResource"}:
            return scope.resource
        if node.name == "context":
            return scope.context
        known = self.compilation.constants
        found = known.get(node.name)
        if found is None and node.name in _SYSTEMS:
            return Constant("uri", _SYSTEMS[node.name])
        if found is None:
            names = [*known, "context", "resource", "rowIndex", *_SYSTEMS]
            allowed = close_to(node.name, names, "%") or f"one of {', '.join(f'%{name}' for name in names)}"
            return self.compilation.fault(scope, f"%{node.name} is not declared", allowed)
        return found
