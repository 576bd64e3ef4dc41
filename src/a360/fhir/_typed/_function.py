"""What a function of FHIRPath is to the compiler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from a360.fhir._fhirpath import Node
from a360.fhir._typed._expr import Expr
from a360.fhir._typed._scope import Scope

if TYPE_CHECKING:
    from a360.fhir._typed._expressions import Expressions

type Handler = Callable[["Expressions", Expr, tuple[Node, ...], Scope], Expr]


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it does, and how many arguments it takes."""

    handler: Handler
    least: int = 0
    most: int = 0
