"""Steps through elements: members, choices, filters, items; over each of a list, or on one value."""

import difflib
from collections.abc import Callable, Iterable

from a360.fhir._definitions import choice_of, definitions, element, element_names, is_primitive
from a360.fhir._stopped import SEVERAL_VALUES
from a360.fhir._struct import WHOLE_NUMBERS, StructNode, leaf_of
from a360.fhir._typed._expr import (
    EMPTY,
    UNKNOWN,
    Call,
    Choice,
    Constant,
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
from a360.fhir._typed._scope import Compilation, Scope
from a360.fhir._types import shown

_SUGGESTIONS = 3
_OF_ELEMENT = (
    "take it of the element, before where() and outside of its own forEach: name.given.extension(...)"
)


def through(compilation: Compilation, base: Expr, step: Callable[[Expr], Expr]) -> Expr:
    """Apply a step to one value, or to each item of a list."""
    if isinstance(base, Each):
        return Each(base.base, base.var, through(compilation, base.body, step))
    if base.many:
        var = compilation.parameter(base)
        return Each(base, var, step(var))
    return step(base)


def member(compilation: Compilation, base: Expr, name: str, scope: Scope) -> Expr:
    """`base.name`."""
    if base.type in {UNKNOWN, EMPTY}:
        return base
    problem = _member_problem(base, name)
    if problem is not None:
        return compilation.fault(scope, *problem)
    if is_primitive(base.type):
        base = _shadow(base)
        if base.type == UNKNOWN:
            return compilation.fault(scope, f"'{name}' of a value", _OF_ELEMENT)
    return through(compilation, base, lambda one: _step(compilation, one, name, scope))


def _step(compilation: Compilation, one: Expr, name: str, scope: Scope) -> Expr:
    found = element(one.type, name)
    if found is None or one.node is None:
        return compilation.fault(scope, f"'{name}' of {shown(one)}", "take it of an element")
    if found.choice:
        return Choice(one, name)
    return field_of(compilation, one, name, found.types[0], scope, many=found.many)


def _shadow(value: Expr) -> Expr:  # noqa: PLR0911 - one a kind of expression
    """The `_name` object, or list, that carries the id and extensions of primitive elements in JSON."""
    match value:
        case Field(base=base) if base.node is not None:
            name = f"_{value.name}"
            node = base.node.child(name, "Element", many=value.many)
            return Field(base, name, "Element", value.many, node)
        case Call(op=Op.WHOLE):
            return _shadow(value.args[0])
        case Item() if isinstance(items := _shadow(value.base), Field):
            # In JSON the two lists have the same length: a position means the same in both.
            return Item(items, value.position)
        case Call(op=Op.SLICE) if isinstance(items := _shadow(value.args[0]), Field):
            return Call(Op.SLICE, (items,), items.type, many=True, extra=value.extra, node=items.node)
        case Guard():
            return _of(_shadow(value.base), lambda one: Guard(one, value.condition))
        case Each():
            if isinstance(value.body, Call) and value.body.args == (value.var,):
                return _shadow(value.base)
            return _of(_shadow(value.body), lambda one: Each(value.base, value.var, one))
        case _:
            return Constant(UNKNOWN, None)


def _of(found: Expr, made: Callable[[Expr], Expr]) -> Expr:
    return found if found.type == UNKNOWN else made(found)


def field_of(
    compilation: Compilation, base: Expr, name: str, type_name: str, scope: Scope, *, many: bool | None = None
) -> Expr:
    """The field of a struct, entered into the view's minimal struct."""
    if base.node is None:
        return compilation.fault(scope, f"'{name}' of {shown(base)}", "take it of an element")
    repeats = name == "extension" if many is None else many
    known = name in base.node.children
    node = base.node.child(name, type_name, many=repeats)
    if node.many != repeats or not _same_form(node.type, type_name):
        return compilation.fault(
            scope,
            f"'{name}' is read as {type_name} here and as {node.type} elsewhere in the view",
            "read one of them in a view of its own",
        )
    if type_name in compilation.recursive:
        compilation.texts.add(node.path)
    if node.path in compilation.texts and not node.json:
        compilation.stale |= known
        node.json = True
    if node.json:
        return _parsed(
            compilation, Field(base, name, "string", many=False, node=node), type_name, many=repeats
        )
    return _typed_field(compilation, Field(base, name, type_name, repeats, node))


def _same_form(one: str, other: str) -> bool:
    """Whether two types are carried alike: one type, or two primitives that are both text or both boolean."""
    if one == other:
        return True
    return is_primitive(one) and is_primitive(other) and "boolean" not in {one, other}


def _parsed(compilation: Compilation, text: Field, type_name: str, *, many: bool) -> Expr:
    """An element that is carried as JSON text, read into a struct of its own."""
    struct = compilation.recursive.get(type_name) or StructNode(type_name, path=f"{text.node.path}~")
    return Call(Op.PARSE, (text,), type_name, many=many, node=struct)


def _typed_field(compilation: Compilation, found: Field) -> Expr:
    if found.type not in WHOLE_NUMBERS:
        return found

    def whole(text: Expr) -> Expr:
        return Call(Op.WHOLE, (text,), found.type, extra=leaf_of(found.type))

    return through(compilation, found, whole)


def _member_problem(base: Expr, name: str) -> tuple[str, str] | None:
    kind = base.type
    if kind == "choice":
        return f"'.{name}' of a choice of types", "choose one first: ofType(Quantity), for example"
    if is_primitive(kind):
        allowed = name in {"extension", "id"}
        return None if allowed else (f"'{name}' of {kind}", "a primitive has only 'extension' and 'id'")
    if kind not in definitions().types:
        return f"'{name}' of {shown(base)}", "only elements have members"
    if element(kind, name) is not None:
        return None
    choice = choice_of(kind, name)
    if choice is not None:
        return f"'{name}' is how JSON writes a choice", f"write {choice[0]}.ofType({choice[1]})"
    return f"{kind} has no element '{name}'", _allowed_names(kind, name)


def _allowed_names(kind: str, name: str) -> str:
    if name == "null":
        return "there is no null in FHIRPath: write exists() or empty()"
    names = element_names(kind)
    return close_to(name, names) or f"it has {', '.join(names)}; a text stands in single quotes"


def close_to(name: str, names: Iterable[str], mark: str = "") -> str:
    """A question for the names that resemble one, '' if none does."""
    by_plain = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_plain, _SUGGESTIONS)
    return f"did you mean {' or '.join(mark + by_plain[plain] for plain in close)}?" if close else ""


