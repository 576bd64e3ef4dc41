"""Functions over batches, run by Spark's workers."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.udf import UserDefinedFunction
from pyspark.util import PythonEvalType

from a360.engine._port import BatchFunction
from a360.engine.spark._arrow import readable, spark_schema
from a360.engine.spark._errors import carried
from a360.errors import A360Error, InternalError

_PLACES = 3


def map_batches(rows: DataFrame, function: BatchFunction, schema: pa.Schema) -> DataFrame:
    """What a function makes of rows, partition by partition, when it is computed.

    As `DataFrame.mapInArrow` has it, which asks for pandas though nothing here is of pandas.
    """
    udf = UserDefinedFunction(
        _Work(function, readable(schema)),
        returnType=spark_schema(schema),
        evalType=PythonEvalType.SQL_MAP_ARROW_ITER_UDF,
    )
    columns = udf(*(rows[f"`{name.replace('`', '``')}`"] for name in rows.columns))
    made = rows._jdf.mapInArrow(columns._jc, False, None)  # noqa: SLF001 - there is no other way
    return DataFrame(made, rows.sparkSession)


@dataclass(frozen=True, slots=True)
class _Work:
    """The function on a worker: its batches in Spark's types, and our errors as text that comes through."""

    function: BatchFunction
    schema: pa.Schema

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self.function(batches):
                yield batch.cast(self.schema)
        except A360Error as error:
            raise RuntimeError(carried(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever it says, workers' logs are no place for it
            raise RuntimeError(carried(_fault(error))) from None


def _fault(error: Exception) -> A360Error:
    """A fault of ours on a worker, by its kind and where it happened: its text may quote values."""
    places = traceback.extract_tb(error.__traceback__)
    where = ", ".join(f"{Path(each.filename).name}:{each.lineno}" for each in places[-_PLACES:])
    return InternalError(
        "engine-failed",
        "A function failed on a worker of Spark's",
        where=where,
        found=f"{type(error).__name__} (its text is withheld: it may quote values of a row)",
    )
