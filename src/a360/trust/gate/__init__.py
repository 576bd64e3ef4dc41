"""What SQL may be: one SELECT over the lake's tables, known by positive lists, and what it reads."""

from a360.trust.gate._push import Aggregation, aggregation, conditions
from a360.trust.gate._query import LakeQuery, Source, TimeTravel
from a360.trust.gate._reads import Reads, reads
from a360.trust.gate._subjects import Telling, with_subjects

__all__ = [
    "Aggregation",
    "LakeQuery",
    "Reads",
    "Source",
    "Telling",
    "TimeTravel",
    "aggregation",
    "conditions",
    "reads",
    "with_subjects",
]