def of_type(compilation: Compilation, base: Expr, type_name: str, scope: Scope) -> Expr:
    """`base.ofType(type)`."""
    if base.type == UNKNOWN:
        return base

    def step(one: Expr) -> Expr:
        if isinstance(one, Choice):
            return _chosen(compilation, one, type_name, scope)
        if one.type in {"Resource", "DomainResource"} and type_name in definitions().resources:
            return _resource_of_type(compilation, one, type_name, scope)
        if one.type == type_name:
            return one
        return compilation.fault(scope, f"ofType({type_name}) of {shown(one)}", f"it is always {one.type}")

    return through(compilation, base, step)


def _chosen(compilation: Compilation, choice: Choice, type_name: str, scope: Scope) -> Expr:
    found = element(choice.base.type, choice.name)
    types = found.types if found else ()
    if found is None or type_name not in types:
        return compilation.fault(
            scope, f"'{choice.name}' is never a {type_name}", f"it is one of {', '.join(types)}"
        )
    return field_of(compilation, choice.base, found.json_name(type_name), type_name, scope, many=False)


def _resource_of_type(compilation: Compilation, one: Expr, type_name: str, scope: Scope) -> Expr:
    kind = field_of(compilation, one, "resourceType", "string", scope, many=False)
    same = Call(Op.EQ, (kind, Constant("string", type_name)), "boolean")
    if isinstance(one, Field):
        typed: Expr = Field(one.base, one.name, type_name, one.many, one.node)
    elif isinstance(one, Var):
        typed = Var(one.name, type_name, one.node)
    else:
        return compilation.fault(
            scope, f"ofType({type_name}) of {shown(one)}", "apply it to the element itself"
        )
    return Guard(typed, same)


def where(compilation: Compilation, base: Expr, condition: Callable[[Expr], Expr]) -> Expr:
    """`base.where(condition)`."""
    if base.type == UNKNOWN:
        return base
    if isinstance(base, Each):
        return Each(base.base, base.var, where(compilation, base.body, condition))
    if base.many:
        var = compilation.parameter(base)
        return Filter(base, var, condition(var))
    return Guard(base, condition(base))


def item(base: Expr, position: int) -> Expr:
    """The item at a position from 0, or the last one (-1)."""
    if base.many:
        return Item(base, position)
    return base if position in {0, -1} else Guard(base, Constant("boolean", value=False))


def items(base: Expr, start: int, end: int | None = None) -> Expr:
    """The items from a position to before another one."""
    if base.many:
        extra = f"{start}:{'' if end is None else end}"
        return Call(Op.SLICE, (base,), base.type, many=True, extra=extra, node=base.node)
    return base if start == 0 and end != 0 else Guard(base, Constant("boolean", value=False))


def single(base: Expr, scope: Scope) -> Expr:
    """The only value of an expression; checked when it runs if it can have several."""
    return Single(base, f"{SEVERAL_VALUES}: {scope.pointer}") if base.many else base


def present(compilation: Compilation, base: Expr) -> Expr:
    """`base` with a choice of types made a value that is there when any of its types is."""

    def step(one: Expr) -> Expr:
        if not isinstance(one, Choice):
            return one
        found = element(one.base.type, one.name)
        node = one.base.node
        if found is None or node is None:
            return Constant(UNKNOWN, None)
        any_of: Expr | None = None
        for kind in found.types:
            name = found.json_name(kind)
            value = Field(one.base, name, kind, many=False, node=node.child(name, kind, many=False))
            test = Call(Op.EXISTS, (value,), "boolean")
            any_of = test if any_of is None else Call(Op.OR, (any_of, test), "boolean")
        return Guard(Constant("boolean", value=True), any_of or Constant("boolean", value=False))

    return through(compilation, base, step) if base.type == "choice" else base
