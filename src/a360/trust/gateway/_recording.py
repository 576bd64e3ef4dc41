"""What goes on record of a query."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from a360.contract import TableDecision
from a360.errors import A360Error, DeniedError
from a360.protect import AuditEvent, AuditLog
from a360.trust.gate import Reads
from a360.trust.gateway._subjects import Subjects
from a360.trust.policy import Principal


class QueryLog(AuditLog, Protocol):
    """An audit log that also knows what of a query's text may be kept."""

    def query_details(self, sql: str, known: Collection[str] = ()) -> dict[str, str | int]:
        """The text as it may be on record."""
        ...

    def subject(self, patient_key: str) -> str:
        """The pseudonym of a patient."""
        ...


class Record:
    """What goes on record of one query."""

    def __init__(
        self,
        audit: QueryLog,
        known: Collection[str],
        principal: Principal,
        purpose: str | None,
        request: str,
        sql: str,
        source: str | None,
    ) -> None:
        self.request = request
        self._source = source
        self._audit = audit
        self._principal = principal
        self._purpose = purpose
        self._details = audit.query_details(sql, known)
        self.objects: tuple[str, ...] = ()
        self.under: dict[str, str] = {}
        self.subjects = Subjects((), 0, audit.subject)

    def allowed(self, decisions: Mapping[str, TableDecision], columns: Reads) -> None:
        """Record that the query goes ahead, and over what."""
        read = dict.fromkeys(
            f"{source.dataset}.{name}" for source, names in columns.items() for name in names
        )
        rules = dict.fromkeys(
            rule for each in decisions.values() for rule in (*each.rules, *_rules(each, columns))
        )
        self._write("allowed", columns=tuple(read), rules=tuple(rules))

    def refused(self, error: A360Error) -> None:
        """Record why there is no answer."""
        outcome = "denied" if isinstance(error, DeniedError) else "failed"
        self._write(outcome, details={"code": error.code.slug})

    def told(self, outcome: str, rows: int, size: int) -> None:
        """Record how the answer ended, and how much of it was told."""
        subjects, instead = self.subjects.told() if rows else ((), {})
        self._write(outcome, details=instead, rows=rows, bytes=size, subjects=subjects)

    def _write(self, outcome: str, details: Mapping[str, str | int] | None = None, **more: Any) -> None:  # noqa: ANN401
        self._audit.record(
            AuditEvent(
                datetime.now(UTC),
                self._principal.name,
                "query",
                self.objects,
                outcome,
                self._purpose,
                {**self._details, **self.under, **(details or {})},
                acting_for=self._principal.acting_for,
                request=self.request,
                source=self._source,
                **more,
            )
        )


def _rules(decision: TableDecision, columns: Reads) -> Iterator[str]:
    for source, names in columns.items():
        if source.dataset == decision.dataset:
            for name in names:
                yield from decision.columns[name].rules
