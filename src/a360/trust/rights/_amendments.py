"""Requests of patients to amend their records, and what was decided: an append-only record with deadlines.

A request is acted on within 60 days, which can be extended once by 30 with a written statement of why
(45 CFR 164.526(b)(2)). After a denial there may be the patient's statement of disagreement, and a rebuttal
(164.526(d)(2) and (3)). Texts may name people: they lie sealed.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import AMENDMENTS, quote_table, quote_text
from a360.errors import DeniedError, UsageError
from a360.protect import AuditEvent, Sealer, column_context, open_text, seal_text
from a360.table import UNFENCED, Base, Tables, new_commit_id
from a360.trust.audit import LocalAuditLog
from a360.trust.policy import Policy, Principal

type Answer = Literal["accepted", "denied", "extended", "disagreed", "rebutted"]
type Basis = Literal["not_created_here", "not_in_record_set", "not_for_access", "accurate"]

ACTION: Final = "amend"
BASES: Final[dict[str, str]] = {
    "not_created_here": "164.526(a)(2)(i)",
    "not_in_record_set": "164.526(a)(2)(ii)",
    "not_for_access": "164.526(a)(2)(iii)",
    "accurate": "164.526(a)(2)(iv)",
}
"""Why a request may be denied."""
DAYS: Final = timedelta(days=60)
EXTENSION: Final = timedelta(days=30)
_REQUESTED: Final = "requested"
_AFTER: Final = {"disagreed": "denied", "rebutted": "disagreed"}
"""What is said once a request was denied, and the state in which it is."""
_LONGEST: Final = 20_000
_KNOWN: Final = "SELECT 1 FROM {table} WHERE patient_key = {key} LIMIT 1"
_SCHEMA: Final = pa.schema(
    [
        pa.field("amendment_id", pa.string(), nullable=False),
        pa.field("event", pa.string(), nullable=False),
        pa.field("patient_key", pa.string(), nullable=False),
        pa.field("basis", pa.string()),
        pa.field("principal", pa.string(), nullable=False),
        pa.field("due_at", pa.timestamp("us", "UTC")),
        pa.field("text", pa.binary()),
        pa.field("known_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("commit_id", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Amendment:
    """A request as it stands; `state` is requested, extended, accepted, denied, disagreed or rebutted."""

    amendment_id: str
    patient_key: str
    state: str
    requested_at: datetime
    due_at: datetime
    decided_at: datetime | None = None
    basis: str | None = None
    texts: Sequence[tuple[str, datetime, str, str]] = ()

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return self.decided_at is None

    def takes(self, answer: Answer) -> bool:
        """Whether an answer can follow on what was said so far."""
        if answer in _AFTER:
            return self.state == _AFTER[answer]
        return self.is_open and not (answer == "extended" and self.state == "extended")

    def days_left(self, at: datetime) -> int:
        """The whole days until it is due; below zero, it is late."""
        return (self.due_at - at) // timedelta(days=1)

    def to_json(self, at: datetime) -> dict[str, Any]:
        """The request as JSON, with its texts where they were opened."""
        told: dict[str, Any] = {
            "amendment_id": self.amendment_id,
            "patient_key": self.patient_key,
            "state": self.state,
            "requested_at": self.requested_at.isoformat(),
            "due_at": self.due_at.isoformat(),
            "days_left": self.days_left(at) if self.is_open else None,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
            "basis": self.basis,
        }
        if self.texts:
            told["texts"] = [
                {"event": event, "at": when.isoformat(), "by": who, "text": text}
                for event, when, who, text in self.texts
            ]
        return told


class Amendments:
    """The record of requests; rows are appended to it and never changed.

    Args:
        tables: The lake's tables.
        policy: Its action `amend` on the record's table says who may work with it.
        audit: Each step is on record before it is taken.
        sealer: Seals texts.
    """

    def __init__(self, tables: Tables, policy: Policy, audit: LocalAuditLog, sealer: Sealer) -> None:
        self._tables = tables
        self._policy = policy
        self._audit = audit
        self._sealer = sealer

    def add(
        self, principal: Principal, patient_key: str, text: str, *, purpose: str | None = None
    ) -> Amendment:
        """Record what a patient asks to be amended, and why.

        Raises:
            DeniedError: the policy does not let the principal.
            UsageError: there is no such patient, or no text.
        """
        now = datetime.now(UTC)
        self._allow(principal, "amend.request", purpose, patient_key)
        known = _KNOWN.format(table=quote_table("silver.patient"), key=quote_text(patient_key))
        if self._tables.current_snapshot_id("silver.patient") is None or not self._rows(known):
            raise UsageError(
                "usage",
                "The lake knows no such patient",
                next_step="name the patient by the token that silver.patient has in patient_key",
            )
        amendment = uuid.uuid4().hex[:12]
        self._append(principal, amendment, _REQUESTED, patient_key, now, _worded(text), due=now + DAYS)
        return Amendment(amendment, patient_key, _REQUESTED, now, now + DAYS)

    def list(
        self,
        principal: Principal,
        *,
        patient_key: str | None = None,
        every: bool = False,
        purpose: str | None = None,
    ) -> Sequence[Amendment]:
        """The requests that wait, or all, those that are due first in front; no texts.

        Raises:
            DeniedError: the policy does not let the principal.
        """
        self._allow(principal, "amend.list", purpose, patient_key)
        found = [each for each in self._all() if patient_key in {None, each.patient_key}]
        wanted = (each for each in found if every or each.is_open)
        return sorted(wanted, key=lambda each: (not each.is_open, each.due_at))

    def show(self, principal: Principal, amendment_id: str, *, purpose: str | None = None) -> Amendment:
        """A request with its texts, opened.

        Raises:
            DeniedError: the policy does not let the principal.
            UsageError: there is none of this id.
        """
        found = self._known(amendment_id)
        self._allow(principal, "open", purpose, found.patient_key)
        rows = self._rows(
            f"SELECT event, known_at, principal, text FROM {quote_table(AMENDMENTS)} "
            f"WHERE amendment_id = {quote_text(amendment_id)} AND text IS NOT NULL ORDER BY known_at"
        )
        texts = tuple(
            (
                row["event"],
                row["known_at"],
                row["principal"],
                open_text(self._sealer, row["text"], _context(row["event"], amendment_id)),
            )
            for row in rows
        )
        return replace(found, texts=texts)

    def decide(
        self,
        principal: Principal,
        amendment_id: str,
        answer: Answer,
        text: str,
        *,
        basis: Basis | None = None,
        purpose: str | None = None,
    ) -> Amendment:
        """Record a decision, in words for the patient: accepted, denied on a basis, or extended once.

        A denial may be followed by the patient's statement that they disagree, and that by a rebuttal.

        Raises:
            DeniedError: the policy does not let the principal.
            UsageError: there is none of this id, it is decided or extended already, or a denial has no basis.
        """
        now = datetime.now(UTC)
        # Of two who decide at once, one finds that the record has grown.
        base = self._tables.current_snapshot_id(AMENDMENTS)
        found = self._known(amendment_id)
        self._allow(principal, "amend.decide", purpose, found.patient_key)
        if not found.takes(answer):
            raise UsageError(
                "usage",
                "The request cannot be decided like this any more",
                where=amendment_id,
                found=found.state,
                next_step="an extension is granted once, a decision made once, a denial disagreed with once",
            )
        if (answer == "denied") != (basis is not None):
            raise UsageError(
                "usage",
                "A denial, and only a denial, has a basis of the rule",
                found=basis or "none",
                next_step=f"name one of {', '.join(BASES)}",
            )
        due = found.due_at + EXTENSION if answer == "extended" else None
        self._append(
            principal,
            amendment_id,
            answer,
            found.patient_key,
            now,
            _worded(text),
            due=due,
            basis=basis,
            base=base,
        )
        return self._known(amendment_id)

    def _known(self, amendment_id: str) -> Amendment:
        for each in self._all():
            if each.amendment_id == amendment_id:
                return each
        raise UsageError(
            "usage", "There is no such request", next_step="`a360 amendment list --all` lists them"
        )

    def _all(self) -> Sequence[Amendment]:
        """Every request, as its events have left it."""
        if self._tables.current_snapshot_id(AMENDMENTS) is None:
            return []
        rows = self._rows(
            f"SELECT amendment_id, any_value(patient_key) AS patient_key, "
            f"arg_max(event, known_at) AS state, min(known_at) AS requested_at, max(due_at) AS due_at, "
            f"max(known_at) FILTER (event IN ('accepted', 'denied')) AS decided_at, "
            f"max(basis) AS basis FROM {quote_table(AMENDMENTS)} GROUP BY amendment_id"
        )
        return [Amendment(**row) for row in rows]

    def _rows(self, sql: str) -> Sequence[dict[str, Any]]:
        rows: Sequence[dict[str, Any]] = self._tables.session.sql(sql).to_pylist()
        return rows

    def _append(  # noqa: PLR0913 -- the columns of a row
        self,
        principal: Principal,
        amendment_id: str,
        event: str,
        patient_key: str,
        at: datetime,
        text: str,
        *,
        due: datetime | None = None,
        basis: str | None = None,
        base: Base = UNFENCED,
    ) -> None:
        commit = new_commit_id()
        sealed = seal_text(self._sealer.batch(), text, _context(event, amendment_id))
        row = {
            "amendment_id": amendment_id,
            "event": event,
            "patient_key": patient_key,
            "basis": basis,
            "principal": principal.acting_for or principal.name,
            "due_at": due,
            "text": sealed,
            "known_at": at,
            "commit_id": commit,
        }
        self._tables.append(AMENDMENTS, pa.Table.from_pylist([row], _SCHEMA), CommitStamp(commit), base=base)

    def _allow(self, principal: Principal, action: str, purpose: str | None, patient_key: str | None) -> None:
        """Decide, and put on record; only then it goes ahead."""
        purpose = purpose or self._policy.default_purpose(principal)
        now = datetime.now(UTC)
        decision = self._policy.decide(principal, "amend", AMENDMENTS, purpose=purpose, at=now)
        allowed = decision.allowed and all(column.allowed for column in decision.columns.values())
        event = AuditEvent(
            now,
            principal.name,
            action,
            [AMENDMENTS],
            "allowed" if allowed else "denied",
            purpose,
            acting_for=principal.acting_for,
            subjects=[self._audit.subject(patient_key)] if patient_key else (),
            rules=tuple(dict.fromkeys(rule for each in decision.columns.values() for rule in each.rules)),
        )
        self._audit.record(event)
        if not allowed:
            raise DeniedError(
                "denied",
                f"{principal.name} may not work with requests for amendment for {purpose or 'no purpose'}",
                found=decision.reason,
                next_step="ask somebody whom lake.yaml grants the action amend on ops.amendment",
            )


def _worded(text: str) -> str:
    words = text.strip()
    if not words or len(words) > _LONGEST:
        raise UsageError(
            "usage",
            "Each step of a request is in words",
            found=f"{len(words)} characters",
            next_step=f"write up to {_LONGEST} characters",
        )
    return words


def _context(event: str, amendment_id: str) -> bytes:
    return column_context(AMENDMENTS, "text", event, amendment_id)
