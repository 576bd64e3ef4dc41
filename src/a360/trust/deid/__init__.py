"""De-identification of text: known values, rules and a NER model; surrogates replace what they find."""

from a360.trust.deid._deidentifier import RULES_VERSION, Deidentified, Deidentifier, KnownValuesOf, Replaced
from a360.trust.deid._model import NerModel
from a360.trust.deid._notes import DEIDENTIFIED, REVIEW, NoteTexts
from a360.trust.deid._spans import Detector, Identifier, Span
from a360.trust.deid._surrogates import METHODS, Method

__all__ = [
    "DEIDENTIFIED",
    "METHODS",
    "REVIEW",
    "RULES_VERSION",
    "Deidentified",
    "Deidentifier",
    "Detector",
    "Identifier",
    "KnownValuesOf",
    "Method",
    "NerModel",
    "NoteTexts",
    "Replaced",
    "Span",
]
