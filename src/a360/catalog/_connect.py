"""What to tell a client so that it reaches a served catalog."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from a360.contract import quote_text

TOKEN_VARIABLE = "A360_CATALOG_TOKEN"  # noqa: S105 -- the name of a variable
SECRET_VARIABLE = "A360_CATALOG_SECRET"  # noqa: S105 -- likewise


class ClientKind(StrEnum):
    """The clients whose configuration is known."""

    PYICEBERG = "pyiceberg"
    DUCKDB = "duckdb"
    SPARK = "spark"
    POLARS = "polars"
    TRINO = "trino"


@dataclass(frozen=True, slots=True)
class Reach:
    """How a client comes to a catalog.

    Attributes:
        uri: Where it is served.
        warehouse: What it calls its warehouse.
        client: The client's name; None for the token that may do everything.
        secret: The secret or the token itself; None to have it read from a variable.
    """

    uri: str
    warehouse: str
    client: str | None = None
    secret: str | None = None

    @property
    def variable(self) -> str:
        """The variable that holds the secret or the token."""
        return SECRET_VARIABLE if self.client else TOKEN_VARIABLE

    @property
    def token_uri(self) -> str:
        """Where clients get their tokens."""
        return f"{self.uri}/v1/oauth/tokens"

    def python(self) -> str:
        """The secret as Python has it, with the client's name before it."""
        hidden = repr(self.secret) if self.secret is not None else f'os.environ["{self.variable}"]'
        return f'"{self.client}:" + {hidden}' if self.client else hidden

    def sql(self) -> str:
        """The secret as DuckDB's command line has it."""
        return quote_text(self.secret) if self.secret is not None else f"getenv('{self.variable}')"

    def properties(self) -> str:
        """The secret as Trino has it, with the client's name before it."""
        hidden = self.secret if self.secret is not None else f"${{ENV:{self.variable}}}"
        return f"{self.client}:{hidden}" if self.client else hidden


def client_configuration(kind: ClientKind, reach: Reach) -> str:
    """The configuration of a client, as text to be pasted or run."""
    return _WRITERS[kind](reach)


def _pyiceberg(reach: Reach) -> str:
    oauth = f'\n        "oauth2-server-uri": "{reach.token_uri}",' if reach.client else ""
    needs_os = reach.secret is None
    return f"""\
{"import os" + chr(10) + chr(10) if needs_os else ""}from pyiceberg.catalog import load_catalog

catalog = load_catalog(
    "lake",
    **{{
        "type": "rest",
        "uri": "{reach.uri}",
        "warehouse": {_python(reach.warehouse)},
        "{"credential" if reach.client else "token"}": {reach.python()},{oauth}
    }},
)
print(catalog.list_namespaces())
"""


def _python(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _polars(reach: Reach) -> str:
    before, catalog = _pyiceberg(reach).split("from pyiceberg.catalog import load_catalog\n", 1)
    return f'''\
{before}import polars as pl
from pyiceberg.catalog import load_catalog
{catalog}

def scan(table: str) -> pl.LazyFrame:
    """A table's rows, read when they are collected: scan("gold.patient_360").collect()."""
    return pl.scan_iceberg(catalog.load_table(table))
'''


def _duckdb(reach: Reach) -> str:
    proof = f"TOKEN {reach.sql()}"
    if reach.client:
        proof = (
            f"CLIENT_ID {quote_text(reach.client)}, CLIENT_SECRET {reach.sql()},\n"
            f"    OAUTH2_SERVER_URI {quote_text(reach.token_uri)}"
        )
    return f"""\
INSTALL httpfs;
INSTALL iceberg;
LOAD httpfs;
LOAD iceberg;
CREATE OR REPLACE TEMPORARY SECRET a360 (
    TYPE iceberg, {proof}
);
ATTACH 'lake' AS lake (
    TYPE iceberg, ENDPOINT {quote_text(reach.uri)}, SECRET a360,
    ACCESS_DELEGATION_MODE 'none', REMOVE_FILES_ON_DELETE false
);
SHOW ALL TABLES;
"""


def _spark(reach: Reach) -> str:
    catalog = "spark.sql.catalog.lake"
    settings = {
        "spark.jars.packages": "org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.11.0",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "rest",
        f"{catalog}.uri": reach.uri,
        f"{catalog}.warehouse": reach.warehouse,
        f"{catalog}.rest.auth.type": "oauth2",
        "spark.redaction.regex": "(?i)secret|password|token|credential",
    }
    if reach.client:
        # This catalog gives no token for a token: Iceberg 1.11 then shows the client's secret anew.
        settings[f"{catalog}.oauth2-server-uri"] = reach.token_uri
        settings[f"{catalog}.token-exchange-enabled"] = "false"
    lines = "\n".join(f"    .config({_python(key)}, {_python(value)})" for key, value in settings.items())
    return f"""\
{"" if reach.secret is not None else "import os" + chr(10) + chr(10)}from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.appName("a360")
{lines}
    .getOrCreate()
)
# Set once Spark runs: settings of its start stand in the list of processes for all to see.
spark.conf.set("{catalog}.{"credential" if reach.client else "token"}", {reach.python()})
spark.sql("SHOW NAMESPACES IN lake").show()
"""


def _trino(reach: Reach) -> str:
    lines: Mapping[str, str] = {
        "connector.name": "iceberg",
        "iceberg.catalog.type": "rest",
        "iceberg.rest-catalog.uri": reach.uri,
        "iceberg.rest-catalog.warehouse": reach.warehouse,
        "iceberg.rest-catalog.security": "OAUTH2",
        **(
            {
                "iceberg.rest-catalog.oauth2.credential": reach.properties(),
                "iceberg.rest-catalog.oauth2.server-uri": reach.token_uri,
                "iceberg.rest-catalog.oauth2.token-exchange-enabled": "false",
            }
            if reach.client
            else {"iceberg.rest-catalog.oauth2.token": reach.properties()}
        ),
        "fs.hadoop.enabled": "true",
    }
    body = "\n".join(f"{key}={value}" for key, value in lines.items())
    return f"# etc/catalog/lake.properties; Trino must see the lake's folder under the same path\n{body}\n"


_WRITERS: Mapping[ClientKind, Callable[[Reach], str]] = {
    ClientKind.PYICEBERG: _pyiceberg,
    ClientKind.DUCKDB: _duckdb,
    ClientKind.SPARK: _spark,
    ClientKind.POLARS: _polars,
    ClientKind.TRINO: _trino,
}
