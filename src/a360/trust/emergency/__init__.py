"""Emergencies: who breaks the glass says why, on record and for a while, and somebody else reviews it."""

from a360.trust.emergency._emergencies import Declared, Emergencies, Finding

__all__ = ["Declared", "Emergencies", "Finding"]
