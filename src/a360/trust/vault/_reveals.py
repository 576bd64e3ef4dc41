"""Answers who asks who somebody is: by the policy, for a reason, within a limit, and on record first."""

import fcntl
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

from a360.contract import LakePlan, TableDecision
from a360.engine import quote_name, quote_table
from a360.errors import DeniedError, UsageError
from a360.protect import AuditEvent, Sealer
from a360.table import Tables
from a360.trust.audit import LocalAuditLog
from a360.trust.policy import Policy, Principal
from a360.trust.vault._asked import ACTION, Asked, requests_in, sealed_details
from a360.trust.vault._keeping import Vault
from a360.trust.vault._tally import Tally

_LOG: Final = "ops.audit"
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
# A sealed reason has to fit what one detail of a record holds, and subjects what one record does.
_SHORTEST_REASON, _LONGEST_REASON = 10, 1000
_SUBJECTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """Of how many patients somebody may learn the identity in a while, where no role of theirs says."""

    patients: int = 100
    window: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Revealed:
    """An answer, as `Vault.reveal` gives it, and the request by which the audit log knows it."""

    values: pa.Table
    request: str


@dataclass(frozen=True, slots=True)
class _Request:
    """Who asks for whom, what for and why."""

    id: str
    at: datetime
    principal: Principal
    purpose: str | None
    reason: str
    patient_keys: tuple[str, ...]

    @property
    def person(self) -> str:
        """Who really asks: acting as others gives nobody a limit of its own."""
        return self.principal.acting_for or self.principal.name


