"""The maps in which masked views on AWS look up what keyed masks give.

The views are SQL, and no key comes near SQL. So for every value that a keyed mask may have to show, what the
tokenizer makes of it is written to a table that the definer of the views reads and nobody else.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from a360.catalog import CommitStamp
from a360.contract import KEYED, MASKS, MaskedView, MaskMethod, quote_name, quote_table
from a360.engine import EngineSession
from a360.protect import Tokenizer, days_of
from a360.table import Tables, new_commit_id

_KEYS = [("domain", pa.string()), ("value", pa.string())]
_SCHEMAS: Mapping[MaskMethod, pa.Schema] = {
    "hash": pa.schema([*_KEYS, ("masked", pa.string())]),
    "date_shift": pa.schema([*_KEYS, ("days", pa.int32())]),
}


@dataclass(frozen=True, slots=True, order=True)
class MaskedColumn:
    """A column whose values a keyed mask needs: those it hides, or of a date those that say whose it is."""

    dataset: str
    name: str


def masked_columns(views: Iterable[MaskedView]) -> dict[MaskMethod, dict[str, set[MaskedColumn]]]:
    """Of each keyed method and each domain of tokens the columns that views mask by it."""
    found: dict[MaskMethod, dict[str, set[MaskedColumn]]] = {
        method: defaultdict(set) for method in sorted(KEYED)
    }
    for view in views:
        decision = view.decision
        for name, column in decision.columns.items():
            used = {column.mask, *(cell.mask for cell in column.cells)} if column.allowed else set()
            for method in KEYED & used:
                by = name if method == "hash" else column.by
                if by is not None:
                    found[method][decision.mask_domain].add(MaskedColumn(decision.dataset, by))
    return found


def fill_mask_maps(
    tables: Tables, reading: EngineSession, views: Iterable[MaskedView], tokenizer: Tokenizer
) -> dict[str, int]:
    """Write the maps anew, each in one commit, so that no reader meets half of one.

    Args:
        tables: The lake's tables; those of the maps have to be there.
        reading: A session of its own, for values are read while maps are written.
        views: The views that look values up.
        tokenizer: Makes what the views show.

    Returns:
        How many rows each map has, by its table.

    Raises:
        UsageError: there is no such table.
    """
    filled = {}
    for method, domains in masked_columns(views).items():
        table = f"{MASKS}.{method}"
        batches = (
            _batch(method, domain, batch.column("value"), tokenizer)
            for domain, columns in sorted(domains.items())
            for batch in _values(tables, reading, columns)
        )
        rows = pa.RecordBatchReader.from_batches(_SCHEMAS[method], batches)
        filled[table] = tables.replace(table, rows, CommitStamp(new_commit_id())).added_rows
    return filled


def _values(
    tables: Tables, reading: EngineSession, columns: Iterable[MaskedColumn]
) -> Iterator[pa.RecordBatch]:
    """Every value once, in whatever columns it stands: a view would show a row twice that it finds twice."""
    listed = " UNION ".join(
        f"SELECT {quote_name(each.name)} AS value FROM {quote_table(each.dataset)}"
        for each in sorted(columns)
        if tables.exists(each.dataset)
    )
    if listed:
        yield from reading.stream(f"SELECT value FROM ({listed}) AS every WHERE value IS NOT NULL")


def _batch(method: MaskMethod, domain: str, values: pa.Array, tokenizer: Tokenizer) -> pa.RecordBatch:
    values = values.cast(pa.string())
    if method == "hash":
        made = tokenizer.tokens(domain, values).cast(pa.string())
    else:  # views add days, and dates move to earlier ones
        made = pc.negate(days_of(tokenizer.tokens(f"{domain}:days", values))).cast(pa.int32())
    named = pa.repeat(pa.scalar(domain, pa.string()), len(values))
    return pa.record_batch([named, values, made], schema=_SCHEMAS[method])
