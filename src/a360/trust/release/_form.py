"""The rows of a release in the form in which they leave: masked, moved by days, coded, and in no order.

They lie in temporary tables of a session, which go to the disk, encrypted, where they are more than it may
hold in memory.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import pyarrow as pa

from a360.contract import ReleasedColumnPlan, ReleasePlan, mask_sql, quote_name, quote_table
from a360.engine import EngineSession
from a360.protect import Tokenizer, days_of
from a360.trust.release._judge import LEAVING

GIVEN: Final = 'temp."a360 given"'
"""The columns that leave, under their masks; for each patient, a number."""
_PEOPLE: Final = 'temp."a360 people"'
_KNOWN: Final = 'temp."a360 known people"'
_SOME: Final = "a360_some_people"
_AT_ONCE: Final = 65_536
# So many that two of ten million patients have the same with a chance of one in 10^15.
_CODE_BYTES: Final = 12
_SHIFTED: Final = "date_shift"


@contextmanager
def prepared(
    session: EngineSession, plan: ReleasePlan, snapshot: str, tokenizer: Tokenizer
) -> Iterator[None]:
    """Have the rows of one snapshot in `GIVEN`, for as long as it is asked for."""
    table = f"(FROM {quote_table(plan.dataset)} AT (VERSION => {int(snapshot)}))"
    try:
        people = ""
        if plan.subject:
            _number_people(session, plan, table, tokenizer)
            people = f" LEFT JOIN {_PEOPLE} AS people ON people.token = given.{quote_name(plan.subject)}"
        columns = ", ".join(f"{_masked(column)} AS {quote_name(column.name)}" for column in plan.leaving)
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {GIVEN} AS SELECT {columns} FROM {table} AS given{people}"
        )
        yield
    finally:
        for name in (LEAVING, GIVEN, _PEOPLE, _KNOWN):
            session.execute(f"DROP TABLE IF EXISTS {name}")


def leaving(session: EngineSession, plan: ReleasePlan) -> pa.RecordBatchReader:
    """What may leave, with codes in place of patients, as a stream.

    Its order is that of its values, the codes' first: it tells nothing of the one in which the rows lay.
    """
    names = {column.name: f"leaving.{quote_name(column.name)}" for column in plan.leaving}
    source = f"{LEAVING} AS leaving"
    if plan.subject:
        source += f" LEFT JOIN {_PEOPLE} AS people ON people.number = {names[plan.subject]}"
        names[plan.subject] = "people.code"
    columns = ", ".join(f"{names[column.name]} AS {quote_name(column.name)}" for column in plan.leaving)
    order = ", ".join(sorted(names.values(), key=lambda name: name != "people.code"))
    return session.stream(f"SELECT {columns} FROM {source} ORDER BY {order}")


def told_of(session: EngineSession, plan: ReleasePlan, at_once: int) -> Iterator[list[str]]:
    """The tokens of the patients whose rows may leave, some at a time; read it out before anything else."""
    if plan.subject is None:
        return
    numbers = f"SELECT {quote_name(plan.subject)} FROM {LEAVING}"
    known = f"SELECT token FROM {_PEOPLE} WHERE number IN ({numbers})"
    for batch in session.stream(known, batch_rows=at_once):
        yield batch.column(0).to_pylist()


def _masked(column: ReleasedColumnPlan) -> str:
    """A column as it leaves, of the table `given` with its `people` beside it."""
    name = f"given.{quote_name(column.name)}"
    if column.element == "patient":
        return "people.number"
    if column.method == _SHIFTED:
        days = "CAST(people.days AS INTEGER)"
        return f"{name} - {days}" if column.type == "date" else f"{name} - to_days({days})"
    return mask_sql(column.method, name, column.type) if column.method else name


def _number_people(session: EngineSession, plan: ReleasePlan, table: str, tokenizer: Tokenizer) -> None:
    """Give each patient a number for the way, a code to leave under, and days to move by."""
    subject = quote_name(str(plan.subject))
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_KNOWN} AS SELECT row_number() OVER () AS number, token "
        f"FROM (SELECT DISTINCT {subject} AS token FROM {table} AS given WHERE {subject} IS NOT NULL)"
    )
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_PEOPLE} (number BIGINT, token VARCHAR, code VARCHAR, days BIGINT)"
    )
    [count] = session.sql(f"SELECT count(*) AS people FROM {_KNOWN}")["people"].to_pylist()
    for first in range(1, count + 1, _AT_ONCE):
        known = session.sql(
            f"SELECT number, token FROM {_KNOWN} WHERE number BETWEEN {first} AND {first + _AT_ONCE - 1}"
        ).combine_chunks()
        tokens = known["token"].combine_chunks()
        days = days_of(tokenizer.tokens(f"release:{plan.dataset}:days", tokens))
        some = known.append_column("code", _codes(plan, tokens, tokenizer)).append_column("days", days)
        session.register(_SOME, some)
        try:
            session.execute(f"INSERT INTO {_PEOPLE} SELECT number, token, code, days FROM {_SOME}")
        finally:
            session.unregister(_SOME)
    session.execute(f"DROP TABLE {_KNOWN}")


def _codes(plan: ReleasePlan, tokens: pa.Array, tokenizer: Tokenizer) -> pa.Array:
    """A code for each patient.

    What is de-identified gets codes that are drawn for one release and kept nowhere: they are derived from
    nothing, as 164.514(c)(1) asks; a keyed digest of an identifier would be. A limited data set may be linked
    with a later one: its codes are keyed tokens of the dataset's own domain.
    """
    if plan.profile == "limited":
        return tokenizer.tokens(f"release:{plan.dataset}:patient", tokens)
    drawn = secrets.token_hex(_CODE_BYTES * len(tokens)).encode()
    wide = 2 * _CODE_BYTES
    offsets = np.arange(0, (len(tokens) + 1) * wide, wide, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(tokens), [None, pa.py_buffer(offsets), pa.py_buffer(drawn)])
