"""Refused HL7 v2 messages tried again, from the bytes the quarantine has kept.

Those that can be converted now land as a batch of their own, then their records leave the quarantine. A
process that dies between the two leaves records of what has landed: to the next replay they are duplicates.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.engine import quote_table, quote_text
from a360.failpoints import failpoint
from a360.hl7v2 import Options
from a360.ingest._committed import RECORDS, committed_batches
from a360.ingest._envelope import Identity
from a360.ingest._hl7v2 import Hl7v2Reading
from a360.ingest._hl7v2_convert import Made, make
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_files
from a360.ingest._inputs import Input
from a360.ingest._limits import Limits
from a360.ingest._replay import IngestReplay
from a360.ingest._rules import OF_MESSAGES
from a360.protect import Sealer, Tokenizer, quarantine_context
from a360.table import StepReport, new_commit_id

if TYPE_CHECKING:
    from a360.table import Tables

# No two sealed payloads are alike, so that each names its row.
_SEAL: Final = "sha256(payload)"
_SOUGHT: Final = "refused_messages"
_GROUP_BYTES: Final = 64 << 20

type Row = Mapping[str, Any]


def replay_messages(
    tables: "Tables", tokenizer: Tokenizer, sealer: Sealer, options: Options | None = None
) -> list[IngestReplay]:
    """Try all refused messages again, some at a time, in batches for each source.

    Raises:
        ConflictError: an ingest landed meanwhile; nothing was committed for this source.
    """
    replays = []
    rows = _waiting(tables)
    for source in sorted({row["source"] for row in rows}):
        inflow = Inflow(tables, tokenizer, sealer, source)
        found = [_tried(inflow, group, options or Options()) for group in _groups(rows, source)]
        replays.append(_summed(found))
    return replays


def _waiting(tables: "Tables") -> list[Row]:
    """What can be tried again, without its payload."""
    if not tables.exists(RECORDS.quarantine) or tables.current_snapshot_id(RECORDS.quarantine) is None:
        return []
    among = ", ".join(quote_text(rule) for rule in sorted(OF_MESSAGES))
    rows = tables.session.sql(
        f'SELECT source, commit_id, file, "offset", octet_length(payload) AS bytes, {_SEAL} AS seal '
        f"FROM {quote_table(RECORDS.quarantine)} WHERE rule IN ({among}) AND payload IS NOT NULL "
        'ORDER BY source, commit_id, file, "offset"'
    )
    landed = committed_batches(tables, RECORDS)
    return [row for row in rows.to_pylist() if row["commit_id"] in landed]


def _groups(rows: Sequence[Row], source: str) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        if row["source"] == source:
            group.append(row)
        if sum(each["bytes"] for each in group) >= _GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _tried(inflow: Inflow, rows: Sequence[Row], options: Options) -> IngestReplay:
    texts = _payloads(inflow, rows)
    sound = [row for row in rows if isinstance(make(texts[row["seal"]], options), Made)]
    report = StepReport(RECORDS.rows, None, read=len(rows), quarantined=len(rows) - len(sound))
    if not sound:
        return IngestReplay(report, 0)
    files = [Input(Path(row["file"]), content=partial(texts.__getitem__, row["seal"])) for row in sound]
    reading = Hl7v2Reading(files, Identity(inflow.tokenizer, inflow.source), Limits(), options)
    landed = ingest_files(inflow, files, [row["file"] for row in sound], reading).report
    failpoint("ingest.replay.before-clear")
    with _sought(inflow.tables, sound):
        among = f"{_SEAL} IN (SELECT seal FROM {_SOUGHT})"
        inflow.tables.delete(RECORDS.quarantine, among, CommitStamp(new_commit_id()))
    report = replace(
        report,
        commit_id=landed.commit_id,
        landed=landed.landed,
        duplicates=landed.duplicates + landed.unchanged,
        output_rows=landed.output_rows,
    )
    return IngestReplay(report, len(sound))


def _payloads(inflow: Inflow, rows: Sequence[Row]) -> Mapping[str, bytes]:
    """The payloads of rows by their seals, opened in memory."""
    with _sought(inflow.tables, rows):
        found = inflow.tables.session.sql(
            f'SELECT commit_id, file, "offset", payload, {_SEAL} AS seal '
            f"FROM {quote_table(RECORDS.quarantine)} WHERE {_SEAL} IN (SELECT seal FROM {_SOUGHT})"
        ).to_pylist()
    return {
        row["seal"]: inflow.sealer.unseal(
            row["payload"],
            quarantine_context(RECORDS.quarantine, row["commit_id"], row["file"], row["offset"]),
        )
        for row in found
    }


@contextmanager
def _sought(tables: "Tables", rows: Sequence[Row]) -> Iterator[None]:
    tables.session.register(_SOUGHT, pa.table({"seal": [row["seal"] for row in rows]}))
    try:
        yield
    finally:
        tables.session.unregister(_SOUGHT)


def _summed(replays: Sequence[IngestReplay]) -> IngestReplay:
    """One account of several: that of the last commit."""
    reports = [each.report for each in replays]
    names = ("read", "landed", "quarantined", "duplicates", "output_rows")
    commit_id = next((each.commit_id for each in reversed(reports) if each.commit_id), None)
    counts = {name: sum(getattr(each, name) for each in reports) for name in names}
    return IngestReplay(StepReport(RECORDS.rows, commit_id, **counts), sum(each.cleared for each in replays))
