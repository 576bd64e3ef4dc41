"""DuckDB set up: extensions from the wheels, nothing from the network, nothing in clear on disk."""

from collections.abc import Iterable
from importlib import import_module
from importlib.resources import files

import duckdb

from a360.contract import quote_text
from a360.errors import OperatorError

_AT_START = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
_SETTINGS = (
    "TimeZone = 'UTC'",
    "temp_file_encryption = true",
    "enable_progress_bar = false",
    # Only tables and what was registered have names: no variable of the program.
    "python_enable_replacements = false",
    # A stream keeps one chunk ahead of its reader. DuckDB counts a chunk without its strings, so that its own
    # default lets it hold a gigabyte of large values.
    "streaming_buffer_size = '1KB'",
)


def connect(
    *, spill: str, extensions: Iterable[str], memory_limit: str | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    """A database in memory; what does not fit goes to the folder `spill`, encrypted.

    Args:
        spill: A folder of its own.
        extensions: What to load, in the order in which they need each other. DuckDB itself can only decrypt
            what is spilled: `httpfs` is always needed.
        memory_limit: As DuckDB writes it, `1GB`; None for DuckDB's own.
        threads: How many compute; None for as many as there are cores.

    Raises:
        OperatorError: `environment-unfit` where an extension is not installed.
        duckdb.Error: DuckDB does not take a setting.
    """
    # Whoever could change an extension's wheel could change DuckDB's: to check signatures over 80 MB at each
    # start would protect nothing. From then on no other is taken unsigned.
    connection = duckdb.connect(":memory:", config={**_AT_START, "allow_unsigned_extensions": "true"})
    for name in extensions:
        load_extension(connection, name)
    settings = ["allow_unsigned_extensions = false", *_SETTINGS, f"temp_directory = {quote_text(spill)}"]
    if memory_limit:
        settings.append(f"memory_limit = {quote_text(memory_limit)}")
    if threads:
        settings.append(f"threads = {threads:d}")
    connection.execute(";\n".join(f"SET {each}" for each in settings))
    return connection


def connect_bare(*, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A database in memory for values in hand: it has no files, no network, and no folder to spill to."""
    connection = duckdb.connect(
        ":memory:", config={**_AT_START, "temp_directory": "", "threads": str(threads)}
    )
    settings = [*_SETTINGS, "enable_external_access = false", "lock_configuration = true"]
    connection.execute(";\n".join(f"SET {each}" for each in settings))
    return connection


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension by its path.

    Raises:
        OperatorError: `environment-unfit` where there is none of DuckDB's own version.
    """
    package = f"duckdb_extension_{name}"
    try:
        root = files(import_module(package))
        path = root / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        connection.execute(f"LOAD {quote_text(str(path))}")
    except (ImportError, duckdb.Error) as error:
        raise OperatorError(
            "environment-unfit",
            f"DuckDB's extension {name} could not be loaded",
            where=package,
            found=f"duckdb {duckdb.__version__}, {type(error).__name__}",
            next_step=f"install {package.replace('_', '-')} {duckdb.__version__} for this platform",
        ) from None
