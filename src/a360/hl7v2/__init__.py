"""HL7 v2 to FHIR R4 as pure code: ER7 parsed, and the v2-to-FHIR mapping guide's tables interpreted.

`parse` turns bytes into messages, `parse_stream` a file of any size; `convert` turns a message into
resources, and `score` compares them with those of another converter.
"""

from a360.hl7v2._convert import Conversion, convert
from a360.hl7v2._lines import as_utf8
from a360.hl7v2._message import Message, Note, Reject, Segment
from a360.hl7v2._parse import Parsed, parse, parse_stream
from a360.hl7v2._score import EXCLUDED, Score, Tally, score
from a360.hl7v2._store import Options

__all__ = [
    "EXCLUDED",
    "Conversion",
    "Message",
    "Note",
    "Options",
    "Parsed",
    "Reject",
    "Score",
    "Segment",
    "Tally",
    "as_utf8",
    "convert",
    "parse",
    "parse_stream",
    "score",
]
