"""Java and what runs on it: the Java that Spark needs, its jars, and the one local Spark of a process."""

from a360.jvm._jars import AWS, ICEBERG, Jar, cached, resolve
from a360.jvm._java import Java, find_java
from a360.jvm._profiles import submit_properties
from a360.jvm._session import PYSPARK, close_spark, local_spark, require_extra, spark_session, speak_anew

__all__ = [
    "AWS",
    "ICEBERG",
    "PYSPARK",
    "Jar",
    "Java",
    "cached",
    "close_spark",
    "find_java",
    "local_spark",
    "require_extra",
    "resolve",
    "spark_session",
    "speak_anew",
    "submit_properties",
]
