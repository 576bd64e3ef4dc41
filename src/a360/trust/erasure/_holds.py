"""Legal holds: patients whose data must stay, whatever else is asked for."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import LEGAL_HOLDS, quote_table, quote_text
from a360.errors import DeniedError, UsageError
from a360.protect import AuditEvent
from a360.table import Tables, new_commit_id
from a360.trust.audit import LocalAuditLog

_MATTER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold on the data of a patient; `released_at` is None while it stands."""

    hold_id: str
    patient_key: str
    matter: str
    placed_by: str
    placed_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """The hold as JSON."""
        told = asdict(self)
        return told | {name: value.isoformat() for name, value in told.items() if isinstance(value, datetime)}


def require_matter(text: str) -> None:
    """Refuse what is no number of a case or a request: it stands in records that are not sealed."""
    if not _MATTER.fullmatch(text):
        raise UsageError(
            "usage",
            "A matter is 1 to 64 letters, digits, blanks, `.`, `_`, `/` and `-`",
            next_step="give the number of the case or the request, and nobody's name",
        )


class LegalHolds:
    """The holds of a lake. Each change is on record before it is made."""

    def __init__(self, tables: Tables, audit: LocalAuditLog, by: str) -> None:
        self._tables = tables
        self._audit = audit
        self._by = by

    def place(self, patient_key: str, matter: str) -> LegalHold:
        """Hold a patient's data.

        Raises:
            UsageError: the matter is no number of a case.
        """
        require_matter(matter)
        hold = LegalHold(new_commit_id(), patient_key, matter, self._by, datetime.now(UTC))
        self._record("hold.place", hold)
        rows = pa.Table.from_pylist([asdict(hold)])
        for name in ("released_by", "released_at"):
            rows = rows.drop_columns(name)
        self._tables.append(LEGAL_HOLDS, rows, CommitStamp(hold.hold_id))
        return hold

    def release(self, hold_id: str) -> LegalHold:
        """Release a hold.

        Raises:
            UsageError: none of this name stands.
        """
        found = [each for each in self.all() if each.hold_id == hold_id and each.released_at is None]
        if not found:
            raise UsageError(
                "usage",
                "No such hold stands",
                found=hold_id[:64],
                next_step="`a360 hold list` lists those that do",
            )
        hold = LegalHold(**{**asdict(found[0]), "released_by": self._by, "released_at": datetime.now(UTC)})
        self._record("hold.release", hold)
        rows = pa.Table.from_pylist([asdict(hold)])
        self._tables.merge(LEGAL_HOLDS, rows, ["hold_id"], CommitStamp(new_commit_id()))
        return hold

    def all(self) -> Sequence[LegalHold]:
        """Every hold, released ones too, oldest first."""
        if self._tables.current_snapshot_id(LEGAL_HOLDS) is None:
            return []
        rows = self._tables.session.sql(
            f"SELECT hold_id, patient_key, matter, placed_by, placed_at, released_by, released_at "
            f"FROM {quote_table(LEGAL_HOLDS)} ORDER BY placed_at, hold_id"
        )
        return [LegalHold(**row) for row in rows.to_pylist()]

    def standing(self, patients: Sequence[str] | None = None) -> Sequence[LegalHold]:
        """The holds that stand, on some patients or on any."""
        return [
            each
            for each in self.all()
            if each.released_at is None and (patients is None or each.patient_key in patients)
        ]

    def require_none(self, patients: Sequence[str]) -> None:
        """Refuse to go on where a patient's data is held.

        Raises:
            DeniedError: `legal-hold`.
        """
        standing = self.standing(patients)
        if standing:
            raise DeniedError(
                "legal-hold",
                "A legal hold stands on what was to be erased",
                where=", ".join(each.hold_id for each in standing),
                found=", ".join(sorted({each.matter for each in standing})),
                next_step="`a360 hold list` shows who placed it; once the matter is closed, release it",
            )

    def forget(self, patients: Sequence[str]) -> None:
        """Delete the holds on patients, released ones, as their data is."""
        among = ", ".join(map(quote_text, patients))
        if any(each.patient_key in patients and each.released_at for each in self.all()):
            where = f"patient_key IN ({among}) AND released_at IS NOT NULL"
            self._tables.expunge(LEGAL_HOLDS, where, CommitStamp(new_commit_id()))

    def _record(self, action: str, hold: LegalHold) -> None:
        subjects = [self._audit.subject(hold.patient_key)]
        details = {"hold": hold.hold_id, "matter": hold.matter}
        self._audit.record(
            AuditEvent(
                datetime.now(UTC), self._by, action, [LEGAL_HOLDS], "done", details=details, subjects=subjects
            )
        )
