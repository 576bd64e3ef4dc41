"""Where a mapping puts its value: the guide's target paths, taken apart and set against R4's elements."""

import re
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from a360.hl7v2._mappings import element_types, primitive_types

_STEP = re.compile(r"(?P<name>[A-Za-z]+)?(?:\[(?P<slot>[^\]}]*)[\]}])?")
# Slips of the pen in the guide's paths that have one reading only.
_SPELLINGS = {
    "occurenceTiming": "occurrenceTiming",
    "orginal-sub-identiier": "original-sub-identifier",
    "payer": "payor",
    "sytem": "system",
    "uri": "url",
    "valueSampedData": "valueSampledData",
}
_ASSIGNED = re.compile(r'(?P<path>[^="]+)="(?P<value>[^"]*)"\Z')


class Row(NamedTuple):
    """One mapping: where its value comes from, when, where it goes and what is done to it."""

    source: str
    condition: str
    target: str
    kind: str = ""
    vocabulary: str = ""
    assign: str = ""


class Step(NamedTuple):
    """One step of a path: an element, which of its repetitions, and the resource a reference leads on to."""

    name: str
    slot: str
    inner: str


class UnknownElementError(ValueError):
    """A path that leads to no element of R4."""


@dataclass(slots=True)
class Node:
    """An element of the resource being built, with the mappings that fill it."""

    name: str
    kind: str
    many: bool = False
    slot: str = ""
    # An element that repeats, but of which a segment makes one: its field's repetitions go further in.
    single: bool = False
    # The segment or data type whose map this is.
    owner: str = ""
    rows: list[Row] = field(default_factory=list)
    children: dict[tuple[str, str], "Node"] = field(default_factory=dict)
    resources: dict[str, "Node"] = field(default_factory=dict)

    def all_rows(self) -> list[Row]:
        """The mappings of the element and of all beneath it."""
        found = list(self.rows)
        for child in (*self.children.values(), *self.resources.values()):
            found += child.all_rows()
        return found


class Element(NamedTuple):
    """What R4 says of an element."""

    kind: str
    many: bool


@cache
def element(kind: str, name: str) -> Element | None:
    """An element by its JSON name; a choice by the name with the type, as `valueQuantity`."""
    elements = element_types().get(kind, {})
    found = elements.get(name)
    if found is not None:
        return Element(found.rstrip("*"), found.endswith("*"))
    for stem, kinds in elements.items():
        if stem.endswith("[x]") and name.startswith(stem[:-3]):
            wanted = name[len(stem) - 3 :]
            for candidate in kinds.split("|"):
                if candidate[0].upper() + candidate[1:] == wanted:
                    return Element(candidate, many=False)
    return None


def is_primitive(kind: str) -> bool:
    """Whether R4 writes values of the type as a single JSON value."""
    return kind in primitive_types()


def root_type(name: str) -> str:
    """The FHIR type a map makes: `Patient` of `NK1[Patient-Contact]`."""
    inner = name.partition("[")[2].rstrip("]")
    found = re.split(r"[-.]", inner)[0]
    return {"Boolean": "boolean", "String": "string", "Code": "code", "DateTime": "dateTime"}.get(
        found, found
    )


def place(root: Node, row: Row) -> None:
    """Put a mapping where its target says.

    Raises:
        UnknownElementError: there is no such element.
    """
    target = row.target
    assigned = _ASSIGNED.match(target)
    if assigned:
        target = assigned["path"]
        row = row._replace(assign=f'"{assigned["value"]}"')
    node = root
    for step in steps(target):
        node = _enter(node, step)
    if row.vocabulary and not row.kind and node.name == "code" and node.kind == "code":
        # A mapped code brings its display and system along: it is the coding that is mapped.
        parent = _parent(root, target)
        if parent.kind == "Coding":
            parent.rows.append(row._replace(kind="ID[Coding]"))
            return
    node.rows.append(row)


def _parent(root: Node, target: str) -> Node:
    node = root
    for step in steps(target)[:-1]:
        node = _enter(node, step)
    return node


def _enter(node: Node, step: Step) -> Node:
    found = _child(node, step) if step.name else node
    if not step.inner:
        return found
    # A bracket left open at the end of a path is taken as closed.
    kind, _, rest = step.inner.partition(".")
    kind = re.sub(r"\[.*", "", kind)
    if kind not in element_types():
        raise UnknownElementError(step.inner)
    inner = found.resources.setdefault(kind, Node(kind, kind, owner=node.owner))
    for deeper in steps(rest) if rest else ():
        inner = _enter(inner, deeper)
    return inner


def _child(node: Node, step: Step) -> Node:
    name = _SPELLINGS.get(step.name, step.name)
    if name == node.kind:
        return node
    if is_primitive(node.kind) and name not in {"extension", "id"}:
        raise UnknownElementError(f"{node.kind}.{name}")
    kind = "Element" if is_primitive(node.kind) else node.kind
    found = Element("Extension", many=True) if kind == "Element" else element(kind, name)
    if found is None:
        raise UnknownElementError(f"{node.kind}.{name}")
    slot = (step.slot or "1") if found.many else "1"
    key = (name, slot)
    if key not in node.children:
        node.children[key] = Node(
            name, found.kind, found.many, slot, single=slot.startswith("one"), owner=node.owner
        )
    return node.children[key]


def steps(path: str) -> list[Step]:
    """The steps of a target path; `$this`, `$value` and a leading index stand for the whole value."""
    path = path.strip()
    found = []
    at = 0
    while at < len(path):
        if path[at] == ".":
            at += 1
            continue
        if path[at] == "$":
            at = _end_of(path, at)
            continue
        match = _STEP.match(path, at)
        if match is None or match.end() == at:
            raise UnknownElementError(path)
        at = match.end()
        inner = ""
        if path[at : at + 1] == "(":
            end = _closing(path, at)
            inner = path[at + 1 : end]
            at = end + 1
        if match["name"] or inner:
            found.append(Step(match["name"] or "", match["slot"] or "", inner))
        elif match["slot"] not in {"1", None}:
            raise UnknownElementError(path)
    return found


def _end_of(path: str, at: int) -> int:
    end = path.find(".", at)
    return len(path) if end < 0 else end


def _closing(path: str, at: int) -> int:
    depth = 0
    for index in range(at, len(path)):
        depth += {"(": 1, ")": -1}.get(path[index], 0)
        if not depth:
            return index
    return len(path)
