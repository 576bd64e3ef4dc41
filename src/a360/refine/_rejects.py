"""Rows that a step refuses: their payload sealed as it was received, with rule and reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.engine import StagedFile, quote_name, quote_table
from a360.protect import BatchSealer, quarantine_context
from a360.quality import Verdicts
from a360.refine._context import RefineContext
from a360.refine._reader import PAYLOAD
from a360.refine._reasons import Reasons
from a360.refine._sealing import StepKey

_KEPT_BYTES = 32 * 1024 * 1024
_REFUSED, _FRESH = "refused", "refused_anew"
REFUSED_SCHEMA = pa.schema(
    {
        "dataset": pa.string(),
        "source": pa.string(),
        "file": pa.string(),
        "offset": pa.int64(),
        "rule": pa.string(),
        "reason": pa.string(),
        "payload": pa.binary(),
        "commit_id": pa.string(),
        "known_at": pa.timestamp("us", "UTC"),
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a step refuses a unit: the words for it, and the place in which its payload is sealed."""

    dataset: str
    commit_id: str
    verdicts: Verdicts
    reasons: Reasons

    def row(self, found: Mapping[str, Any], batch: BatchSealer) -> dict[str, object]:
        """The row that keeps a refused unit, of which `verdict`, `line`, `names` and `payload` are told."""
        rule, reason = self.reasons.of(self.verdicts, found["verdict"], found["line"], found["names"])
        context = quarantine_context(self.dataset, self.commit_id, found["file"], found["offset"])
        return {
            **{name: found[name] for name in ("source", "file", "offset", "known_at")},
            "dataset": self.dataset,
            "rule": rule,
            "reason": reason,
            "payload": batch.seal(found["payload"].rstrip("\n").encode(), context),
            "commit_id": self.commit_id,
        }


class Rejects:
    """Collects the quarantine rows of a step; only sealed payloads outlive a batch, and not many of them."""

    def __init__(self, context: RefineContext, quarantine: str, refusal: Refusal) -> None:
        self._context = context
        self._table = quarantine
        self._refusal = refusal
        # A key is made only where there is something to seal under it.
        self.key = StepKey(context.sealer)
        self._rows: list[dict[str, object]] = []
        self._held_bytes = 0
        self._staged: list[StagedFile] = []

    def capture(self) -> None:
        """Take the rejected rows of the registered payload batch."""
        found = self._context.session.sql(
            f"""
            SELECT u.source, u.file, u."offset", u.line, u.known_at, rejected.verdict, p.payload, m.names
            FROM {PAYLOAD} AS p JOIN rejected USING (row_id) JOIN unit AS u USING (row_id)
            LEFT JOIN (SELECT row_id, min(names) AS names FROM misshapen GROUP BY row_id) AS m USING (row_id)
            """
        )
        for row in found.to_pylist():
            self._rows.append(self._refusal.row(row, self.key.batch()))
            self._held_bytes += len(row["payload"])
        if self._held_bytes >= _KEPT_BYTES:
            self._stage_held()

    def commit(self, stamp: CommitStamp) -> bool:
        """Append them to the quarantine; whether there were any."""
        self._stage_held()
        if self._staged:
            self._context.tables.commit_append(self._table, self._staged, stamp)
        else:
            self.key.abandon()
        return bool(self._staged)

    def _stage_held(self) -> None:
        if self._rows:
            self._context.session.register(_REFUSED, pa.Table.from_pylist(self._rows, REFUSED_SCHEMA))
            self.stage(_REFUSED)
            self._context.session.unregister(_REFUSED)
        self._rows, self._held_bytes = [], 0

    def stage(self, refused: str) -> None:
        """Write a relation of rows to data files, less what the quarantine has, as after a full run."""
        session = self._context.session
        columns = ", ".join(f"r.{quote_name(name)}" for name in REFUSED_SCHEMA.names)
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {_FRESH} AS SELECT {columns} FROM {refused} AS r "
            f"WHERE NOT EXISTS (SELECT 1 FROM {quote_table(self._table)} AS q "
            "WHERE q.dataset = r.dataset AND q.source = r.source AND q.file = r.file "
            'AND q."offset" = r."offset" AND q.rule = r.rule AND q.known_at = r.known_at)'
        )
        if session.sql(f"SELECT count(*) AS n FROM {_FRESH}")["n"][0].as_py():
            self._staged += self._context.tables.stage(
                self._table, f"SELECT * FROM {_FRESH}", session=session
            )
