"""Maps of segments and data types as functions: source code is written from the tables once, and compiled."""

from collections.abc import Callable
from functools import cache
from typing import Any

from a360.hl7v2._coded import Converter
from a360.hl7v2._conditions import Condition, UncompilableError, expression
from a360.hl7v2._convey import Converters
from a360.hl7v2._emit import Emitter
from a360.hl7v2._reads import Components, Fields, Scope
from a360.hl7v2._store import Store
from a360.hl7v2._tables import rows_of
from a360.hl7v2._targets import Node, Row, UnknownElementError, place, root_type
from a360.hl7v2._view import View

type Build = Callable[[View, Store], Any]


@cache
def segment_map(name: str) -> Build:
    """The function that builds what a segment's map makes."""
    found: Build = _function(source_of_map(name, "segments"), f"<{name}>")
    return found


@cache
def datatype_map(name: str) -> Converter:
    """The function that builds what a data type's map makes of its components."""
    found: Converter = _function(source_of_map(name, "datatypes"), f"<{name}>")
    return found


def source_of_map(name: str, part: str) -> str:
    """The source code of a map's function."""
    takes = "view" if part == "segments" else "parts"
    lines = Emitter(_scope(name, part), _converters()).body(_tree(name, part))
    return "\n".join((f"def build({takes}, store):", *lines, ""))


@cache
def condition_of(text: str, segment: str) -> Condition:
    """The function that says whether a condition holds of a segment."""
    scope = Fields(segment)
    holds = expression(text, scope.resolver("", ""), segment)
    lines = ["def build(view):", *("    " + line for line in scope.prologue()), f"    return {holds}", ""]
    found: Condition = _function("\n".join(lines), f"<{segment}: {text}>")
    return found


@cache
def faults_of(name: str, part: str) -> tuple[tuple[Row, str], ...]:
    """The mappings of a map that cannot be followed, and why."""
    found = []
    kind = root_type(name)
    scope = _scope(name, part)
    for row in rows_of(name, part):
        try:
            place(Node(name, kind), row)
            if row.condition:
                expression(row.condition, scope.resolver(row.source, ""), row.source)
        except UnknownElementError as error:
            found.append((row, f"no element {error}"))
        except UncompilableError:
            found.append((row, "condition"))
    return tuple(found)


def _scope(name: str, part: str) -> Scope:
    return Fields(name.partition("[")[0]) if part == "segments" else Components()


def _tree(name: str, part: str) -> Node:
    root = Node(name, root_type(name), owner=name.partition("[")[0])
    unfit = {row for row, _ in faults_of(name, part)}
    for row in rows_of(name, part):
        if row not in unfit:
            place(root, row)
    return root


@cache
def _converters() -> Converters:
    return Converters(datatype_map)


def _function(source: str, name: str) -> Any:  # noqa: ANN401 - as the source says
    made: dict[str, Any] = {}
    # The source is of our own tables; what they quote is written with repr.
    exec(compile(source, name, "exec"), _converters().namespace, made)  # noqa: S102
    return made["build"]
