"""The bounds of an ingest: what keeps memory and disk small whatever a file holds."""

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in bytes, and of nesting; what exceeds one is quarantined with the bound in the reason."""

    chunk_bytes: int = 8 * _MIB
    """How much text is worked on at once."""
    line_bytes: int = 16 * _MIB
    """The longest line, and the longest resource within a Bundle."""
    record_bytes: int = 1 * _MIB
    """The longest row of an extract, and how far a quote that opens may reach."""
    document_bytes: int = 256 * _MIB
    """The largest file that is one JSON value: a Bundle, or a resource over several lines."""
    depth: int = 100
    """The deepest nesting of objects and arrays."""
    block_bytes: int = 1 * _MIB
    """The size at which a block of payloads is closed."""
    kept_bytes: int = 64 * _KIB
    """How much of an input unit is kept in quarantine when all of it would be too long."""
    inflation: int = 500
    """How many times larger than its file an archive may unpack …"""
    inflation_grace_bytes: int = 256 * _MIB
    """… once it has unpacked to this much."""
    staged_bytes: int = 64 * _MIB
    """How much sealed data waits in memory before it is written as a data file."""
    staged_rows: int = 100_000
    """How many envelope rows wait in memory before they are written as a data file."""
