"""How DuckDB is set up: extensions from the wheels, nothing from the network, nothing in clear on disk."""

import duckdb

from a360._duckdb import load_extension
from a360.catalog import Endpoint
from a360.contract import quote_name, quote_text
from a360.engine.duckdb._errors import in_our_words

# In the order in which they need each other.
EXTENSIONS = ("avro", "httpfs", "iceberg")

_AT_START = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET temp_file_encryption = true",
    "SET enable_progress_bar = false",
    "SET preserve_insertion_order = false",
    # Only the lake's tables and what was registered have names: no variable of the program.
    "SET python_enable_replacements = false",
    # A stream keeps one chunk ahead of its reader. DuckDB counts a chunk without its strings, so that its own
    # default lets it hold a gigabyte of large values.
    "SET streaming_buffer_size = '1KB'",
    # A sort order in Iceberg is a wish of the table's owner: what is staged keeps it, a MERGE need not.
    "SET unsafe_iceberg_ignore_sort_order = true",
)


def connect(*, temp_folder: str, memory_limit: str | None, threads: int | None) -> duckdb.DuckDBPyConnection:
    """An in-memory database with the Iceberg extension loaded and every setting in place."""
    connection = duckdb.connect(":memory:", config=dict(_AT_START))
    for name in EXTENSIONS:
        load_extension(connection, name)
    statements = [*_SETTINGS, f"SET temp_directory = {quote_text(temp_folder)}"]
    if memory_limit:
        statements.append(f"SET memory_limit = {quote_text(memory_limit)}")
    if threads:
        statements.append(f"SET threads = {threads:d}")
    with in_our_words("take its settings"):
        connection.execute(";\n".join(statements))
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
