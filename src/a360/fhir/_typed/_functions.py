"""The functions of FHIRPath that views may use."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from a360.fhir._definitions import is_known, is_resource
from a360.fhir._fhirpath import Member, Node, Value
from a360.fhir._typed._boundaries import HIGH, LOW
from a360.fhir._typed._expr import EMPTY, NUMBER, UNKNOWN, Call, Constant, Each, Expr, Op
from a360.fhir._typed._function import Function, Handler
from a360.fhir._typed._operators import as_number, boolean
from a360.fhir._typed._paths import close_to, item, items, member, of_type, present, single, through, where
from a360.fhir._typed._scope import Scope
from a360.fhir._typed._text_functions import TEXT_FUNCTIONS
from a360.fhir._types import kind_of, shown

if TYPE_CHECKING:
    from a360.fhir._typed._expressions import Expressions

_LONGEST_LIST = 10**9  # longer than any, and short enough for every engine to count further
_KEY = "the root of a resource"
# What FHIRPath or FHIR has and views do not, with what serves instead.
_INSTEAD = {
    "children": "name the element",
    "descendants": "a select with repeat",
    "memberOf": "list the codes, or join the column with a table of codes in SQL",
    "now": "compare with the current time in SQL, over the column",
    "repeat": "a select with repeat",
    "resolve": "getReferenceKey() as a column, and a join with the other view in SQL",
    "today": "compare with the current date in SQL, over the column",
}


def _where(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    def condition(one: Expr) -> Expr:
        return boolean(e.compilation, e.typed(args[0], scope.on(one)), "where()", scope)

    return where(e.compilation, target, condition)


def _exists(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == EMPTY:
        return Constant("boolean", value=False)
    found = _where(e, target, args, scope) if args else target
    return Call(Op.EXISTS, (present(e.compilation, found),), "boolean")


def _empty(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    return Call(Op.NOT, (_exists(e, target, args, scope),), "boolean")


def _all(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    def failing(one: Expr) -> Expr:
        holds = boolean(e.compilation, e.typed(args[0], scope.on(one)), "all()", scope)
        return Call(Op.NOT, (Call(Op.IS_TRUE, (holds,), "boolean"),), "boolean")

    failures = where(e.compilation, target, failing)
    return Call(Op.NOT, (Call(Op.EXISTS, (failures,), "boolean"),), "boolean")


def _count(e: "Expressions", target: Expr, _args: tuple[Node, ...], _scope: Scope) -> Expr:
    return Call(Op.COUNT, (present(e.compilation, target),), "integer")


def _first(_e: "Expressions", target: Expr, _args: tuple[Node, ...], _scope: Scope) -> Expr:
    return item(target, 0)


def _last(_e: "Expressions", target: Expr, _args: tuple[Node, ...], _scope: Scope) -> Expr:
    return item(target, -1)


def _sliced(bounds: Callable[[int], tuple[int, int | None]], *, default: int | None = None) -> Handler:
    """A function that takes some items of a collection, by a number that is known when compiling."""

    def handler(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
        count = e.typed(args[0], scope) if default is None else Constant("integer", default)
        if UNKNOWN in {target.type, count.type} or target.type == EMPTY:
            return count if count.type == UNKNOWN else target
        if isinstance(count, Call) and count.op is Op.NEGATE and isinstance(count.args[0], Constant):
            count = Constant("integer", 0)
        if not isinstance(count, Constant) or type(count.value) is not int:
            return e.compilation.fault(
                scope, "a number of items that is no whole number", "skip(1), take(2) or an integer constant"
            )
        if target.type == "choice":
            return e.compilation.fault(
                scope, "items of a choice of types", "choose one first: ofType(Quantity), for example"
            )
        return items(target, *bounds(min(max(count.value, 0), _LONGEST_LIST)))

    return handler


def _of_type(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    name = _type_name(args[0])
    if name is None or not is_known(name):
        return e.compilation.fault(
            scope, "ofType() without the name of a FHIR type", "ofType(Quantity), for example"
        )
    return of_type(e.compilation, target, name, scope)


def _is(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    found = _of_type(e, target, args, scope)
    if UNKNOWN in {target.type, found.type}:
        return Constant(UNKNOWN, None)
    there = _exists(e, target, (), scope)
    same = Call(Op.EXISTS, (present(e.compilation, found),), "boolean")
    return Call(Op.IF, (there, same, Constant("boolean", None)), "boolean")


def _single(_e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    return single(target, scope)


def _select(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    return through(e.compilation, target, lambda one: e.typed(args[0], scope.on(one)))


def _has_value(_e: "Expressions", target: Expr, _args: tuple[Node, ...], _scope: Scope) -> Expr:
    if target.type == UNKNOWN:
        return target
    if kind_of(target.type) in {"complex", "choice"}:
        return Constant("boolean", value=False)
    return Call(Op.EXISTS, (target,), "boolean")


def _type_name(node: Node) -> str | None:
    if not isinstance(node, Member):
        return None
    if isinstance(node.target, Member) and node.target.target is None and node.target.name == "FHIR":
        return node.name
    return node.name if node.target is None else None


def _extension(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    url = e.typed(args[0], scope)
    if url.type == UNKNOWN:
        return url
    if not isinstance(url, Constant) or kind_of(url.type) != "text":
        return e.compilation.fault(scope, "extension() without a URL", "extension('http://...')")

    def condition(one: Expr) -> Expr:
        return Call(Op.EQ, (member(e.compilation, one, "url", scope), url), "boolean")

    return where(e.compilation, member(e.compilation, target, "extension", scope), condition)


def _not(e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    return Call(Op.NOT, (boolean(e.compilation, target, "not()", scope),), "boolean")


def _join(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    separator = e.typed(args[0], scope) if args else Constant("string", "")
    if UNKNOWN in {target.type, separator.type}:
        return Constant(UNKNOWN, None)
    if kind_of(target.type) != "text" or kind_of(separator.type) != "text" or separator.many:
        return e.compilation.fault(
            scope, f"join() of {shown(target)}", "a collection of text, and a text separator"
        )
    texts = target if target.many else Call(Op.LIST, (target,), target.type, many=True)
    return Call(Op.JOIN_LIST, (texts, separator), "string")


def _iif(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    inside = scope.on(target)
    condition = boolean(e.compilation, e.typed(args[0], inside), "iif()", scope)
    yes = e.typed(args[1], inside)
    no = e.typed(args[2], inside) if len(args) > 2 else Constant(EMPTY, None)  # noqa: PLR2004 - iif's third
    if UNKNOWN in {condition.type, yes.type, no.type}:
        return Constant(UNKNOWN, None)
    return _either(e, condition, yes, no, scope)


def _either(e: "Expressions", condition: Expr, yes: Expr, no: Expr, scope: Scope) -> Expr:
    real = [side for side in (yes, no) if side.type != EMPTY]
    if not real:
        return Constant(EMPTY, None)
    kinds = {kind_of(side.type) for side in real}
    if kinds == {"integer", "decimal"}:
        return _either(e, condition, as_number(single(yes, scope)), as_number(single(no, scope)), scope)
    node = real[0].node
    if len(kinds) > 1 or (kinds & {"complex", "choice"} and any(side.node is not node for side in real)):
        return e.compilation.fault(scope, f"iif() of {shown(yes)} or {shown(no)}", "both results of one kind")
    if {side.type for side in real} == {"decimal", NUMBER}:
        real = [as_number(side) for side in real]
        yes, no = (side if side.type == EMPTY else as_number(side) for side in (yes, no))
    many = any(side.many for side in real)
    sides = tuple(_as_list(side) if many else side for side in (yes, no))
    same = real[0].type if len({side.type for side in real}) == 1 else _common(real)
    return Call(Op.IF, (condition, *sides), same, many=many, node=node)


def _common(sides: list[Expr]) -> str:
    return {"text": "string", "integer": "integer", "dateTime": "dateTime"}[kind_of(sides[0].type)]


def _as_list(side: Expr) -> Expr:
    return (
        side
        if side.many or side.type == EMPTY
        else Call(Op.LIST, (side,), side.type, many=True, node=side.node)
    )


def _resource_key(e: "Expressions", target: Expr, _args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == UNKNOWN:
        return target
    if not is_resource(target.type) or target.many:
        return e.compilation.fault(scope, f"getResourceKey() of {shown(target)}", _KEY)
    return member(e.compilation, target, "id", scope)


def _target_type(node: Node) -> str | None:
    """A resource type, as a type or, as the specification's own example has it, as text."""
    return node.text if isinstance(node, Value) and node.kind == "string" else _type_name(node)


