"""Notes without identifiers: the job that makes them."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from a360.lake._asker import account
from a360.protect import AuditEvent
from a360.table import StepReport
from a360.trust.deid import DEIDENTIFIED, Deidentifier, Method, NoteTexts

if TYPE_CHECKING:
    from a360._progress import Progress
    from a360.lake._parts import Parts

_OPENED = "silver.note"


def deidentify_notes(parts: "Parts", method: Method, progress: "Progress | None") -> Sequence[StepReport]:
    """Read the notes that are due; that they are opened is on record first."""
    # Without the model nothing is begun: the lake is not held, and nothing is on record as opened.
    reader = Deidentifier(parts.tokenizer, parts.vault.known_values, method=method)
    reports = []
    with parts.jobs.recorded("deid notes") as record:
        notes = NoteTexts(parts.plan, parts.tables, parts.sealer, reader)
        due = notes.due()
        if due:
            parts.audit.record(
                AuditEvent(
                    datetime.now(UTC),
                    account(os.geteuid()),
                    "open",
                    [_OPENED],
                    "allowed",
                    columns=[f"{_OPENED}.text"],
                    details={"for": DEIDENTIFIED, "method": method},
                    rows=due,
                )
            )
        for report, upstream in notes.bring_up_to_date(progress):
            record.add(report, upstream)
            reports.append(report)
    return reports
