"""The gate of a lake: what a query may be."""

from a360.trust.gate import LakeQuery, require_select

__all__ = ["LakeQuery", "require_select"]