class Reveals:
    """The way for people to the vault.

    Args:
        vault: What is opened.
        plan: The lake's plan.
        tables: The lake's tables, which filters of the policy look into.
        policy: Its action `reveal` says who may open what, and for which purpose.
        audit: Nothing is told that is not on record; it also says how much was told before.
        sealer: Seals reasons: they may name a patient.
        lock: A file of the lake; who holds it counts alone.
        limits: What holds where roles say nothing.
    """

    def __init__(  # noqa: PLR0913 -- it joins what the other rooms do
        self,
        vault: Vault,
        plan: LakePlan,
        tables: Tables,
        policy: Policy,
        audit: LocalAuditLog,
        sealer: Sealer,
        *,
        lock: Path,
        limits: Limits = Limits(),
    ) -> None:
        self._vault = vault
        self._plan = plan
        self._tables = tables
        self._policy = policy
        self._audit = audit
        self._sealer = sealer
        self._lock = lock
        self._tally = Tally(lock.with_name(f"{lock.name}.json"))
        self._limits = limits

    def reveal(
        self,
        principal: Principal,
        patient_keys: Sequence[str],
        *,
        reason: str,
        purpose: str | None = None,
        columns: Sequence[str] | None = None,
        history: bool = False,
        at: datetime | None = None,
    ) -> Revealed:
        """Tell who patients are, as far as the policy lets the principal know.

        Args:
            principal: Who asks.
            patient_keys: Whom for: the tokens that the lake has in `patient_key`.
            reason: Why; it is kept sealed.
            purpose: What for; by default the one purpose of the principal's roles, if it is one.
            columns: Which columns, as `silver.patient.phone_token` or by their last part; by default, all
                that may be known.
            history: Whether what was true once is wanted too, and what merged records tell.
            at: When; now by default.

        Raises:
            UsageError: nobody is named, no reason is given, or there is no such column.
            DeniedError: `denied`, or `budget-exceeded` where it would be too many patients in a while.
            OperatorError: it could not be recorded, or a key is gone.
        """
        request = _Request(
            uuid.uuid4().hex,
            at or datetime.now(UTC),
            principal,
            purpose or self._policy.default_purpose(principal),
            _reason(reason),
            _keys(patient_keys),
        )
        wanted = self._named(columns)
        try:
            with self._alone():
                decisions = self._decide(request)
                told = self._told(request, decisions, wanted)
                self._require_theirs(request, decisions)
                self._require_within(request)
                values = self._vault.reveal(request.patient_keys, told, history=history)
                self._record(request, told, decisions, values.num_rows)
        except DeniedError:
            self._audit.record(replace(self._event(request, "denied"), columns=wanted or ()))
            raise
        return Revealed(values, request.id)

    def asked(self, principal: Principal, *, since: datetime | None = None) -> Sequence[Asked]:
        """What was revealed, oldest first, with the reasons; that these are opened is on record.

        Raises:
            DeniedError: the principal may not read the audit log.
        """
        now = datetime.now(UTC)
        purposes = self._policy.purposes_of(principal)
        may = any(self._policy.decide(principal, "select", _LOG, purpose=each).visible for each in purposes)
        self._audit.record(
            AuditEvent(
                now,
                principal.name,
                "open",
                [_LOG],
                "allowed" if may else "denied",
                acting_for=principal.acting_for,
            )
        )
        if not may:
            raise DeniedError(
                "denied",
                f"{principal.name} may not read why identities were revealed",
                found=f"no grant lets them read {_LOG}",
                next_step=f"ask somebody who may read {_LOG}",
            )
        return list(requests_in(self._audit, self._sealer, since))

    def _named(self, columns: Sequence[str] | None) -> tuple[str, ...] | None:
        """Columns by their full names; what is no column is not repeated, as it may be anything."""
        if columns is None:
            return None
        found = []
        for name in columns:
            matching = [each for each in self._vault.columns if name in {each, each.rpartition(".")[2]}]
            if len(matching) != 1:
                raise UsageError(
                    "usage",
                    "There is no such column that the vault can open",
                    found=", ".join(self._vault.columns),
                    next_step="name one of these, or none for all that may be known",
                )
            found += matching
        return tuple(dict.fromkeys(found))

    def _decide(self, request: _Request) -> Mapping[str, TableDecision]:
        datasets = dict.fromkeys(column.rpartition(".")[0] for column in self._vault.columns)
        return {
            dataset: self._policy.decide(
                request.principal, ACTION, dataset, purpose=request.purpose, at=request.at
            )
            for dataset in datasets
        }

    def _told(
        self, request: _Request, decisions: Mapping[str, TableDecision], wanted: Sequence[str] | None
    ) -> list[str]:
        """The columns that are told; one that is asked for and may not be known ends the request."""
        allowed = [each for each in self._vault.columns if _shows(decisions, each)]
        lacking = [each for each in wanted or () if each not in allowed]
        if lacking or not allowed:
            reasons = dict.fromkeys(decision.reason for decision in decisions.values())
            raise DeniedError(
                "denied",
                f"{request.principal.name} may not learn who patients are"
                + (f" by {', '.join(lacking)}" if lacking and allowed else ""),
                found="; ".join(filter(None, reasons)) or f"purpose {request.purpose}",
                next_step="ask with another --purpose, or somebody whom lake.yaml grants `reveal`",
            )
        return [each for each in allowed if wanted is None or each in wanted]

    def _require_theirs(self, request: _Request, decisions: Mapping[str, TableDecision]) -> None:
        """Whom the policy's filters hide is not told of, and the answer does not say who it was."""
        for decision in decisions.values():
            if not decision.where or not decision.visible:
                continue
            table = self._plan.table(decision.dataset)
            [key, *_] = [each.name for each in table.columns if each.token in {"patient", "resource"}]
            where = " AND ".join(f"({each})" for each in decision.where)
            if table.history:
                where += " AND is_current"
            if self._tables.current_snapshot_id(decision.dataset) is None:
                raise _not_theirs(request, decision)
            seen = self._tables.session.sql(
                f"SELECT DISTINCT {quote_name(key)} AS key FROM {quote_table(decision.dataset)} WHERE {where}"
            )
            people = self._vault.people_of(request.patient_keys).filter(pa.compute.field("survives"))
            if not set(people["record_key"].to_pylist()) <= set(seen["key"].to_pylist()):
                raise _not_theirs(request, decision)

    def _require_within(self, request: _Request) -> None:
        limit = self._limit(request)
        since = request.at - self._limits.window
        told = self._tally.told(self._audit.folder, ACTION, request.person, since)
        if told + len(request.patient_keys) > limit:
            minutes = int(self._limits.window.total_seconds() // 60)
            raise DeniedError(
                "budget-exceeded",
                f"{request.person} would learn who too many patients are",
                found=f"{told} in the last {minutes} minutes, and {len(request.patient_keys)} now; "
                f"the limit is {limit}",
                next_step="ask for fewer, or later; `reveals` of a role in lake.yaml sets its limit",
            )

    def _limit(self, request: _Request) -> int:
        """What the most generous of the roles gives that may act for the purpose."""
        mine = set(self._policy.roles_of(request.principal))
        active = [
            role
            for role in self._plan.policy.roles
            if role.name in mine and request.purpose in role.purposes and role.reveals is not None
        ]
        return max((role.reveals or 0 for role in active), default=self._limits.patients)

    def _event(self, request: _Request, outcome: str) -> AuditEvent:
        datasets = dict.fromkeys(column.rpartition(".")[0] for column in self._vault.columns)
        return AuditEvent(
            request.at,
            request.principal.name,
            ACTION,
            list(datasets),
            outcome,
            request.purpose,
            acting_for=request.principal.acting_for,
            request=request.id,
        )

    def _record(
        self, request: _Request, columns: Sequence[str], decisions: Mapping[str, TableDecision], rows: int
    ) -> None:
        """Put on record who learns what of whom; of very many patients, by several records."""
        subjects = [self._audit.subject(key) for key in request.patient_keys]
        details = sealed_details(self._sealer, request.id, request.reason, len(subjects))
        rules = dict.fromkeys(
            rule
            for each in columns
            for dataset, _, name in [each.rpartition(".")]
            for rule in (*decisions[dataset].rules, *decisions[dataset].columns[name].rules)
        )
        event = replace(
            self._event(request, "allowed"),
            columns=list(columns),
            rules=list(rules),
            rows=rows,
            details=details,
        )
        more = replace(event, details={}, rows=None)
        self._audit.record_all(
            replace(more if start else event, subjects=subjects[start : start + _SUBJECTS])
            for start in range(0, len(subjects), _SUBJECTS)
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Have nobody else count what was told until this is on record."""
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _shows(decisions: Mapping[str, TableDecision], column: str) -> bool:
    """Whether a column shows clear in every row that its dataset shows: what does so in some is not told."""
    dataset, _, name = column.rpartition(".")
    decision = decisions[dataset]
    shown = decision.columns.get(name)
    return decision.allowed and shown is not None and shown.allowed and shown.mask is None and not shown.cells


def _not_theirs(request: _Request, decision: TableDecision) -> DeniedError:
    return DeniedError(
        "denied",
        f"{request.principal.name} may not learn who all of these patients are",
        found=", ".join(decision.rules),
        next_step="ask for patients whom you may see",
    )


def _reason(reason: str) -> str:
    text = reason.strip()
    if not _SHORTEST_REASON <= len(text) <= _LONGEST_REASON:
        raise UsageError(
            "usage",
            "To learn who somebody is needs a reason",
            found=f"{len(text)} characters",
            next_step=f"say why, in {_SHORTEST_REASON} to {_LONGEST_REASON} characters",
        )
    return text


def _keys(patient_keys: Sequence[str]) -> tuple[str, ...]:
    """The keys, each once; what is none is not repeated, as it may be a name that somebody typed."""
    keys = tuple(dict.fromkeys(patient_keys))
    wrong = sum(1 for key in keys if not _TOKEN.fullmatch(key))
    if wrong or not keys:
        raise UsageError(
            "usage",
            "A patient is named by the key that the lake's tables have in patient_key",
            found=f"{wrong} that are none" if wrong else "no patient",
            next_step='a360 query "SELECT patient_key FROM …" finds it: 32 digits and letters a to f',
        )
    return keys
