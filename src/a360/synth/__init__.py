"""Synthetic data of an aesthetic-medicine group, as its systems would send it (FHIR R4, Bulk Data export)."""

from a360.synth._dirt import DIRTY_KINDS, DirtyKind
from a360.synth._fhir import SYNTHETIC_CODE, SYNTHETIC_SYSTEM
from a360.synth._flaws import FLAW_KINDS, FlawKind
from a360.synth._generate import GENERATOR_VERSION, UNTIL, SynthReport, generate
from a360.synth._tables import OTHER_KINDS
from a360.synth._writer import MANIFEST, OTHER_EXTENSION, SYNTHETIC_EXTENSION

__all__ = [
    "DIRTY_KINDS",
    "FLAW_KINDS",
    "GENERATOR_VERSION",
    "MANIFEST",
    "OTHER_EXTENSION",
    "OTHER_KINDS",
    "SYNTHETIC_CODE",
    "SYNTHETIC_EXTENSION",
    "SYNTHETIC_SYSTEM",
    "UNTIL",
    "DirtyKind",
    "FlawKind",
    "SynthReport",
    "generate",
]
