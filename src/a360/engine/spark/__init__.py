"""Spark as an engine of the lake: the one of this process, on this machine or as a job on a cluster."""

from collections.abc import Mapping

from a360.catalog import CatalogSession
from a360.engine.spark._catalogs import glue_properties, on_s3
from a360.engine.spark._session import SparkLakeSession
from a360.jvm import AWS, ICEBERG, spark_session
from a360.settings import Settings

__all__ = ["SparkEngine", "SparkLakeSession", "glue_properties"]


class SparkEngine:
    """Opens sessions of Spark, which is started with the first of them.

    Args:
        settings: Threads, memory, Java and the cache of jars; None for those of the environment.
        properties: Further properties of Iceberg's catalogs, as `s3.endpoint`.
    """

    name = "spark"

    def __init__(self, settings: Settings | None = None, properties: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._properties = dict(properties or {})

    def session(self, catalog: CatalogSession) -> SparkLakeSession:
        """Open a session over the tables of a catalog."""
        endpoint = catalog.engines
        jars = [ICEBERG, AWS] if on_s3(endpoint) else [ICEBERG]
        return SparkLakeSession(spark_session(jars, self._settings), endpoint, self._properties)
