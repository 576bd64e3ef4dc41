"""Records: rows of extracts, events and whatever else comes in that is no FHIR resource.

Readers turn files into rows of text; what is wrong with them comes back as faults, with the line. A mapping
compiles what a contract says about the fields of a record to SQL over the payloads.
"""

from a360.records._csv import Bounds, CsvReader, Fault, Form, Header, LeftOut, Rows, Wrong
from a360.records._csv_cells import cells_of
from a360.records._csv_split import byte_places
from a360.records._drift import Drift, drift_of, listed
from a360.records._mapping import MISSHAPEN, UNREAD, Mapping, compile_mapping
from a360.records._text import is_utf8, joined
from a360.records._typed import text_line_sql, typed_line_sql

__all__ = [
    "MISSHAPEN",
    "UNREAD",
    "Bounds",
    "CsvReader",
    "Drift",
    "Fault",
    "Form",
    "Header",
    "LeftOut",
    "Mapping",
    "Rows",
    "Wrong",
    "byte_places",
    "cells_of",
    "compile_mapping",
    "drift_of",
    "is_utf8",
    "joined",
    "listed",
    "text_line_sql",
    "typed_line_sql",
]
