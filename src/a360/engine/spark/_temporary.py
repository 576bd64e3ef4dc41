"""Temporary tables: results that Spark keeps on its executors' encrypted disks, computed once.

Spark has views only. A cached view may be computed anew when a part of it is lost, and would then number its
rows otherwise, or use other keys; a checkpoint of an executor's own cannot, and fails instead.
"""

from dataclasses import dataclass, field
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import IntegerType, NullType, StructType

# A table of more parts than these is made of one part again.
_MOST_PARTS = 64


@dataclass(slots=True)
class _Kept:
    parts: list[DataFrame] = field(default_factory=list)

    def release(self) -> None:
        for part in self.parts:
            _drop(part)
        self.parts = []


class TemporaryTables:
    """The temporary tables and views of a session, by name."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._tables: dict[str, _Kept] = {}
        self._views: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._tables

    def schema(self, name: str) -> StructType:
        """The columns of a table."""
        return self._tables[name.lower()].parts[0].schema

    def keep(self, name: str, rows: DataFrame) -> None:
        """Compute rows, and have them under a name, in the place of what it meant before."""
        kept = _Kept([_computed(rows)])
        self.drop(name)
        self._tables[name.lower()] = kept
        self._show(name)

    def add(self, name: str, rows: DataFrame) -> DataFrame:
        """Compute rows, and add them to a table; what is there already is not copied."""
        kept = self._tables[name.lower()]
        part = _computed(rows)
        kept.parts.append(part)
        self._show(name)
        if len(kept.parts) > _MOST_PARTS:
            self.keep(name, self._session.table(quoted(name)))
        return part

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
        kept = self._tables.pop(name.lower(), None)
        if kept is not None:
            kept.release()

    def clear(self) -> None:
        """Forget all of them."""
        for name in [*self._views, *self._tables]:
            self.drop(name)

    def _show(self, name: str) -> None:
        rows = reduce(DataFrame.unionAll, self._tables[name.lower()].parts)
        rows.createOrReplaceTempView(quoted(name))


def quoted(name: str) -> str:
    """A name as Spark quotes it."""
    return f"`{name.replace('`', '``')}`"


def _computed(rows: DataFrame) -> DataFrame:
    return _typed(rows).localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)


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


def _drop(part: DataFrame) -> None:
    """Free the disk that a part takes, which would else wait for the collector of two languages."""
    part._jdf.queryExecution().analyzed().rdd().unpersist(False)  # noqa: SLF001 - Python does not say
