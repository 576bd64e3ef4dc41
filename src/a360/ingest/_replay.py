"""Refused input tried again, from the bytes the quarantine has kept: nothing lands twice, nothing is lost.

What is accepted now lands as a batch of its own, then its records leave the quarantine. A process that dies
between the two leaves records of what has landed: to the next replay they are duplicates, and it clears them.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.engine import quote_table, quote_text
from a360.failpoints import failpoint
from a360.ingest._blocks import BlockBuilder
from a360.ingest._bundle import Found, Unit, expand, one_line
from a360.ingest._committed import FHIR, RECORDS, committed_batches
from a360.ingest._decode import decode_heads
from a360.ingest._envelope import Identity
from a360.ingest._inputs import Input
from a360.ingest._known import known_contents
from a360.ingest._landing import Landing, Mark
from a360.ingest._limits import Limits
from a360.ingest._reports import COUNTS
from a360.ingest._rules import INCOMPLETE, OF_MESSAGES, Refused, Rule
from a360.ingest._work import Portion, work
from a360.protect import Sealer, Tokenizer, quarantine_context
from a360.table import StepReport, new_commit_id

if TYPE_CHECKING:
    from a360.table import Tables

BLOCKS, MAIN, QUARANTINE = FHIR.blocks, FHIR.rows, FHIR.quarantine
_OF_ENTRIES: Final = frozenset({Rule.INVALID_BUNDLE, Rule.INVALID_DELETE})
_ENTRIES: Final = (b'{"entry":[', b"]}")
# No two sealed payloads are alike, so that each names its row; files may share a label.
_SEAL: Final = "sha256(payload)"

# Names a table that is registered for a while.
_SOUGHT: Final = "refused_sought"
_AMONG: Final = f"{_SEAL} IN (SELECT seal FROM {_SOUGHT})"

type Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IngestReplay:
    """What came of one source's refused input: its counts, and how many records were cleared."""

    report: StepReport
    cleared: int


def is_replayed(dataset: str, rule: str) -> bool:
    """Whether what a dataset refused by a rule is tried again; other input has to be ingested anew."""
    if dataset == RECORDS.rows:
        return rule in OF_MESSAGES
    return dataset != FHIR.rows or rule not in INCOMPLETE


def replay_refused(
    tables: "Tables", tokenizer: Tokenizer, sealer: Sealer, limits: Limits | None = None
) -> list[IngestReplay]:
    """Try all refused input of which the quarantine has every byte, a batch for each source.

    Raises:
        ConflictError: an ingest landed meanwhile; nothing was committed for this source.
    """
    found = _waiting(tables)
    replays = []
    for source in sorted({row["source"] for row in found}):
        rows = [row for row in found if row["source"] == source]
        replays.append(_Replay(tables, Identity(tokenizer, source), sealer, limits or Limits()).run(rows))
    return replays


def _waiting(tables: "Tables") -> list[Row]:
    """What can be tried again, without its payload."""
    if tables.current_snapshot_id(QUARANTINE) is None:
        return []
    among = ", ".join(quote_text(rule) for rule in sorted(INCOMPLETE))
    rows = tables.session.sql(
        f'SELECT source, commit_id, file, "offset", rule, octet_length(payload) AS bytes, {_SEAL} AS seal '
        f"FROM {quote_table(QUARANTINE)} WHERE rule NOT IN ({among}) AND payload IS NOT NULL "
        'ORDER BY source, commit_id, file, "offset"'
    )
    landed = committed_batches(tables)
    return [row for row in rows.to_pylist() if row["commit_id"] in landed]


