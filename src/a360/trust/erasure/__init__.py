"""Erasure: patients taken out of a lake for good, and legal holds, which keep them in.

`Eraser` looks for all that is a patient's, takes it out, and writes a certificate; `LegalHolds` says whose
data must stay.
"""

from a360.trust.erasure._certificate import FORMAT
from a360.trust.erasure._erase import Eraser
from a360.trust.erasure._find import tokens_of
from a360.trust.erasure._halting import Halted
from a360.trust.erasure._holds import LegalHold, LegalHolds
from a360.trust.erasure._journal import Journals
from a360.trust.erasure._means import Erasure, Means
from a360.trust.erasure._retention import age_limit

__all__ = [
    "FORMAT",
    "Eraser",
    "Erasure",
    "Halted",
    "Journals",
    "LegalHold",
    "LegalHolds",
    "Means",
    "age_limit",
    "tokens_of",
]
