"""Queries that another engine answers under a guard of its own: decided and recorded here all the same."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from a360.contract import LakePlan, TableDecision
from a360.errors import A360Error, DeniedError
from a360.trust.gate import LakeQuery, reads
from a360.trust.gateway._recording import QueryLog, Record
from a360.trust.gateway._refusals import no_table
from a360.trust.gateway._subjects import Subjects, patient_columns
from a360.trust.policy import Emergency, Policy, Principal


@dataclass(frozen=True, slots=True)
class AllowedQuery:
    """A query that may be put to the other engine."""

    query: LakeQuery
    purpose: str | None
    _record: Record

    def told(self, rows: int, size: int) -> None:
        """Record that it was answered, and how much of it was told."""
        self._record.told("done", rows, size)


@contextmanager
def allowed_elsewhere(
    plan: LakePlan,
    policy: Policy,
    audit: QueryLog,
    principal: Principal,
    sql: str,
    *,
    purpose: str | None = None,
    emergency: Emergency | None = None,
) -> Iterator[AllowedQuery]:
    """Decide on a query by the policy; it is on record before the other engine hears of it.

    What of its tables is shown is for the other engine's guard: nothing here reads a row. Tables are read as
    they are now, and whose rows an answer has is not told.

    Raises:
        DeniedError: it does more than read tables of which the principal may see something.
        UsageError: it does not parse, or says at which time to read.
    """
    tables = {table.dataset: table for table in plan.tables}
    known = [*tables, *(f"{name}.{each}" for name, table in tables.items() for each in table.column_names)]
    purpose = purpose or (emergency.purpose if emergency else policy.default_purpose(principal))
    record = Record(audit, known, principal, purpose, uuid.uuid4().hex, sql, None)
    record.under = {"policy": policy.fingerprint, "engine": "athena"}
    if emergency is not None:
        record.under |= {"emergency": emergency.id}
    try:
        query = LakeQuery(sql)
        query.require_no_time()
        record.objects = tuple(name if name in tables else "?" for name in query.tables)
        decisions = _decided(policy, principal, query.tables, purpose, emergency, known=tables)
        visible = {name: decision.visible for name, decision in decisions.items()}
        record.allowed(decisions, reads(query, visible))
        if patient_columns(plan).keys() & decisions.keys():
            record.subjects = Subjects(None, 0, audit.subject)
        yield AllowedQuery(query, purpose, record)
    except A360Error as error:
        record.refused(error)
        raise
    except BaseException:
        record.told("failed", 0, 0)
        raise


def _decided(
    policy: Policy,
    principal: Principal,
    datasets: Sequence[str],
    purpose: str | None,
    emergency: Emergency | None,
    *,
    known: Collection[str],
) -> Mapping[str, TableDecision]:
    """What may be seen of each table, all of which are shown in part at least."""
    now = datetime.now(UTC)
    if emergency is not None and not emergency.holds_for(principal, now):
        over = "The emergency is over, or somebody else's"
        raise DeniedError("denied", over, next_step="declare it once more")
    decisions = {
        name: policy.decide(principal, "select", name, purpose=purpose, at=now, emergency=emergency)
        for name in datasets
        if name in known
    }
    for name in datasets:
        decision = decisions.get(name)
        if decision is None or not decision.allowed or not decision.visible:
            raise no_table(name)
    return decisions
