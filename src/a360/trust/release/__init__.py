"""Letting gold datasets out: masked, measured against a method of de-identification, certified, on record."""

from a360.trust.release._judge import LEAVING, Figures, Finding, Judgement, judge
from a360.trust.release._release import CERTIFICATE, SIGNATURE, FileFormat, ReleaseReport, Releases

__all__ = [
    "CERTIFICATE",
    "LEAVING",
    "SIGNATURE",
    "Figures",
    "FileFormat",
    "Finding",
    "Judgement",
    "ReleaseReport",
    "Releases",
    "judge",
]