class _Replay:
    """One source's batch; used once."""

    def __init__(self, tables: "Tables", identity: Identity, sealer: Sealer, limits: Limits) -> None:
        self._tables = tables
        self._identity = identity
        self._sealer = sealer
        self._limits = limits
        self._commit_id = new_commit_id()

    def run(self, rows: Sequence[Row]) -> IngestReplay:
        """Try rows, land what is accepted, and clear their records."""
        # One `file` each, so that what becomes of a row can be told from the counts by file.
        known, base = known_contents(self._tables, self._identity.source)
        mark = Mark(self._commit_id, self._identity.source, datetime.now(UTC))
        payloads = self._sealer.batch()
        labels = [row["file"] for row in rows]
        landing = Landing(self._tables, mark, labels, known, payloads, self._limits)
        refused: list[int] = []
        files = [Input(Path()) for _ in labels]
        with ThreadPoolExecutor(1, thread_name_prefix="ingest") as pool:
            builder = BlockBuilder(self._commit_id, self._limits.block_bytes, payloads, pool)
            for portion in self._portions(rows):
                worked = work(portion, files, self._identity, self._limits)
                refused += [each.file for each in worked.refused]
                # The quarantine has them already.
                worked.refused.clear()
                landing.take(worked, builder, waiting=2)
            landing.finish(builder)
        report = self._report(landing, len(refused))
        report.require_reconciled()
        if report.landed:
            self._commit(landing, report, base)
        else:
            landing.discard()
            self._sealer.destroy(payloads.key_id)
            report = replace(report, commit_id=None)
        failpoint("ingest.replay.before-clear")
        kept = set(refused)
        return IngestReplay(report, self._clear([row for at, row in enumerate(rows) if at not in kept]))

    def _report(self, landing: Landing, refused: int) -> StepReport:
        tally = landing.tally
        return StepReport(
            MAIN,
            self._commit_id,
            read=int(tally.read.sum()),
            landed=int(tally.landed.sum()),
            quarantined=refused,
            duplicates=int(tally.duplicates.sum()),
            filtered=int(tally.filtered.sum()),
            output_rows=int(tally.landed.sum()),
        )

    def _portions(self, rows: Sequence[Row]) -> Iterator[Portion]:
        first = 0
        while first < len(rows):
            last, held = first, 0
            while last < len(rows) and (last == first or held < self._limits.chunk_bytes):
                held += rows[last]["bytes"]
                last += 1
            payloads = self._payloads(rows[first:last])
            units = [
                unit
                for place in range(first, last)
                for unit in _units(place, rows[place], payloads[rows[place]["seal"]], self._limits)
            ]
            yield Portion((), tuple(units), file=last - 1)
            first = last

    def _payloads(self, rows: Sequence[Row]) -> Mapping[str, bytes]:
        """The payloads of rows by their seals, opened in memory."""
        with self._sought(rows):
            found = self._tables.session.sql(
                f'SELECT commit_id, file, "offset", payload, {_SEAL} AS seal '
                f"FROM {quote_table(QUARANTINE)} WHERE {_AMONG}"
            ).to_pylist()
        return {row["seal"]: self._open(row) for row in found}

    def _open(self, row: Row) -> bytes:
        context = quarantine_context(QUARANTINE, row["commit_id"], row["file"], row["offset"])
        return self._sealer.unseal(row["payload"], context)

    @contextmanager
    def _sought(self, rows: Sequence[Row]) -> Iterator[None]:
        self._tables.session.register(_SOUGHT, pa.table({"seal": [row["seal"] for row in rows]}))
        try:
            yield
        finally:
            self._tables.session.unregister(_SOUGHT)

    def _commit(self, landing: Landing, report: StepReport, base: str | None) -> None:
        staged = landing.staged
        stamp = CommitStamp(self._commit_id, counts={name: getattr(report, name) for name in COUNTS})
        if staged.blocks:
            self._tables.commit_append(BLOCKS, staged.blocks, CommitStamp(self._commit_id))
        failpoint("ingest.replay.before-main")
        self._tables.commit_append(MAIN, staged.envelopes, stamp, base=base)

    def _clear(self, rows: Sequence[Row]) -> int:
        if rows:
            with self._sought(rows):
                self._tables.delete(QUARANTINE, _AMONG, CommitStamp(new_commit_id()))
        return len(rows)


def _units(place: int, row: Row, payload: bytes, limits: Limits) -> Iterator[Unit]:
    """The units of a refused payload: a resource, a Bundle, or one entry of a Bundle."""
    offset = row["offset"]
    heads, faults = decode_heads([payload])
    head = heads[0]
    if row["rule"] in _OF_ENTRIES and (head is None or head.resource_type != "Bundle"):
        before, after = _ENTRIES
        yield from expand(place, offset - len(before), before + payload + after)
    elif head is None:
        yield Refused(place, offset, faults[0].rule, faults[0].reason, b"")
    elif head.resource_type == "Bundle":
        yield from expand(place, offset, payload)
    elif len(payload) > limits.line_bytes:
        yield Refused(place, offset, Rule.TOO_LONG, "longer than a resource may be", b"")
    else:
        yield Found(place, offset, one_line(payload).strip(b" \t\r\n"), head)
