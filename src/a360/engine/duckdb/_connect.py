"""What DuckDB is given beside its usual setup: Iceberg, and a lake's catalog."""

import duckdb

from a360 import _duckdb
from a360.catalog import Endpoint
from a360.contract import quote_name, quote_text
from a360.engine.duckdb._errors import in_our_words

# In the order in which they need each other.
EXTENSIONS = ("avro", "httpfs", "iceberg")

_SETTINGS = """
    SET preserve_insertion_order = false;
    -- A sort order in Iceberg is a wish of the table's owner: what is staged keeps it, a MERGE need not.
    SET unsafe_iceberg_ignore_sort_order = true
"""


def connect(*, temp_folder: str, memory_limit: str | None, threads: int | None) -> duckdb.DuckDBPyConnection:
    """An in-memory database with the Iceberg extension loaded and every setting in place."""
    with in_our_words("take its settings"):
        connection = _duckdb.connect(
            spill=temp_folder, extensions=EXTENSIONS, memory_limit=memory_limit, threads=threads
        )
        connection.execute(_SETTINGS)
    return connection


def attach(connection: duckdb.DuckDBPyConnection, endpoint: Endpoint, alias: str) -> None:
    """Attach a catalog; its token goes into a temporary secret, which DuckDB redacts wherever it shows it."""
    secret, target = quote_name(f"{alias}_token"), quote_name(alias)
    with in_our_words("attach the catalog"):
        connection.execute(
            f"CREATE OR REPLACE TEMPORARY SECRET {secret} (TYPE iceberg, TOKEN {quote_text(endpoint.token)})"
        )
        # Files of a commit that failed stay for `collect`: DuckDB would delete them even where the commit
        # landed and only its answer was lost.
        connection.execute(
            f"ATTACH {quote_text(_warehouse(endpoint))} AS {target} (TYPE iceberg, "
            f"ENDPOINT {quote_text(endpoint.uri)}, SECRET {secret}, "
            "ACCESS_DELEGATION_MODE 'none', REMOVE_FILES_ON_DELETE false)"
        )


def _warehouse(endpoint: Endpoint) -> str:
    """What ATTACH names: the catalog's warehouse, unless DuckDB would take it for the address of a file."""
    plain = endpoint.warehouse and "://" not in endpoint.warehouse
    return endpoint.warehouse if plain else "lake"


def detach(connection: duckdb.DuckDBPyConnection, alias: str) -> None:
    """Detach a catalog and forget its token."""
    with in_our_words("detach the catalog"):
        connection.execute(f"DETACH {quote_name(alias)}")
        connection.execute(f"DROP SECRET IF EXISTS {quote_name(alias + '_token')}")