def _reference_key(e: "Expressions", target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    if target.type == UNKNOWN:
        return target
    if target.type != "Reference":
        return e.compilation.fault(scope, f"getReferenceKey() of {shown(target)}", "a Reference")
    name = _target_type(args[0]) if args else ""
    if name is None or (name and not is_resource(name)):
        return e.compilation.fault(
            scope, "getReferenceKey() with what is no resource type", "getReferenceKey(Patient)"
        )

    def key(text: Expr) -> Expr:
        return Call(Op.REFERENCE_KEY, (text,), "id", extra=name)

    return through(e.compilation, member(e.compilation, target, "reference", scope), key)


FUNCTIONS: dict[str, Function] = {
    "all": Function(_all, 1, 1),
    "as": Function(_of_type, 1, 1),
    "count": Function(_count),
    "empty": Function(_empty),
    "exists": Function(_exists, 0, 1),
    "extension": Function(_extension, 1, 1),
    "first": Function(_first),
    "getReferenceKey": Function(_reference_key, 0, 1),
    "getResourceKey": Function(_resource_key),
    "hasValue": Function(_has_value),
    "highBoundary": HIGH,
    "iif": Function(_iif, 2, 3),
    "is": Function(_is, 1, 1),
    "join": Function(_join, 0, 1),
    "last": Function(_last),
    "lowBoundary": LOW,
    "not": Function(_not),
    "ofType": Function(_of_type, 1, 1),
    "select": Function(_select, 1, 1),
    "single": Function(_single),
    "skip": Function(_sliced(lambda n: (n, None)), 1, 1),
    "tail": Function(_sliced(lambda n: (n, None), default=1)),
    "take": Function(_sliced(lambda n: (0, n)), 1, 1),
    "where": Function(_where, 1, 1),
    **TEXT_FUNCTIONS,
}


def invoke(e: "Expressions", name: str, target: Expr, args: tuple[Node, ...], scope: Scope) -> Expr:
    """Apply a function, or note that there is no such one."""
    function = FUNCTIONS.get(name)
    if function is None:
        allowed = _INSTEAD.get(name) or close_to(name, FUNCTIONS) or f"one of {', '.join(sorted(FUNCTIONS))}"
        return e.compilation.fault(scope, f"the function {name}() is not supported", allowed)
    if not function.least <= len(args) <= function.most:
        wanted = (
            f"{function.least} to {function.most}" if function.least != function.most else str(function.least)
        )
        return e.compilation.fault(scope, f"{name}() with {len(args)} argument(s)", f"it takes {wanted}")
    if isinstance(target, Each) and target.type == UNKNOWN:
        return Constant(UNKNOWN, None)
    return function.handler(e, target, args, scope)


def typed_as(e: "Expressions", operator: str, target: Expr, kind: Node, scope: Scope) -> Expr:
    """`target is kind` and `target as kind`."""
    return (_is if operator == "is" else _of_type)(e, target, (kind,), scope)
