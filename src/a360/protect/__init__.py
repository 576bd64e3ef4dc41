"""Tokens, seals and keys: what keeps identity out of the lake's files.

`Tokenizer`, `Sealer` and `KeyStore` are ports; the forms that begin with `Local` serve a lake in a folder.
`AuditLog`, `Authorizer` and `TextDeidentifier` are ports alone: what implements them is handed in where a
lake is opened.
"""

from a360.protect import _identity as domains
from a360.protect._blocks import OpenBlock, open_block, seal_block
from a360.protect._contexts import (
    column_context,
    identity_context,
    path_context,
    quarantine_context,
    reason_context,
)
from a360.protect._identity import PERSON_TYPES
from a360.protect._ports import BatchSealer, KeyStore, Sealer, Tokenizer
from a360.protect._sealer import LocalSealer
from a360.protect._sealing_key import SEALED_HEAD, sealing_key, sealing_key_sql
from a360.protect._shift import days_of, shift_days
from a360.protect._texts import open_text, seal_text
from a360.protect._tokenizer import LocalTokenizer
from a360.protect._trust_ports import (
    AccessRequest,
    AuditEvent,
    AuditLog,
    Authorizer,
    Decision,
    TextDeidentifier,
)
from a360.protect.keys import LocalKeyStore, open_key_store

__all__ = [
    "PERSON_TYPES",
    "SEALED_HEAD",
    "AccessRequest",
    "AuditEvent",
    "AuditLog",
    "Authorizer",
    "BatchSealer",
    "Decision",
    "KeyStore",
    "LocalKeyStore",
    "LocalSealer",
    "LocalTokenizer",
    "OpenBlock",
    "Sealer",
    "TextDeidentifier",
    "Tokenizer",
    "column_context",
    "days_of",
    "domains",
    "identity_context",
    "open_block",
    "open_key_store",
    "open_text",
    "path_context",
    "quarantine_context",
    "reason_context",
    "seal_block",
    "seal_text",
    "sealing_key",
    "sealing_key_sql",
    "shift_days",
]
