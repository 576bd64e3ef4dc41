"""What the quarantine keeps of refused input, to be tried again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.engine import quote_table, quote_text
from a360.ingest._committed import Ground, committed_batches
from a360.ingest._inflow import Inflow
from a360.protect import quarantine_context
from a360.table import new_commit_id

# No two sealed payloads are alike, so that each names its row; files may share a label.
_SEAL: Final = "sha256(payload)"
# Names a table that is registered for a while.
_SOUGHT: Final = "refused_sought"
_AMONG: Final = f"{_SEAL} IN (SELECT seal FROM {_SOUGHT})"

type Row = Mapping[str, Any]


class Refusals:
    """The rows that a ground's quarantine has by some rules."""

    def __init__(self, inflow: Inflow, ground: Ground, rules: Collection[str]) -> None:
        self._tables = inflow.tables
        self._sealer = inflow.sealer
        self._ground = ground
        self._rules = rules

    def waiting(self) -> list[Row]:
        """What can be tried again, without its payload, in the order of sources, files and places."""
        tables, quarantine = self._tables, self._ground.quarantine
        if not tables.exists(quarantine) or tables.current_snapshot_id(quarantine) is None:
            return []
        among = ", ".join(quote_text(rule) for rule in sorted(self._rules))
        rows = tables.session.sql(
            f'SELECT source, commit_id, file, "offset", rule, octet_length(payload) AS bytes, '
            f"{_SEAL} AS seal FROM {quote_table(quarantine)} WHERE rule IN ({among}) AND payload IS NOT NULL "
            'ORDER BY source, commit_id, file, "offset"'
        )
        landed = committed_batches(tables, self._ground)
        return [row for row in rows.to_pylist() if row["commit_id"] in landed]

    def opened(self, rows: Sequence[Row]) -> list[bytes]:
        """The payloads of rows, in their order, opened in memory."""
        with self._sought(rows):
            found = self._tables.session.sql(
                f'SELECT commit_id, file, "offset", payload, {_SEAL} AS seal '
                f"FROM {quote_table(self._ground.quarantine)} WHERE {_AMONG}"
            ).to_pylist()
        place = self._ground.quarantine
        contexts = [quarantine_context(place, row["commit_id"], row["file"], row["offset"]) for row in found]
        plain = self._sealer.unseal_all([row["payload"] for row in found], contexts)
        payloads = {row["seal"]: each for row, each in zip(found, plain, strict=True)}
        return [payloads[row["seal"]] for row in rows]

    def clear(self, rows: Sequence[Row]) -> None:
        """Take rows out of the quarantine."""
        if rows:
            with self._sought(rows):
                self._tables.delete(self._ground.quarantine, _AMONG, CommitStamp(new_commit_id()))

    @contextmanager
    def _sought(self, rows: Sequence[Row]) -> Iterator[None]:
        self._tables.session.register(_SOUGHT, pa.table({"seal": [row["seal"] for row in rows]}))
        try:
            yield
        finally:
            self._tables.session.unregister(_SOUGHT)
