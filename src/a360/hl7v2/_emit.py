"""Python source from the mapping tables: one function a map, which builds what the map makes.

A map's rows are put into a tree of elements first (`_targets`); the code walks that tree once, here, so that
at run time there is no tree, only tests of fields and dictionaries being filled. What is done with a value
that was found is a line of code with `%s` where the value goes, or `%l` where it goes as a list: a sink.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from a360.hl7v2 import _observed
from a360.hl7v2._conditions import expression
from a360.hl7v2._convey import TEXTS, Converters
from a360.hl7v2._primitives import BY_TYPE, ZONED
from a360.hl7v2._reads import Fields, Read, Scope, source_of
from a360.hl7v2._targets import Node, Row, element, is_primitive

_PIECE = re.compile(r'"([^"]*)"|([A-Z][A-Z0-9]{1,2}[-.]\d+(?:\.\d+)*)')
# Elements that say nothing by themselves.
_LONE = frozenset(("url", "system", "reference"))


class Emitter:
    """Writes the body of one map's function."""

    def __init__(self, scope: Scope, converters: Converters) -> None:
        self._scope = scope
        self._converters = converters
        self._lines: list[str] = []
        self._depth = 1
        self._names = 0

    def body(self, root: Node) -> list[str]:
        """The lines of the function that builds what a tree of mappings says."""
        self._element(root, "", "return %s")
        self._line("return None")
        return [*("    " + line for line in self._scope.prologue()), *self._lines]

    def _line(self, text: str) -> None:
        self._lines.append("    " * self._depth + text)

    def _hand(self, name: str, sink: str) -> None:
        """Do with a value what the sink says; variables named so hold lists already."""
        listed = name if name.startswith(("items", "found")) else f"[{name}]"
        self._line(sink.replace("%l", listed).replace("%s", name))

    @contextmanager
    def _under(self, head: str) -> Iterator[None]:
        """Lines under a head, as `if x:`; with no head, lines where we are."""
        if head:
            self._line(head)
            self._depth += 1
        yield
        if head:
            self._depth -= 1

    def _fresh(self, stem: str) -> str:
        self._names += 1
        return f"{stem}{self._names}"

    def _element(self, node: Node, rep: str, sink: str) -> None:
        """Build an element and hand it on: once, or once for each repetition of its field."""
        counts = self._counts(node) if node.many and not node.single and not rep else []
        if not counts:
            self._one(node, rep, sink)
            return
        items, index = self._fresh("items"), self._fresh("r")
        times = counts[0] if len(counts) == 1 else f"max({', '.join(counts)})"
        self._line(f"{items} = []")
        with self._under(f"for {index} in range({times} or 1):"):
            at = len(self._lines)
            self._one(node, index, f"{items} += %l")
            cut = ["    " * self._depth + line for line in self._scope.cut_in_loop()]
            self._lines[at:at] = cut
        with self._under(f"if {items}:"):
            self._hand(items, sink)

    def _counts(self, node: Node) -> list[str]:
        sources = sorted({row.source for row in node.all_rows() if row.source})
        found = [self._scope.count(source) for source in sources]
        return list(dict.fromkeys(count for count in found if count))

    def _one(self, node: Node, rep: str, sink: str) -> None:
        if node.resources:
            self._reference(node, rep, sink)
        else:
            self._plain(node, rep, sink)

    def _plain(self, node: Node, rep: str, sink: str) -> None:
        if is_primitive(node.kind):
            self._last(node.rows, node.kind, rep, sink)
            return
        if not node.rows:
            self._parts(node, rep, "", sink)
            return
        whole = self._fresh("whole")
        self._whole(node, rep, whole)
        if not node.children:
            self._unless_alone(node, whole, sink)
            return
        with self._under(f"if {whole} is not None and type({whole}) is not dict:"):
            self._hand(whole, sink)
        with self._under("else:"):
            self._parts(node, rep, whole, sink)

    def _whole(self, node: Node, rep: str, whole: str) -> None:
        """What the mappings of the element itself give: parts add up, else the last has the last word."""
        self._line(f"{whole} = None")
        for at, row in enumerate(node.rows):
            joined = f"{whole} = together({whole}, %s)" if at else f"{whole} = %s"
            self._value(row, node.kind, rep, joined)

    def _parts(self, node: Node, rep: str, whole: str, sink: str) -> None:
        """The children, and after them what the whole brought along: what is said of a part goes first."""
        made = self._fresh("made")
        self._line(f"{made} = {{}}")
        for name, many, builds in _named(node):
            self._child(name, builds, rep, made, many=many)
        if whole:
            with self._under(f"if {whole}:"):
                self._line(f"fill({made}, {whole})")
        self._unless_alone(node, made, sink)

    def _unless_alone(self, node: Node, name: str, sink: str) -> None:
        """Hand on what was made, unless it says nothing by itself, as a system without a code."""
        lone = sorted(name for name in _LONE if element(node.kind, name))
        alone = "".join(f" and {each!r} not in {name}" for each in lone)
        with self._under(f"if {name} and (len({name}) > 1 or ({alone[5:]})):" if lone else f"if {name}:"):
            self._hand(name, sink)

    def _child(self, name: str, builds: list[Node], rep: str, made: str, *, many: bool) -> None:
        """What goes into an element of an object, by one mapping or by several."""
        for build in builds:
            sink = f"{made}[{name!r}] = %s"
            if many:
                sink = f"{made}[{name!r}] = %l" if len(builds) == 1 else f"more({made}, {name!r}, %l)"
            present = self._present(build)
            with self._under(f"if {present}:" if present else ""):
                self._element(build, rep, sink)

    def _present(self, node: Node) -> str:
        """Whether anything an element is made of was sent; empty if nobody can tell, or no need to ask."""
        found = set()
        names = set()
        rows = node.all_rows()
        for row in rows:
            name, number = source_of(row.source) if row.source else ("", 0)
            if not number or speaks_of_absence(row):
                return ""
            found.add(number)
            names.add(name)
        asked = len(rows) == 1 and not (node.many and isinstance(self._scope, Fields))
        return "" if asked or names != {node.owner} else self._scope.present(frozenset(found))

    def _reference(self, node: Node, rep: str, sink: str) -> None:
        """A reference: the resource it leads to is made and kept, and pointed at."""
        rest = Node(node.name, node.kind, rows=node.rows, children=node.children, owner=node.owner)
        kept = self._fresh("kept")
        self._line(f"{kept} = None")
        if node.many and len(node.resources) > 1:
            found = self._fresh("found")
            self._line(f"{found} = []")
            for kind, child in node.resources.items():
                self._plain(child, rep, f"if {kept} := keep({kind!r}, %s, store): {found}.append({kept})")
            kept = found
        else:
            for kind, child in reversed(node.resources.items()):
                self._plain(child, rep, f"{kept} = keep({kind!r}, %s, store) or {kept}")
        with self._under(f"if {kept}:"):
            self._hand(kept, sink)
        if rest.rows or rest.children:
            with self._under("else:"):
                self._plain(rest, rep, sink)

    def _last(self, rows: list[Row], kind: str, rep: str, sink: str) -> None:
        """A primitive: the last mapping that gives something has the last word."""
        if len(rows) == 1:
            self._value(rows[0], kind, rep, sink)
            return
        found = self._fresh("v")
        self._line(f"{found} = None")
        for at, row in enumerate(reversed(rows)):
            with self._under(f"if {found} is None:" if at else ""):
                self._value(row, kind, rep, f"{found} = %s")
        with self._under(f"if {found} is not None:"):
            self._hand(found, sink)

    def _value(self, row: Row, kind: str, rep: str, sink: str) -> None:
        """The value of one mapping, where its source has one and its condition holds."""
        read = self._scope.read(row.source, rep)
        holds = ""
        if row.condition:
            holds = expression(row.condition, self._scope.resolver(row.source, rep), row.source)
            if speaks_of_absence(row):
                read = Read("", "[]", '""')
        test = " and ".join(part for part in (read.there, holds) if part)
        with self._under(f"if {test}:" if test else ""):
            self._made(row, kind, rep, read, sink)

    def _made(self, row: Row, kind: str, rep: str, read: Read, sink: str) -> None:
        whole = _observed.BY_SEGMENT.get(row.kind)
        if whole:
            self._found(f"{self._converters.name(whole[0])}(view, store)", sink)
        elif row.assign and not row.assign.startswith("/"):
            self._assigned(row, kind, rep, sink)
        else:
            self._converted(row, kind, read, sink)

    def _found(self, source: str, sink: str) -> None:
        name = self._fresh("v")
        with self._under(f"if ({name} := {source}) is not None:"):
            self._hand(name, sink)

    def _assigned(self, row: Row, kind: str, rep: str, sink: str) -> None:
        """A constant, or text joined from constants and values."""
        pieces = _PIECE.findall(row.assign)
        if not any(ref for _, ref in pieces):
            self._hand(_constant("".join(literal for literal, _ in pieces), kind), sink)
            return
        resolve = self._scope.resolver(row.source, rep)
        texts = [resolve(ref).text if ref else repr(literal) for literal, ref in pieces]
        values = [text for text, (_, ref) in zip(texts, pieces, strict=True) if ref]
        joined = f"({' + '.join(texts)})"
        check = BY_TYPE.get(kind)
        if check:
            joined = f'{self._converters.name(check)}({joined}.strip("^ "))'
        with self._under(f"if {' or '.join(values)}:"):
            self._found(joined, sink)

    def _converted(self, row: Row, kind: str, read: Read, sink: str) -> None:
        """A value through its data type's map; the plainest ones are written out."""
        if kind in ZONED or (kind in TEXTS and self._converters.is_plain(row, kind)):
            said = self._fresh("said")
            with self._under(f"if {said} := {'leaf' if read.inner else 'text'}({read.text}):"):
                if kind in ZONED:
                    self._found(f"{kind}({said}, store)", sink)
                else:
                    self._hand(said, sink)
            return
        convert = self._converters.of(row, kind)
        if read.whole:
            held = "held" if read.cut == "^" else "held_within"
            self._found(f"{held}({convert}, {read.whole}, store)", sink)
        else:
            self._found(f"{convert}({read.pieces}, store)", sink)


