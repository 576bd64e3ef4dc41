"""A catalog as Spark is told of it: by settings of a session alone."""

from collections.abc import Mapping

from pyspark.sql import SparkSession

from a360.catalog import Endpoint

_CATALOG = "spark.sql.catalog."
_S3 = "org.apache.iceberg.aws.s3.S3FileIO"


def attach(session: SparkSession, name: str, endpoint: Endpoint, properties: Mapping[str, str]) -> None:
    """Have a name mean the catalog at an endpoint of the commit gateway.

    `properties` are further ones of Iceberg's catalogs, as `s3.endpoint`.
    """
    settings = {
        "": "org.apache.iceberg.spark.SparkCatalog",
        ".type": "rest",
        ".uri": endpoint.uri,
        ".token": endpoint.token,
        ".warehouse": endpoint.warehouse,
        ".rest.auth.type": "oauth2",
        ".token-exchange-enabled": "false",
        # A table that another writer has changed is to be seen as it is.
        ".cache-enabled": "false",
    }
    if on_s3(endpoint):
        settings[".io-impl"] = _S3
    settings |= {f".{key}": value for key, value in properties.items()}
    for key, value in settings.items():
        session.conf.set(f"{_CATALOG}{name}{key}", value)


def detach(session: SparkSession, name: str) -> None:
    """Close what was opened for a catalog, and forget its address and token."""
    catalogs = session._jsparkSession.sessionState().catalogManager()  # noqa: SLF001 - Python does not say
    if catalogs.isCatalogRegistered(name):
        catalogs.catalog(name).icebergCatalog().close()
    for key in [key for key in session.conf.getAll if key.startswith(f"{_CATALOG}{name}")]:
        session.conf.unset(key)


def on_s3(endpoint: Endpoint) -> bool:
    """Whether a lake's files are on S3, which takes a jar of its own."""
    return endpoint.warehouse.startswith(("s3://", "arn:aws:s3"))


def glue_properties(region: str, account: str) -> dict[str, str]:
    """How Spark reaches the tables of AWS Glue without a gateway, to read them.

    By its own REST endpoint, with the permissions of the role that Spark runs under.
    """
    return {
        f"{_CATALOG}lake": "org.apache.iceberg.spark.SparkCatalog",
        f"{_CATALOG}lake.type": "rest",
        f"{_CATALOG}lake.uri": f"https://glue.{region}.amazonaws.com/iceberg",
        f"{_CATALOG}lake.warehouse": account,
        f"{_CATALOG}lake.io-impl": _S3,
        f"{_CATALOG}lake.rest.sigv4-enabled": "true",
        f"{_CATALOG}lake.rest.signing-name": "glue",
        f"{_CATALOG}lake.rest.signing-region": region,
    }
