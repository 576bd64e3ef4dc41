"""The syntax tree of the FHIRPath subset, as written: no types yet."""

from dataclasses import dataclass
from typing import Literal

type Kind = Literal["boolean", "string", "integer", "decimal", "date", "dateTime", "time", "empty"]


@dataclass(frozen=True, slots=True)
class Member:
    """`target.name`; without target, of the current focus."""

    target: "Node | None"
    name: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """`target.name(arguments)`; without target, on the current focus."""

    target: "Node | None"
    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Indexer:
    """`target[index]`."""

    target: "Node"
    index: "Node"


@dataclass(frozen=True, slots=True)
class Value:
    """A literal; dates, times and decimals are kept as they were written."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class This:
    """`$this`, and other `$` names, which are not supported."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand` or `+operand`."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Node"
    right: "Node"


type Node = Member | Invocation | Indexer | Value | Constant | This | Unary | Binary