def _named(node: Node) -> list[tuple[str, bool, list[Node]]]:
    """The children by JSON name; what extends a primitive goes beside it, under `_name`."""
    found: dict[str, tuple[bool, list[Node]]] = {}
    for (name, _), child in sorted(node.children.items(), key=lambda item: _slot(item[0][1])):
        if child.rows or not is_primitive(child.kind):
            found.setdefault(name, (child.many, []))[1].append(child)
        if is_primitive(child.kind) and child.children:
            beside = Node(name, "Element", children=child.children, owner=child.owner)
            found.setdefault(f"_{name}", (False, []))[1].append(beside)
    return [(name, many, builds) for name, (many, builds) in found.items()]


def _constant(text: str, kind: str) -> str:
    if text.startswith("local:"):
        where, _, name = text.removeprefix("local:").partition("/")
        return f"store.local({where!r}, {name!r})"
    value: Any = text.strip()
    if kind in {"integer", "positiveInt", "unsignedInt", "decimal"}:
        value = BY_TYPE[kind](text)
    elif kind == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    return repr(value)


def speaks_of_absence(row: Row) -> bool:
    """Whether a constant is meant for when the field itself is absent."""
    text = row.condition.replace("IF ", "").replace("IS ", "").replace("HD-", "HD.")
    return bool(row.assign) and text.startswith((f"{row.source} NOT VALUED", "NOT VALUED"))


def _slot(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits.group()) if digits else 0
