"""Moving a patient's dates together, by days that only who has the key can tell."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_MOST_DAYS: Final = 365
_DAY_DIGITS: Final = 8


def days_of(tokens: pa.Array) -> pa.Array:
    """By how many days the dates of each token's patient move, 1 to 365; null where nobody knows whose."""
    distinct = tokens.dictionary_encode()
    days = [int(each[:_DAY_DIGITS], 16) % _MOST_DAYS + 1 for each in distinct.dictionary.to_pylist()]
    return pc.take(pa.array(days, pa.int64()), distinct.indices)


def shift_days(values: pa.Array, tokens: pa.Array) -> pa.Array:
    """Dates and times, earlier by 1 to 365 days that are a patient's own; null where nobody knows whose.

    Whole days keep the intervals between a patient's dates, and the time of the day.

    Args:
        values: Dates, or times with a zone.
        tokens: A token of each row's patient, of a domain kept for this.
    """
    by = days_of(tokens)
    if pa.types.is_date32(values.type):
        return pc.subtract(values.cast(pa.int32()).cast(pa.int64()), by).cast(pa.int32()).cast(values.type)
    return pc.subtract(
        values, pc.multiply(by, 86_400).cast(pa.duration("s")).cast(pa.duration(values.type.unit))
    )
