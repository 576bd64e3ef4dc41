"""Reads YAML into plain values and remembers where each of them stands.

Only what contracts need is accepted: one document of mappings, sequences and scalars. Anchors and aliases are
refused, which also refuses the documents that grow without bounds when they are expanded. Values whose type
depends on the reader (`no`, `0o17`, `12:30`) are faults rather than surprises.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from a360.contract._faults import Fault

type Loc = tuple[str | int, ...]

MAX_BYTES = 2_000_000
MAX_DEPTH = 40

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_resolve: Callable[[type[yaml.Node], str, tuple[bool, bool]], str] = yaml.resolver.Resolver().resolve
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Node:
    """Where a value stands in the text: line (from 1), column (from 0), and offsets in characters.

    `line` is the line of the key, where the value has one. `flow` tells `{…}` and `[…]` from block style.
    """

    line: int
    column: int
    start: int
    end: int
    flow: bool


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file with its text, its values, and where each value stands."""

    label: str
    text: str = field(repr=False, default="")
    data: Any = field(repr=False, default=None)
    nodes: dict[Loc, Node] = field(repr=False, default_factory=dict)

    def line(self, *loc: str | int) -> int:
        """The line of a value, or of the innermost thing around it that stands in the file."""
        for length in range(len(loc), -1, -1):
            node = self.nodes.get(loc[:length])
            if node:
                return node.line
        return 1

    def fault(self, code: str, message: str, *loc: str | int, fix: str = "") -> Fault:
        """A fault at a value of this file."""
        return Fault(self.label, self.line(*loc), code, message, fix)


