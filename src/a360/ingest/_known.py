"""What the lake has from a source already: files and contents of batches that have landed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from a360.engine import quote_table, quote_text
from a360.ingest._bytes import digest_file
from a360.ingest._committed import FILES, MAIN, committed_batches
from a360.ingest._digests import DigestSet
from a360.ingest._inputs import Input
from a360.protect import Tokenizer

if TYPE_CHECKING:
    from a360.table import Tables


def keyed_digest(digest: str, tokenizer: Tokenizer) -> str:
    """A file's digest as `ops.ingested_file` has it."""
    keyed: str = tokenizer.digests(pa.array([digest]))[0].as_py()
    return keyed


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """The files that were ingested from a source: by their size, what was read from each digest."""

    by_size: Mapping[int, Mapping[str, int]]

    @classmethod
    def of(cls, tables: "Tables", source: str) -> "KnownFiles":
        """The files of batches that have landed."""
        landed = committed_batches(tables)
        columns = ["digest", "bytes", "read", "commit_id"]
        rows = tables.read(FILES, columns=columns, where=f"source = {quote_text(source)}")
        by_size: dict[int, dict[str, int]] = defaultdict(dict)
        for row in rows.to_pylist():
            if row["commit_id"] in landed:
                by_size[row["bytes"]][row["digest"]] = row["read"]
        return cls(by_size)

    def units_of(self, files: Sequence[Input], tokenizer: Tokenizer) -> dict[int, int]:
        """The places of the files that are known byte for byte, with the units that were read from each.

        Only files of a known size are read for it.
        """
        found = {}
        for place, file in enumerate(files):
            same_size = self.by_size.get(file.path.stat().st_size)
            if same_size:
                units = same_size.get(keyed_digest(digest_file(file.path), tokenizer))
                if units is not None:
                    found[place] = units
        return found


def known_contents(tables: "Tables", source: str) -> tuple[DigestSet, str | None]:
    """The digests of what is in bronze from a source, and the snapshot that was looked at."""
    snapshot = tables.load(MAIN).current_snapshot()
    known = DigestSet()
    if snapshot is None:
        return known, None
    sql = (
        f"SELECT content_hash FROM {quote_table(MAIN)} AT (VERSION => {snapshot.snapshot_id:d}) "
        f"WHERE content_hash IS NOT NULL AND source = {quote_text(source)}"
    )
    for batch in tables.session.stream(sql):
        known.add(batch.column(0))
    return known, str(snapshot.snapshot_id)
