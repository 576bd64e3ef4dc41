"""DuckDB's extensions, from the wheels that are installed and never from the network."""

from importlib import import_module
from importlib.resources import files

import duckdb

from a360.contract import quote_text
from a360.errors import OperatorError


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
