"""What the lake has from a source already: files and contents of batches that have landed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.engine import quote_table, quote_text
from a360.ingest._committed import (
    FHIR,
    FILES,
    RECORDS,
    Ground,
    committed_batches,
    ground_of,
    unfinished_batches,
)
from a360.ingest._digests import KnownContents, Mask, Words, words_of
from a360.ingest._extract import THING_KEY, thing_keys
from a360.ingest._inputs import Input
from a360.protect import Tokenizer

if TYPE_CHECKING:
    from a360.table import Tables


def keyed_digest(digest: str, tokenizer: Tokenizer) -> str:
    """A file's digest as `ops.ingested_file` has it."""
    keyed: str = tokenizer.digests(pa.array([digest]))[0].as_py()
    return keyed


@dataclass(frozen=True, slots=True)
class Batched:
    """A file that a batch has read: its label, how many units it had, and how it was read."""

    commit_id: str
    file: str
    read: int
    reading: str | None


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """The files that were ingested from a source: by their size and digest, each time that they were read."""

    by_size: Mapping[int, Mapping[str, list[Batched]]]

    @classmethod
    def of(cls, tables: "Tables", source: str, kind: str = "fhir") -> "KnownFiles":
        """The files of batches that have landed; the same bytes read as another kind are another thing."""
        landed = committed_batches(tables, ground_of(kind))
        columns = ["digest", "bytes", "read", "commit_id", "file", "reading"]
        of_kind = f"source = {quote_text(source)} AND coalesce(kind, 'fhir') = {quote_text(kind)}"
        rows = tables.read(FILES, columns=columns, where=of_kind)
        by_size: dict[int, dict[str, list[Batched]]] = defaultdict(lambda: defaultdict(list))
        for row in rows.to_pylist():
            if row["commit_id"] in landed:
                batched = Batched(row["commit_id"], row["file"], row["read"], row["reading"])
                by_size[row["bytes"]][row["digest"]].append(batched)
        return cls(by_size)

    def among(self, files: Sequence[Input], tokenizer: Tokenizer) -> dict[int, list[Batched]]:
        """The places of the files that are known byte for byte, with each time that they were read.

        Only files of a known size are read for it.
        """
        found = {}
        for place, file in enumerate(files):
            same_size = self.by_size.get(file.bytes)
            if same_size:
                times = same_size.get(keyed_digest(file.digest(), tokenizer))
                if times:
                    found[place] = times
        return found


def content_keys(envelope: pa.Table, ground: Ground = FHIR) -> Words:
    """What each envelope's content is compared under.

    A version that its source tells apart is known by its content, wherever it came between others. One that
    is not told apart is the thing as it stands now, so that it is known only if it came last: a source that
    returns to an old state is believed.
    """
    told = _told_apart(envelope)
    keys = words_of(envelope["content_hash"])[0] ^ _salt(envelope[ground.kind], ground)
    if not told.all():
        now = envelope.filter(pa.array(~told))
        keys[~told] = thing_keys(now[ground.kind], now[ground.key])
    return keys


def _salt(kinds: pa.ChunkedArray | pa.Array, ground: Ground) -> Words:
    """What keeps equal content of two kinds apart: resources say what they are, rows of an extract do not."""
    if ground is FHIR or not len(kinds):
        return np.zeros(len(kinds), dtype=np.uint64)
    encoded = pc.dictionary_encode(kinds)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    salts = [
        int.from_bytes(blake2b(kind.encode(), digest_size=8).digest(), "little")
        for kind in encoded.dictionary.to_pylist()
    ]
    return np.array(salts, dtype=np.uint64)[np.asarray(encoded.indices)]


def _told_apart(envelope: pa.Table) -> Mask:
    version = pc.or_(pc.is_valid(envelope["version_id"]), pc.is_valid(envelope["last_updated"]))
    return np.asarray(pc.and_(version, pc.invert(envelope["deleted"])))


_TOLD_APART: Final = "NOT deleted AND (version_id IS NOT NULL OR last_updated IS NOT NULL)"


def known_contents(tables: "Tables", source: str, ground: Ground = FHIR) -> tuple[KnownContents, str | None]:
    """What is in bronze from a source, and the snapshot that was looked at."""
    snapshot_id = tables.current_snapshot_id(ground.rows)
    known = KnownContents()
    if snapshot_id is None:
        return known, None
    bronze = (
        f"FROM {quote_table(ground.rows)} AT (VERSION => {int(snapshot_id)}) "
        f"WHERE content_hash IS NOT NULL AND source = {quote_text(source)}"
    )
    unfinished = unfinished_batches(tables) if ground is RECORDS else None
    if unfinished:
        bronze += f" AND commit_id NOT IN ({', '.join(map(quote_text, sorted(unfinished)))})"
    for batch in tables.session.stream(f"SELECT content_hash, {ground.kind} {bronze} AND {_TOLD_APART}"):
        known.add(words_of(batch.column(0))[0] ^ _salt(batch.column(1), ground), batch.column(0))
    key = THING_KEY.format(kind=ground.kind, key=ground.key)
    now = f"SELECT {key} AS key, content_hash {bronze} AND NOT ({_TOLD_APART})"
    for batch in tables.session.stream(f"{now} ORDER BY known_at, arrival"):
        known.add(batch.column(0).to_numpy(), batch.column(1))
    return known, snapshot_id


def envelopes_since(
    tables: "Tables", commits: Sequence[str], source: str, ground: Ground = FHIR
) -> Iterator[pa.Table]:
    """The envelopes that commits landed from a source, as far as `content_keys` needs them."""
    among = ", ".join(map(quote_text, commits))
    sql = (
        f"SELECT {ground.kind}, {ground.key}, version_id, last_updated, deleted, content_hash "
        f"FROM {quote_table(ground.rows)} WHERE content_hash IS NOT NULL "
        f"AND source = {quote_text(source)} AND commit_id IN ({among})"
    )
    for batch in tables.session.stream(sql):
        yield pa.Table.from_batches([batch])
