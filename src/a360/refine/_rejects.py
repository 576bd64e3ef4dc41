"""Rows that a step refuses: their payload sealed as it was received, with rule and reason."""

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import SilverStep, TablePlan
from a360.engine import StagedFile, quote_name, quote_table
from a360.protect import BatchSealer, quarantine_context
from a360.quality import Verdicts
from a360.refine._context import RefineContext
from a360.refine._reader import PAYLOAD
from a360.refine._reasons import Reasons

_KEPT_BYTES = 32 * 1024 * 1024
_COLUMNS = ("dataset", "source", "file", "offset", "rule", "reason", "payload", "commit_id", "known_at")


class Rejects:
    """Collects the quarantine rows of a step; only sealed payloads outlive a batch, and not many of them."""

    def __init__(
        self, context: RefineContext, quarantine: TablePlan, step: SilverStep, commit_id: str
    ) -> None:
        self._context = context
        self._table = quarantine.dataset
        self._dataset = step.dataset
        self._reasons = Reasons(step)
        self._commit_id = commit_id
        self._sealer: BatchSealer | None = None
        self._rows: list[dict[str, object]] = []
        self._held_bytes = 0
        self._staged: list[StagedFile] = []

    def capture(self, verdicts: Verdicts) -> None:
        """Take the rejected rows of the registered payload batch."""
        found = self._context.session.sql(
            f"""
            SELECT u.source, u.file, u."offset", u.line, u.known_at, rejected.verdict, p.payload, m.names
            FROM {PAYLOAD} AS p JOIN rejected USING (row_id) JOIN unit AS u USING (row_id)
            LEFT JOIN (SELECT row_id, min(names) AS names FROM misshapen GROUP BY row_id) AS m USING (row_id)
            """
        )
        for row in found.to_pylist():
            rule, reason = self._reasons.of(verdicts, row.pop("verdict"), row.pop("line"), row.pop("names"))
            payload = row.pop("payload").rstrip("\n").encode()
            context = quarantine_context(self._dataset, self._commit_id, row["file"], row["offset"])
            self._rows.append(
                {
                    **row,
                    "dataset": self._dataset,
                    "rule": rule,
                    "reason": reason,
                    "payload": self._sealing().seal(payload, context),
                    "commit_id": self._commit_id,
                }
            )
            self._held_bytes += len(payload)
        if self._held_bytes >= _KEPT_BYTES:
            self._stage()

    def _sealing(self) -> BatchSealer:
        # A key is made only where there is something to seal under it.
        if self._sealer is None:
            self._sealer = self._context.sealer.batch()
        return self._sealer

    def commit(self, stamp: CommitStamp) -> bool:
        """Append them to the quarantine; whether there were any."""
        self._stage()
        if self._staged:
            self._context.tables.commit_append(self._table, self._staged, stamp)
        elif self._sealer is not None:
            self._context.sealer.destroy(self._sealer.key_id)
            self._sealer = None
        return bool(self._staged)

    def _stage(self) -> None:
        """Write what is held to a data file, less what the quarantine has already, as after a full run."""
        if not self._rows:
            return
        session = self._context.session
        session.register("refused", pa.Table.from_pylist(self._rows))
        columns = ", ".join(f"r.{quote_name(name)}" for name in _COLUMNS)
        fresh = session.sql(
            f"SELECT {columns} FROM refused AS r "
            f"WHERE NOT EXISTS (SELECT 1 FROM {quote_table(self._table)} AS q "
            "WHERE q.dataset = r.dataset AND q.source = r.source AND q.file = r.file "
            'AND q."offset" = r."offset" AND q.rule = r.rule AND q.known_at = r.known_at)'
        )
        session.unregister("refused")
        if fresh.num_rows:
            self._staged += self._context.tables.stage(self._table, fresh, session=session)
        self._rows, self._held_bytes = [], 0
