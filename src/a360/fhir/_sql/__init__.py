"""The SQL side of the compiler: an emitter, and a dialect each for DuckDB, Spark and Trino."""

from a360.fhir._sql._dialect import Dialect
from a360.fhir._sql._duckdb import DuckDB
from a360.fhir._sql._emitter import Emitter
from a360.fhir._sql._lateral import LateralEmitter
from a360.fhir._sql._spark import Spark
from a360.fhir._sql._trino import Trino

EMITTERS: dict[str, Emitter] = {
    "duckdb": Emitter(DuckDB()),
    "spark": Emitter(Spark()),
    "trino": LateralEmitter(Trino()),
}

__all__ = ["EMITTERS", "Dialect", "Emitter"]