def read_text(path: Path, label: str) -> tuple[str, list[Fault]]:
    """The text of a file, line ends as they are; or why it cannot be had."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return "", [Fault(label, 1, "C101", f"the file cannot be read: {reason}")]
    if len(raw) > MAX_BYTES:
        return "", [Fault(label, 1, "C104", f"the file has {len(raw)} bytes; {MAX_BYTES} are allowed")]
    if raw.startswith(codecs.BOM_UTF8):
        return "", [Fault(label, 1, "C101", "the file begins with a byte order mark", "save it without one")]
    try:
        return raw.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return "", [Fault(label, line, "C101", "the file is not UTF-8", "save it as UTF-8")]


def read_yaml(path: Path, label: str) -> tuple[SourceFile, list[Fault]]:
    """The values of a YAML file with their places, and the faults found on the way.

    A text that was read before is not parsed again, whatever file it is of.
    """
    text, faults = read_text(path, label)
    if faults:
        return SourceFile(label, text), faults
    parsed, found = _parsed(text)
    # Who reads may change the values: what cannot be valid is taken out of them, one by one.
    own = replace(parsed, label=label, data=deepcopy(parsed.data))
    return own, [replace(each, file=label) for each in found]


@lru_cache(maxsize=256)
def _parsed(text: str) -> tuple[SourceFile, tuple[Fault, ...]]:
    source, faults = parse_yaml(text, "")
    return source, tuple(faults)


def parse_yaml(text: str, label: str) -> tuple[SourceFile, list[Fault]]:
    """As `read_yaml`, of a text; `data` is None where the text as a whole could not be read."""
    builder = _Builder(label)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        fault = Fault(label, line, "C101", f"not YAML: {error.problem or error.context or 'syntax error'}")
        return SourceFile(label, text), [*builder.faults, fault]
    except yaml.YAMLError as error:
        return SourceFile(label, text), [Fault(label, 1, "C101", f"not YAML: {str(error).splitlines()[0]}")]
    except _StopError:
        return SourceFile(label, text), builder.faults
    return SourceFile(label, text, builder.root, builder.nodes), builder.faults


class _StopError(Exception):
    """Nothing more can be read."""


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    value: Any
    loc: Loc
    node: Node
    key: str | None = None
    key_line: int = 0
    skipping: bool = False


class _Builder:
    """Builds values from parser events with a stack of its own, so that no depth can exhaust Python's."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.root: Any = None
        self.nodes: dict[Loc, Node] = {}
        self.faults: list[Fault] = []
        self._stack: list[_Frame] = []
        self._documents = 0
        self._end = 0

    def take(self, event: yaml.Event) -> None:
        """Follow one event of the parser."""
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._fault("C103", "a second document", event, "keep one document in a file")
                    raise _StopError
            case yaml.AliasEvent():
                self._fault("C103", f"the alias *{event.anchor}", event, "write the value out")
                self._place(None, event, flow=True)
            case yaml.ScalarEvent():
                self._check_plain(event)
                self._scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_plain(event)
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)

    def _fault(self, code: str, message: str, event: yaml.Event, fix: str = "") -> None:
        self.faults.append(Fault(self.label, _start(event).line + 1, code, message, fix))

    def _check_plain(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._fault("C103", f"the anchor &{event.anchor}", event, "remove it")
        if event.tag is not None:
            self._fault("C103", f"the tag {event.tag}", event, "remove it")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(frame, event)
            return
        value, sure = _value(event)
        if not sure:
            fix = f"write {'true or false' if isinstance(value, bool) else 'it in quotes'}"
            self._fault("C105", f"{event.value} may be read in several ways", event, fix)
        self._place(value, event, flow=True)

    def _key(self, frame: _Frame, event: yaml.ScalarEvent) -> None:
        frame.key, frame.key_line = event.value, _start(event).line + 1
        frame.skipping = event.value in frame.value
        if event.implicit[0] and event.value == "<<":
            frame.skipping = True
            self._fault("C103", "a merge key", event, "write the keys out")
        elif frame.skipping:
            self._fault("C102", f"the key {event.value} stands twice", event, "keep one of them")

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._stack) >= MAX_DEPTH:
            self._fault("C104", f"nested deeper than {MAX_DEPTH}", event)
            raise _StopError
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._fault("C103", "a key that is not a plain value", event)
            raise _StopError
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        loc = self._place(value, event, flow=bool(event.flow_style))
        node = self.nodes.get(loc) or self._node(event, flow=bool(event.flow_style))
        self._stack.append(_Frame(value, loc, node))

    def _close(self, event: yaml.Event) -> None:
        frame = self._stack.pop()
        # A block collection ends where its last value does; the parser reports the next token instead.
        self._end = _end(event) if frame.node.flow else max(self._end, frame.node.start)
        node = frame.node
        if self.nodes.get(frame.loc) is node:
            self.nodes[frame.loc] = Node(node.line, node.column, node.start, self._end, node.flow)

    def _node(self, event: yaml.Event, *, flow: bool, line: int | None = None) -> Node:
        mark = _start(event)
        return Node(line or mark.line + 1, mark.column, mark.index, _end(event), flow)

    def _place(self, value: Any, event: yaml.Event, *, flow: bool) -> Loc:  # noqa: ANN401 - any YAML value
        self._end = _end(event)
        if not self._stack:
            self.root = value
            self.nodes[()] = self._node(event, flow=flow)
            return ()
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            loc: Loc = (*frame.loc, len(frame.value))
            frame.value.append(value)
            self.nodes[loc] = self._node(event, flow=flow)
            return loc
        key, frame.key = frame.key or "", None
        loc = (*frame.loc, key)
        if frame.skipping:
            return (*loc, "")  # the second of two equal keys is read, and left aside
        frame.value[key] = value
        self.nodes[loc] = self._node(event, flow=flow, line=frame.key_line)
        return loc


def _start(event: yaml.Event) -> Any:  # noqa: ANN401 - a mark of either of PyYAML's two parsers
    return event.start_mark


def _end(event: yaml.Event) -> int:
    mark: Any = event.end_mark
    return int(mark.index)


def _value(event: yaml.ScalarEvent) -> tuple[Any, bool]:
    """The value of a scalar, and whether every reader of YAML agrees on it."""
    text = event.value
    if not event.implicit[0]:
        return text, True
    tag = _resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
    if tag == "null":
        return None, True
    if tag == "bool":
        return text.lower() in {"true", "yes", "on"}, text.lower() in {"true", "false"}
    if tag == "int":
        return (int(text), True) if _INT.fullmatch(text) else (text, False)
    if tag == "float":
        return (float(text), True) if _FLOAT.fullmatch(text) else (text, False)
    return text, True  # a date stays the text it is


def walk(value: Any, loc: Loc = ()) -> Iterator[tuple[Loc, Any]]:  # noqa: ANN401 - any YAML value
    """Every value inside a value, itself first, each with its place."""
    yield loc, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*loc, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*loc, index))
