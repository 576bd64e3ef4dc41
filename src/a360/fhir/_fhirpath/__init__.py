"""FHIRPath, the subset that views are written in: text to syntax tree."""

from a360.fhir._fhirpath._lexer import PathSyntaxError
from a360.fhir._fhirpath._parser import parse
from a360.fhir._fhirpath._syntax import (
    Binary,
    Constant,
    Indexer,
    Invocation,
    Member,
    Node,
    This,
    Unary,
    Value,
)

__all__ = [
    "Binary",
    "Constant",
    "Indexer",
    "Invocation",
    "Member",
    "Node",
    "PathSyntaxError",
    "This",
    "Unary",
    "Value",
    "parse",
]
