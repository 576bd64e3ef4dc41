"""What was done: an append-only log that shows when it was changed.

Each record is a line of canonical JSON that names the record before it by its hash. Checkpoints, with the
root of a Merkle tree over all lines, are signed and kept in a second place. What cannot be on record must not
happen.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.trust.audit._checkpoint import Checkpoint, VerifierKey
from a360.trust.audit._log import LocalAuditLog
from a360.trust.audit._places import CheckpointFolder, CheckpointPlace
from a360.trust.audit._writer import Limits

if TYPE_CHECKING:
    from a360.trust.audit._proofs import Inclusion, prove_growth, prove_record
    from a360.trust.audit._search import AUDIT_SCHEMA, Search, search
    from a360.trust.audit._shape import query_shape
    from a360.trust.audit._verify import Finding, Verification, verify

__all__ = [
    "AUDIT_SCHEMA",
    "Checkpoint",
    "CheckpointFolder",
    "CheckpointPlace",
    "Finding",
    "Inclusion",
    "Limits",
    "LocalAuditLog",
    "Search",
    "Verification",
    "VerifierKey",
    "prove_growth",
    "prove_record",
    "query_shape",
    "search",
    "verify",
]

_LAZY = {
    "AUDIT_SCHEMA": "_search",
    "Finding": "_verify",
    "Inclusion": "_proofs",
    "Search": "_search",
    "Verification": "_verify",
    "prove_growth": "_proofs",
    "prove_record": "_proofs",
    "query_shape": "_shape",
    "search": "_search",
    "verify": "_verify",
}

__getattr__ = lazily(__name__, _LAZY)
