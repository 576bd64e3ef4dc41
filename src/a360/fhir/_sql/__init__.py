"""One emitter a dialect; what differs between dialects stands here alone."""

from a360.fhir._sql._duckdb import DuckDB
from a360.fhir._sql._emitter import Emitter

EMITTERS: dict[str, Emitter] = {"duckdb": DuckDB()}

__all__ = ["EMITTERS", "Emitter"]
