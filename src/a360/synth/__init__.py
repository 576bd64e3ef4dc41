"""Synthetic data of an aesthetic-medicine group, as its systems would send it (FHIR R4, Bulk Data export)."""

from a360.synth._dirt import DIRTY_KINDS, DirtyKind
from a360.synth._fhir import SYNTHETIC_CODE, SYNTHETIC_SYSTEM
from a360.synth._generate import GENERATOR_VERSION, UNTIL, SynthReport, generate
from a360.synth._writer import MANIFEST, SYNTHETIC_EXTENSION

__all__ = [
    "DIRTY_KINDS",
    "GENERATOR_VERSION",
    "MANIFEST",
    "SYNTHETIC_CODE",
    "SYNTHETIC_EXTENSION",
    "SYNTHETIC_SYSTEM",
    "UNTIL",
    "DirtyKind",
    "SynthReport",
    "generate",
]
