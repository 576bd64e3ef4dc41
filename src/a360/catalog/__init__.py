"""The way to the tables: an embedded Iceberg REST catalog, and the commit gateway in front of any catalog.

`CatalogSession` is what engines and the committer use. `serve_catalog` gives the bare catalog, without the
gateway.
"""

from a360.catalog._connect import SECRET_VARIABLE, TOKEN_VARIABLE, ClientKind, Reach, client_configuration
from a360.catalog._direct import TableRefusedError
from a360.catalog._endpoint import Endpoint
from a360.catalog._rebuild import RebuildReport, rebuild_catalog
from a360.catalog._reports import forget_reports, waiting_reports
from a360.catalog._serve import clients_of, run_catalog_server
from a360.catalog._serving import serve_catalog
from a360.catalog._session import CatalogSession
from a360.catalog._storage import S3Credentials, S3Storage
from a360.catalog._unchecked import unchecked
from a360.catalog.access import Scope
from a360.catalog.gateway import COMMIT_ID, COUNTS, CREATED_BY, UPSTREAM, CommitStamp, Policy
from a360.catalog.store import GONE, UNKNOWN, CheckedFiles, LedgerEntry, StoredReport, faults

__all__ = [
    "COMMIT_ID",
    "COUNTS",
    "CREATED_BY",
    "GONE",
    "SECRET_VARIABLE",
    "TOKEN_VARIABLE",
    "UNKNOWN",
    "UPSTREAM",
    "CatalogSession",
    "CheckedFiles",
    "ClientKind",
    "CommitStamp",
    "Endpoint",
    "LedgerEntry",
    "Policy",
    "Reach",
    "RebuildReport",
    "S3Credentials",
    "S3Storage",
    "Scope",
    "StoredReport",
    "TableRefusedError",
    "client_configuration",
    "clients_of",
    "faults",
    "forget_reports",
    "rebuild_catalog",
    "run_catalog_server",
    "serve_catalog",
    "unchecked",
    "waiting_reports",
]
