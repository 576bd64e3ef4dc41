"""Letting gold datasets out: masked, measured against a method of de-identification, certified, on record."""

from a360.trust.release._certificate import FORM
from a360.trust.release._judge import LEAVING, Figures, Finding, Judgement, judge
from a360.trust.release._release import CERTIFICATE, SIGNATURE, FileFormat, ReleaseReport, Releases
from a360.trust.release._verify import measured_again

__all__ = [
    "CERTIFICATE",
    "FORM",
    "LEAVING",
    "SIGNATURE",
    "Figures",
    "FileFormat",
    "Finding",
    "Judgement",
    "ReleaseReport",
    "Releases",
    "judge",
    "measured_again",
]
