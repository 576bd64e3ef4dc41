"""Which record of a patient has taken the place of which: what the statements of `silver.patient_link` give.

Of two records the newest statement counts, which may be that neither replaces the other; of each record the
newest that stands. Where records replace each other in a circle, the oldest statement of the circle falls.
All that depends on what is said and when, not on the order in which the lake heard of it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from a360.contract import stated
from a360.engine import quote_table
from a360.refine._context import LINKS, RefineContext

type _Ints = npt.NDArray[np.int64]

_STATEMENTS = """
    WITH said AS (
        SELECT CASE WHEN type = 'replaces' THEN other_key ELSE patient_key END AS patient_key,
            CASE WHEN type = 'replaces' THEN patient_key ELSE other_key END AS other_key, active,
            {said_at} AS said_at, {version} AS version
        FROM {links} WHERE NOT deleted AND type IN ('replaced-by', 'replaces')
    ), pairs AS (
        FROM said WHERE patient_key <> other_key QUALIFY row_number() OVER (
            PARTITION BY patient_key, other_key ORDER BY said_at DESC, version DESC, active) = 1
    )
    SELECT patient_key, other_key FROM pairs WHERE active
    QUALIFY row_number() OVER (PARTITION BY patient_key ORDER BY said_at DESC, version DESC, other_key) = 1
    ORDER BY said_at, version, patient_key
"""


def survivors(context: RefineContext, snapshot_id: str | None) -> str | None:
    """A table of `patient_key` and `survivor` by the links of a snapshot; None if nobody is replaced.

    Steps of a run mostly stand on the same snapshot, and share what was found.
    """
    if snapshot_id is None:
        return None
    if snapshot_id not in context.merged:
        said_at, version = stated()
        at = f"{quote_table(LINKS)} AT (VERSION => {int(snapshot_id)})"
        said = context.session.sql(_STATEMENTS.format(links=at, said_at=said_at, version=version))
        gone, ends = replaced(said["patient_key"], said["other_key"])
        found = pa.table({"patient_key": gone, "survivor": ends})
        context.merged[snapshot_id] = kept(context, f"merged_{int(snapshot_id)}", found)
    return context.merged[snapshot_id]


def kept(context: RefineContext, name: str, found: pa.Table) -> str | None:
    """Make a temporary table of rows, unless there are none."""
    if not found.num_rows:
        return None
    context.session.register("replaced_found", found)
    context.session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM replaced_found")
    context.session.unregister("replaced_found")
    return name


def replaced(ones: pa.ChunkedArray, others: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """What is replaced, and by what in the end; `others` follow `ones`, each once and the oldest first."""
    count = len(ones)
    encoded = pa.concat_arrays([pa.array([], pa.string()), *ones.chunks, *others.chunks]).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    follows = np.arange(len(encoded.dictionary))
    follows[codes[:count]] = codes[count:]
    age = np.zeros(len(follows), dtype=np.int64)
    age[codes[:count]] = np.arange(count)
    ends = _ends(_without_circles(follows, age))
    gone = np.flatnonzero(ends != np.arange(len(ends)))
    return encoded.dictionary.take(pa.array(gone)), encoded.dictionary.take(pa.array(ends[gone]))


def _ends(follows: _Ints) -> _Ints:
    """Where each leads in the end; into its circle, for what leads into one."""
    for _ in range(len(follows).bit_length()):
        follows = follows[follows]
    return follows


def _without_circles(follows: _Ints, age: _Ints) -> _Ints:
    """The same with each circle cut open at its oldest statement."""
    ends = np.unique(_ends(follows))
    inside = set(ends[follows[ends] != ends].tolist())
    opened = follows.copy()
    while inside:
        circle = [inside.pop()]
        while (following := int(follows[circle[-1]])) != circle[0]:
            circle.append(following)
        inside.difference_update(circle)
        oldest = min(circle, key=lambda each: int(age[each]))
        opened[oldest] = oldest
    return opened


def changed_survivors(context: RefineContext, before: str | None, now: str | None) -> str | None:
    """A table of the patients that others stand for than before; None if there are none.

    `patient_key` is the record itself, `held` the key that rows which name it have had until now.
    """
    tables = survivors(context, before), survivors(context, now)
    return changed(
        context,
        f"remerged_{int(before or 0)}_{int(now or 0)}",
        tables,
        key=("patient_key",),
        told=("survivor",),
    )


def changed(
    context: RefineContext,
    name: str,
    tables: tuple[str | None, str | None],
    *,
    key: Sequence[str],
    told: Sequence[str],
) -> str | None:
    """Make a table of the keys of which two tables, before and now, tell something else; None if of none.

    `held` is where a key led before: what was told of it first, else the last column of the key itself. A
    table that is None tells of nothing.
    """
    was, is_now = tables
    if was == is_now:
        return None
    if name not in context.merged:
        columns = ", ".join(f"'' AS {column}" for column in (*key, *told))
        empty = f"(SELECT {columns} WHERE FALSE)"
        then, since = (", ".join(f"{side}.{column}" for column in told) for side in "bn")
        found = context.session.sql(
            f"SELECT {', '.join(key)}, coalesce(b.{told[0]}, {key[-1]}) AS held "
            f"FROM {was or empty} AS b FULL JOIN {is_now or empty} AS n USING ({', '.join(key)}) "
            f"WHERE ({then}) IS DISTINCT FROM ({since})"
        )
        context.merged[name] = kept(context, name, found)
    return context.merged[name]
