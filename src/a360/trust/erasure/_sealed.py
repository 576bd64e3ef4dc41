"""Where things lie sealed in tables, and how they are sealed anew under other keys."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from a360.contract import LakePlan, quote_name, quote_table, quote_text
from a360.engine import EngineSession
from a360.protect import (
    BatchSealer,
    Sealer,
    column_context,
    open_block,
    path_context,
    quarantine_context,
    seal_block,
    sealing_key,
    sealing_key_sql,
)

BLOCKS: Final = {"bronze.fhir_resource": "bronze.fhir_block", "bronze.record": "bronze.record_block"}
"""The tables of envelopes, with those of the blocks that their payloads lie in."""
FILES: Final = "ops.ingested_file"

# So much plain text of blocks is worked on at a time.
GROUP_BYTES: Final = 256 << 20

BLANK: Final = b"{}"
"""What takes the place of a line that goes, so that others keep theirs: it says nothing, and is JSON."""

type Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the place that each of them was sealed for."""

    dataset: str
    column: str
    context: Callable[[Record], bytes]

    def under(self, keys: Sequence[str]) -> str:
        """An SQL condition for the rows whose values are sealed under some keys."""
        among = ", ".join(map(quote_text, keys)) or quote_text("")
        return f"{sealing_key_sql(quote_name(self.column))} IN ({among})"


def sealed_columns(plan: LakePlan) -> Iterator[SealedColumn]:
    """The columns whose values are sealed under keys that many rows share, blocks left aside."""
    for table in plan.tables:
        if table.namespace == "quarantine":
            yield SealedColumn(table.dataset, "payload", _of_quarantine)
        for column in table.columns:
            if column.seal is not None:
                yield SealedColumn(
                    table.dataset, column.name, _of_column(table.dataset, column.name, table.key)
                )
    yield SealedColumn(FILES, "path", lambda row: path_context(row["commit_id"], row["digest"]))


def _of_quarantine(row: Record) -> bytes:
    zone, _, name = row["dataset"].partition(".")
    place = f"quarantine.{name}" if zone == "bronze" else row["dataset"]
    return quarantine_context(place, row["commit_id"], row["file"], row["offset"])


def _of_column(dataset: str, column: str, key: Sequence[str]) -> Callable[[Record], bytes]:
    return lambda row: column_context(dataset, column, row[key[0]], row[key[1]])


class Resealing:
    """Opens what is sealed under some keys, and seals it under others, one for each."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._made: dict[str, BatchSealer] = {}

    def renewed(self, sealed: bytes, context: bytes) -> bytes:
        """Sealed bytes under the key that takes the place of theirs."""
        return self._under(sealed).seal(self._sealer.unseal(sealed, context), context)

    def all_renewed(self, sealed: Sequence[bytes], contexts: Sequence[bytes]) -> list[bytes]:
        """Many sealed bytes, each under the key that takes the place of its own."""
        self.prepare(sealed)
        plain = self._sealer.unseal_all(sealed, contexts)
        given = zip(sealed, plain, contexts, strict=True)
        return [self._under(old).seal(each, context) for old, each, context in given]

    def block(self, row: Record, changes: Mapping[int, bytes]) -> Record | None:
        """A block under the key that takes the place of its own, with other lines in the place of some.

        None of one of which no line says anything any more. Lines that go leave theirs `BLANK`.
        """
        name, sealed = row["block_id"], row["payload"]
        if not changes:
            return {**row, "payload": self.renewed(sealed, name.encode())}
        block = open_block(self._sealer, name, sealed)
        starts = np.concatenate([[0], block.ends[:-1]])
        lines = [
            changes[at] + b"\n" if at in changes else block.text[start:end]
            for at, (start, end) in enumerate(zip(starts.tolist(), block.ends.tolist(), strict=True))
        ]
        if all(line.strip() == BLANK for line in lines):
            return None
        text, lengths = b"".join(lines), np.array([len(each) for each in lines])
        payload = seal_block(self._under(sealed), name, text, lengths)
        return {**row, "plain_bytes": len(text), "payload": payload}

    def prepare(self, sealed: Iterable[bytes]) -> None:
        """Make the new keys for what is to be sealed anew, before threads ask for them."""
        wanted = sorted({sealing_key(each) for each in sealed} - self._made.keys())
        self._made |= dict(zip(wanted, self._sealer.batches(len(wanted)), strict=True))

    def _under(self, sealed: bytes) -> BatchSealer:
        return self._made[sealing_key(sealed)]


def block_groups(
    session: EngineSession, table: str, where: str, group_bytes: int = GROUP_BYTES
) -> Iterator[list[Record]]:
    """The blocks for which a condition holds, some at a time, so that a lake larger than memory streams."""
    known = f"SELECT block_id, plain_bytes FROM {quote_table(table)} WHERE {where} ORDER BY block_id"
    group: list[str] = []
    held = 0
    for block_id, size in zip(*(column.to_pylist() for column in session.sql(known).columns), strict=True):
        if group and held + size > group_bytes:
            yield _fetched(session, table, group)
            group, held = [], 0
        group.append(block_id)
        held += size
    if group:
        yield _fetched(session, table, group)


def _fetched(session: EngineSession, table: str, names: Sequence[str]) -> list[Record]:
    among = ", ".join(map(quote_text, names))
    found = session.sql(f"SELECT * FROM {quote_table(table)} WHERE block_id IN ({among})")
    rows: list[Record] = found.to_pylist()
    return rows


def in_threads[Made](work: Callable[[Record], Made], rows: Sequence[Record]) -> list[Made]:
    """Work on rows in threads: what opens and seals lets go of the interpreter."""
    with ThreadPoolExecutor(thread_name_prefix="a360-reseal") as pool:
        return list(pool.map(work, rows))


def as_table(rows: Sequence[Record], like: pa.Schema) -> pa.Table:
    """Rows in the types they were read in."""
    return pa.Table.from_pylist(list(rows), schema=like)


def lines_in(sealer: Sealer, row: Record) -> list[bytes]:
    """The lines of a block, in clear."""
    block = open_block(sealer, row["block_id"], row["payload"])
    return block.text.split(b"\n")
