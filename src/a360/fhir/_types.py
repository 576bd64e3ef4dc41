"""How FHIR types behave in comparisons, arithmetic and columns."""

from a360.fhir._definitions import is_primitive
from a360.fhir._typed._expr import EMPTY, NUMBER, UNKNOWN, Expr

type Kind = str

_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "integer64": "integer",
    "decimal": "decimal",
    NUMBER: "decimal",
    "date": "date",
    "dateTime": "dateTime",
    "instant": "dateTime",
    "time": "time",
    EMPTY: "empty",
    UNKNOWN: "unknown",
    "choice": "choice",
}

# Types that a column may declare for a path, by the kind of what the path gives.
_SYSTEM = {
    "System.Boolean": "boolean",
    "System.String": "string",
    "System.Integer": "integer",
    "System.Decimal": "decimal",
    "System.Date": "date",
    "System.DateTime": "dateTime",
    "System.Time": "time",
}


def kind_of(type_name: str) -> Kind:
    """The family a type compares within; `text` for all string-like primitives, `complex` for structures."""
    found = _KINDS.get(type_name)
    if found is not None:
        return found
    return "text" if is_primitive(type_name) else "complex"


def bare_type(declared: str) -> str:
    """A declared type without its URL, and FHIRPath's system types under FHIR's names."""
    name = declared.rpartition("/")[2]
    if name in _SYSTEM:
        return _SYSTEM[name]
    return name.removeprefix("FHIR.")


def shown(expr: Expr) -> str:
    """The type of an expression as a message says it."""
    name = {NUMBER: "decimal", EMPTY: "nothing"}.get(expr.type, expr.type)
    return f"a collection of {name}" if expr.many else name
