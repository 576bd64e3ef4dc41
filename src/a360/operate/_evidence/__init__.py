"""Evidence: which safeguards the software supports, what proves that, and how the proofs came out, signed."""

from a360.operate._evidence._bundle import (
    ACTION,
    DETAIL,
    EVIDENCE,
    PAGE,
    SIGNATURE,
    Genuine,
    OnRecord,
    on_record,
    open_bundle,
    write_bundle,
)
from a360.operate._evidence._checks import CHECKS, Finding, Subject
from a360.operate._evidence._controls import CONTROLS, Control, Rule
from a360.operate._evidence._facts import machine_facts, software_facts, state_of_tests
from a360.operate._evidence._judge import Evidence, Judged, Proof, gather
from a360.operate._evidence._table import markdown
from a360.operate._evidence._tests import run_tests, says_of

__all__ = [
    "ACTION",
    "CHECKS",
    "CONTROLS",
    "DETAIL",
    "EVIDENCE",
    "PAGE",
    "SIGNATURE",
    "Control",
    "Evidence",
    "Finding",
    "Genuine",
    "Judged",
    "OnRecord",
    "Proof",
    "Rule",
    "Subject",
    "gather",
    "machine_facts",
    "markdown",
    "on_record",
    "open_bundle",
    "run_tests",
    "says_of",
    "software_facts",
    "state_of_tests",
    "write_bundle",
]
