"""What SQL may be: one SELECT over the lake's tables, known by positive lists, and what it reads."""

from a360.trust.gate._push import Aggregation, aggregation, conditions
from a360.trust.gate._query import LakeQuery, Source, TimeTravel
from a360.trust.gate._reads import Reads, reads

__all__ = [
    "Aggregation",
    "LakeQuery",
    "Reads",
    "Source",
    "TimeTravel",
    "aggregation",
    "conditions",
    "reads",
]
