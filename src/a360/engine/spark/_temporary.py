"""Temporary tables: results that Spark keeps on its executors' encrypted disks, computed once.

Spark has views only. A cached view may be computed anew when a part of it is lost, and would then number its
rows otherwise, or use other keys; a checkpoint of an executor's own cannot, and fails instead.
"""

import gc
from functools import reduce
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import IntegerType, NullType, StructType

# A table of more parts than these is made of one part again.
_MOST_PARTS = 64
_COLLECTED_EVERY = 32


class TemporaryTables:
    """The temporary tables and views of a session, by name."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._tables: dict[str, list[DataFrame]] = {}
        self._views: set[str] = set()
        self._computed = 0

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._tables

    def schema(self, name: str) -> StructType:
        """The columns of a table."""
        return self._tables[name.lower()][0].schema

    def compute(self, rows: DataFrame) -> DataFrame:
        """Compute rows once."""
        self._computed += 1
        if self._computed % _COLLECTED_EVERY == 0:
            # What Python holds of rows that nobody reads any more lies in cycles, and it looks for these ever
            # more seldom; so long would Spark keep their plans, and what was broadcast for them.
            gc.collect()
        return _typed(rows).localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)

    def bytes_of(self, part: DataFrame) -> int:
        """What computed rows take on the executors' disks."""
        wanted = _rdd(part).id()
        for each in self._session.sparkContext._jsc.sc().getRDDStorageInfo():  # noqa: SLF001 - Python does not say
            if each.id() == wanted:
                return int(each.diskSize())
        return 0

    def release(self, part: DataFrame) -> None:
        """Free the disk that a part takes, which would else wait for the collector of two languages."""
        _rdd(part).unpersist(False)

    def keep(self, name: str, rows: DataFrame) -> None:
        """Compute rows, and have them under a name, in the place of what it meant before."""
        self.hold(name, self.compute(rows))

    def hold(self, name: str, part: DataFrame) -> None:
        """Have computed rows under a name, in the place of what it meant before."""
        self.drop(name)
        self._tables[name.lower()] = [part]
        self._show(name)

    def add(self, name: str, part: DataFrame) -> None:
        """Add computed rows to a table; what is there already is not copied."""
        parts = self._tables[name.lower()]
        parts.append(part)
        self._show(name)
        if len(parts) > _MOST_PARTS:
            self.keep(name, self._session.table(quoted(name)))

    def show(self, name: str, rows: DataFrame) -> None:
        """Have rows under a name, computed whenever they are read."""
        self.drop(name)
        rows.createOrReplaceTempView(quoted(name))
        self._views.add(name.lower())

    def note(self, name: str) -> None:
        """Know of a view that a statement has made."""
        self._views.add(name.lower())

    def drop(self, name: str) -> None:
        """Forget a table or view, if it is there."""
        self._session.catalog.dropTempView(name)
        self._views.discard(name.lower())
        for part in self._tables.pop(name.lower(), ()):
            self.release(part)

    def clear(self) -> None:
        """Forget all of them."""
        for name in [*self._views, *self._tables]:
            self.drop(name)

    def _show(self, name: str) -> None:
        rows = reduce(DataFrame.unionAll, self._tables[name.lower()])
        rows.createOrReplaceTempView(quoted(name))


def quoted(name: str) -> str:
    """A name as Spark quotes it."""
    return f"`{name.replace('`', '``')}`"


def _typed(rows: DataFrame) -> DataFrame:
    """Rows in which a bare NULL is a number, as DuckDB has it."""
    bare = {each.name for each in rows.schema if isinstance(each.dataType, NullType)}
    if not bare:
        return rows
    return rows.select(
        *(
            f.col(quoted(name)).cast(IntegerType()) if name in bare else f.col(quoted(name))
            for name in rows.columns
        )
    )


def _rdd(part: DataFrame) -> Any:  # noqa: ANN401 - of an untyped package
    return part._jdf.queryExecution().analyzed().rdd()  # noqa: SLF001 - Python does not say
