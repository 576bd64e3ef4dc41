"""What the embedded catalog keeps: `catalog.db` and the metadata files in the warehouse."""

from a360.catalog.store._database import Database
from a360.catalog.store._files import MetadataFile, Warehouse
from a360.catalog.store._store import Identifier, Namespace, Store, Swap

__all__ = ["Database", "Identifier", "MetadataFile", "Namespace", "Store", "Swap", "Warehouse"]
