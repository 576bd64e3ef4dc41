"""What was revealed, as the audit log has it; reasons lie sealed in it."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from a360.errors import OperatorError
from a360.protect import Sealer, open_text, reason_context, seal_text
from a360.trust.audit import LocalAuditLog, Search, search

ACTION: Final = "reveal"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on record: who learned of how many patients, which columns, what for, and why.

    `reason` is None where its key has been destroyed.
    """

    at: datetime
    principal: str
    acting_for: str | None
    purpose: str | None
    patients: int
    values: int
    columns: tuple[str, ...]
    request: str
    reason: str | None


def sealed_details(sealer: Sealer, request: str, reason: str, patients: int) -> dict[str, str | int]:
    """What a record says of a request beside who, what and whom of."""
    sealed = seal_text(sealer.batch(), reason, reason_context(request))
    return {"patients": patients, "reason": base64.b64encode(sealed).decode()}


def requests_in(audit: LocalAuditLog, sealer: Sealer, since: datetime | None) -> Iterator[Asked]:
    """The requests that were answered, oldest first, with their reasons."""
    for row, details in _answered(audit, Search(action=ACTION, outcome="allowed", since=since)):
        yield Asked(
            at=row["event_time"],
            principal=row["principal"],
            acting_for=row["acting_for"],
            purpose=row["purpose"],
            patients=details["patients"],
            values=row["row_count"],
            columns=tuple((row["column_names"] or "").split(",")),
            request=row["request"],
            reason=_opened(sealer, details["reason"], row["request"]),
        )


def _answered(audit: LocalAuditLog, wanted: Search) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Records and their details, one a request: where there are more, the others name further patients."""
    for row in search(audit.folder, wanted).read_all().to_pylist():
        details = json.loads(row["details"] or "{}")
        if "reason" in details:
            yield row, details


def _opened(sealer: Sealer, sealed: str, request: str) -> str | None:
    try:
        return open_text(sealer, base64.b64decode(sealed), reason_context(request))
    except OperatorError as error:
        if error.code.slug == "key-destroyed":  # erased, which leaves the rest as it was
            return None
        raise
