"""What was done: an append-only log that shows when it was changed.

Each record is a line of canonical JSON that names the record before it by its hash. Checkpoints, with the
root of a Merkle tree over all lines, are signed and kept in a second place. What cannot be on record must not
happen.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.trust.audit._certified import Certified, open_certified
from a360.trust.audit._checkpoint import Checkpoint, VerifierKey, is_certified, open_note
from a360.trust.audit._following import START, Place, read_on
from a360.trust.audit._log import CHECKPOINTS, LocalAuditLog, log_key, pseudonym
from a360.trust.audit._places import CheckpointFolder, CheckpointPlace, note_name
from a360.trust.audit._writer import Limits

if TYPE_CHECKING:
    from a360.trust.audit._destroyed import destroyed_keys, record_destruction
    from a360.trust.audit._proofs import Inclusion, prove_growth, prove_record, record_at
    from a360.trust.audit._reports import REPORTS, ReportOptions, report
    from a360.trust.audit._search import AUDIT_SCHEMA, Search, search
    from a360.trust.audit._shape import query_shape
    from a360.trust.audit._verify import Finding, Verification, verify

__all__ = [
    "AUDIT_SCHEMA",
    "CHECKPOINTS",
    "REPORTS",
    "START",
    "Certified",
    "Checkpoint",
    "CheckpointFolder",
    "CheckpointPlace",
    "Finding",
    "Inclusion",
    "Limits",
    "LocalAuditLog",
    "Place",
    "ReportOptions",
    "Search",
    "Verification",
    "VerifierKey",
    "destroyed_keys",
    "is_certified",
    "log_key",
    "note_name",
    "open_certified",
    "open_note",
    "prove_growth",
    "prove_record",
    "pseudonym",
    "query_shape",
    "read_on",
    "record_at",
    "record_destruction",
    "report",
    "search",
    "verify",
]

_LAZY = {
    "AUDIT_SCHEMA": "_search",
    "Finding": "_verify",
    "Inclusion": "_proofs",
    "REPORTS": "_reports",
    "ReportOptions": "_reports",
    "Search": "_search",
    "report": "_reports",
    "Verification": "_verify",
    "prove_growth": "_proofs",
    "prove_record": "_proofs",
    "record_at": "_proofs",
    "query_shape": "_shape",
    "destroyed_keys": "_destroyed",
    "record_destruction": "_destroyed",
    "search": "_search",
    "verify": "_verify",
}

__getattr__ = lazily(__name__, _LAZY)
