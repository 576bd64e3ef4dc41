"""What DuckDB is given beside its usual setup: Iceberg, and a lake's catalog."""

import duckdb

from a360 import _duckdb
from a360.catalog import Endpoint, S3Credentials, S3Storage
from a360.contract import quote_name, quote_text
from a360.engine.duckdb._errors import in_our_words
from a360.errors import OperatorError

# In the order in which they need each other.
EXTENSIONS = ("avro", "httpfs", "iceberg")

_SETTINGS = """
    SET preserve_insertion_order = false;
    -- A sort order in Iceberg is a wish of the table's owner: what is staged keeps it, a MERGE need not.
    SET unsafe_iceberg_ignore_sort_order = true;
    -- DuckDB takes these from the machine's variables, and shows them to whoever asks for its settings.
    SET s3_access_key_id = ''; SET s3_secret_access_key = ''; SET s3_session_token = ''
"""


_S3 = "a360_s3"


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


class Storage:
    """A session's way to files in S3: a temporary secret, renewed as the credentials are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, storage: S3Storage) -> None:
        self._connection = connection
        self._storage = storage
        self._known: S3Credentials | None = None
        certificates = storage.certificates
        with in_our_words("set up the way to S3"):
            connection.execute("SET enable_server_cert_verification = true")
            if certificates:
                connection.execute(f"SET ca_cert_file = {quote_text(certificates)}")
        self.renew()

    def renew(self) -> None:
        """Tell DuckDB the credentials that are good now."""
        credentials = self._storage.credentials()
        if credentials == self._known:
            return
        options = [
            "TYPE s3, PROVIDER config",
            f"KEY_ID {quote_text(credentials.access_key)}",
            f"SECRET {quote_text(credentials.secret_key)}",
            f"REGION {quote_text(self._storage.region)}",
            f"USE_SSL {self._storage.encrypted}",
        ]
        if credentials.session_token:
            options.append(f"SESSION_TOKEN {quote_text(credentials.session_token)}")
        if self._storage.host:
            options.append(f"ENDPOINT {quote_text(self._storage.host)}, URL_STYLE 'path'")
        try:
            self._connection.execute(f"CREATE OR REPLACE TEMPORARY SECRET {_S3} ({', '.join(options)})")
        except duckdb.Error as error:
            # What it says may quote the statement, and the statement has the secrets.
            raise OperatorError(
                "engine-failed",
                "DuckDB does not take the credentials for S3",
                found=type(error).__name__,
                next_step="look at the credentials: AWS gives them without control characters",
            ) from None
        self._known = credentials


def _warehouse(endpoint: Endpoint) -> str:
    """What ATTACH names: the catalog's warehouse, unless DuckDB would take it for the address of a file."""
    plain = endpoint.warehouse and "://" not in endpoint.warehouse
    return endpoint.warehouse if plain else "lake"


def detach(connection: duckdb.DuckDBPyConnection, alias: str) -> None:
    """Detach a catalog and forget its token."""
    with in_our_words("detach the catalog"):
        connection.execute(f"DETACH {quote_name(alias)}")
        connection.execute(f"DROP SECRET IF EXISTS {quote_name(alias + '_token')}")
