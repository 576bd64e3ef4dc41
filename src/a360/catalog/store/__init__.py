"""What the embedded catalog keeps: `catalog.db` and the metadata files in the warehouse."""

from a360.catalog.store._checked import GONE, UNKNOWN, CheckedFiles, damaged, faults
from a360.catalog.store._database import Database
from a360.catalog.store._files import MetadataFile, Warehouse
from a360.catalog.store._keys import LIFETIME_SECONDS, IdempotencyKeys, KeyRecord, KeyTakenError
from a360.catalog.store._ledger import Ledger, LedgerEntry
from a360.catalog.store._names import Identifier, Namespace, ObjectKind
from a360.catalog.store._reports import MetricsReports, StoredReport
from a360.catalog.store._salvage import Salvage, Salvaged, salvage
from a360.catalog.store._store import Store, Swap

__all__ = [
    "GONE",
    "LIFETIME_SECONDS",
    "UNKNOWN",
    "CheckedFiles",
    "Database",
    "IdempotencyKeys",
    "Identifier",
    "KeyRecord",
    "KeyTakenError",
    "Ledger",
    "LedgerEntry",
    "MetadataFile",
    "MetricsReports",
    "Namespace",
    "ObjectKind",
    "Salvage",
    "Salvaged",
    "Store",
    "StoredReport",
    "Swap",
    "Warehouse",
    "damaged",
    "faults",
    "salvage",
]
