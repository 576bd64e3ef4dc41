"""The physical types a contract may name, and what each is in Iceberg."""

import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

MAX_DECIMAL_PRECISION = 38
_DATES_WIDEN = 3  # the format version

# physical type → the ODCS logical types it may carry
LOGICAL_TYPES = MappingProxyType(
    {
        "string": ("string",),
        "boolean": ("boolean",),
        "int": ("integer",),
        "long": ("integer",),
        "double": ("number",),
        "decimal": ("number",),
        "date": ("date",),
        "timestamptz": ("timestamp",),
        "binary": ("string",),
    }
)

_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")


@dataclass(frozen=True, slots=True)
class PhysicalType:
    """A physical type taken apart; only a decimal has a precision and a scale."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name

    @property
    def iceberg(self) -> str:
        """The type as Iceberg's JSON spells it."""
        return f"decimal({self.precision}, {self.scale})" if self.name == "decimal" else self.name

    @property
    def is_numeric(self) -> bool:
        """Whether values of the type are numbers."""
        return self.name in {"int", "long", "double", "decimal"}


@lru_cache(maxsize=256)
def parse_type(text: str) -> PhysicalType | None:
    """The physical type a text names, in the contract's or in Iceberg's spelling; none if it names none."""
    decimal = _DECIMAL.fullmatch(text)
    if decimal:
        precision, scale = int(decimal[1]), int(decimal[2])
        fits = 1 <= precision <= MAX_DECIMAL_PRECISION and scale <= precision
        return PhysicalType("decimal", precision, scale) if fits else None
    return PhysicalType(text) if text in LOGICAL_TYPES and text != "decimal" else None


def physical_type(text: str) -> PhysicalType:
    """As `parse_type`, for a text that is known to name a type."""
    parsed = parse_type(text)
    if parsed is None:
        raise ValueError(f"{text!r} is no physical type of a contract")
    return parsed


def iceberg_type(text: str) -> str:
    """The Iceberg type for a physical type: `timestamptz`, `decimal(18, 6)`."""
    return physical_type(text).iceberg


def widens(old: str, new: str, format_version: int = 2, *, partitioned: bool = False) -> bool:
    """Whether Iceberg lets a column of the old type become the new one without rewriting data.

    A date widens to a timestamp without zone only, only in format 3, and not where the table is or was
    partitioned by it: a partition value of one would not be one of the other.
    """
    if (old, new) in {("int", "long"), ("float", "double")}:
        return True
    if old == "date" and new in {"timestamp", "timestamp_ns"}:
        return format_version >= _DATES_WIDEN and not partitioned
    before, after = parse_type(old), parse_type(new)
    if before is None or after is None or not before.name == after.name == "decimal":
        return False
    return before.scale == after.scale and before.precision < after.precision
