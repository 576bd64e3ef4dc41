"""What patients may ask of a lake that holds their data: a copy of it, amendments, and who was told of it."""

from a360.trust.rights._amendments import BASES, Amendment, Amendments, Answer, Basis
from a360.trust.rights._export import FORM, MANIFEST, PATIENT, SIGNATURE, ExportReport, Exports
from a360.trust.rights._gather import Gathered, Gatherer, Received

__all__ = [
    "BASES",
    "FORM",
    "MANIFEST",
    "PATIENT",
    "SIGNATURE",
    "Amendment",
    "Amendments",
    "Answer",
    "Basis",
    "ExportReport",
    "Exports",
    "Gathered",
    "Gatherer",
    "Received",
]
