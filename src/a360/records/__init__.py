"""Records: rows of extracts, events and whatever else comes in that is no FHIR resource.

Readers turn files into rows of text; what is wrong with them comes back as faults, with the line. A mapping
compiles what a contract says about the fields of a record to SQL over the payloads.
"""

from a360.records._mapping import MISSHAPEN, UNREAD, Mapping, compile_mapping

__all__ = ["MISSHAPEN", "UNREAD", "Mapping", "compile_mapping"]
