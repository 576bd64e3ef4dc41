"""The only door through which people query: what is asked, decided, recorded, read, computed and told."""

import copy
import os
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

import pyarrow as pa

from a360.contract import LakePlan, TableDecision, TablePlan
from a360.engine.duckdb import DuckDBSession
from a360.errors import A360Error, DeniedError
from a360.protect import Tokenizer
from a360.table import Tables
from a360.trust.gate import LakeQuery, Reads, Source, aggregation, conditions, reads, with_subjects
from a360.trust.gateway._apply import Applied, apply, unmasked
from a360.trust.gateway._budget import Budget, Turns, budget_of, budgets_in, exceeded
from a360.trust.gateway._pool import Workers
from a360.trust.gateway._recording import QueryLog, Record
from a360.trust.gateway._refusals import no_table
from a360.trust.gateway._running import QueryResult, Running, in_words
from a360.trust.gateway._subjects import Subjects, patient_columns
from a360.trust.gateway._travel import Visible, moments, still_there
from a360.trust.gateway._trusted import Sessions, aggregated, reader_of
from a360.trust.policy import Emergency, Policy, Principal

# Under which name a session knows the rows of what is no table.
_RELATION = "a360 relation"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query that was understood and allowed."""

    query: LakeQuery
    decisions: Mapping[str, TableDecision]
    visible: Visible
    reads: Reads
    pins: Mapping[Source, str | None]
    free: bool


class Gateway:
    """Answers queries; a context manager. Safe in threads.

    Args:
        plan: The lake.
        tables: Its tables, used to look up snapshots.
        policy: Who may see what.
        audit: Where decisions are recorded, before a row leaves.
        tokenizer: Makes the tokens of keyed masks.
        open_session: Opens a trusted session.
        session: One that is open already, and stays open when this is closed.
        relations: What is read as a table is and is none of the catalog.
        readers: How many queries may read tables at a time.
    """

    def __init__(  # noqa: PLR0913 -- it joins what the other rooms do
        self,
        plan: LakePlan,
        tables: Tables,
        policy: Policy,
        audit: QueryLog,
        tokenizer: Tokenizer,
        *,
        open_session: Callable[[], DuckDBSession],
        session: DuckDBSession | None = None,
        relations: Mapping[str, Callable[[], pa.RecordBatchReader]] | None = None,
        readers: int = 2,
    ) -> None:
        self._relations = relations or {}
        self._tables = tables
        self._audit = audit
        self._tokenizer = tokenizer
        self._sessions = Sessions(open_session, first=session, most=readers)
        self._workers = Workers()
        self._turns = Turns()
        self._looking = threading.Lock()
        self._go_by(plan, policy)

    def _go_by(self, plan: LakePlan, policy: Policy) -> None:
        self._plans: Mapping[str, TablePlan] = {
            table.dataset: table for table in (*plan.tables, *plan.relations)
        }
        self._patients = patient_columns(plan)
        self._known = [
            *self._plans,
            *(f"{name}.{column}" for name, table in self._plans.items() for column in table.column_names),
        ]
        self._policy = policy
        self._budgets = budgets_in(plan.policy)
        self._free: dict[tuple[object, ...], bool] = {}

    def under(self, plan: LakePlan, policy: Policy) -> Self:
        """The same gateway under another policy; each goes by its own, and they are closed together."""
        other = copy.copy(self)
        other._go_by(plan, policy)  # noqa: SLF001 -- a copy of this one
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and close the sessions."""
        self._workers.close()
        self._sessions.close()

    def query(  # noqa: PLR0913 -- what there is to say of a question
        self,
        principal: Principal,
        sql: str,
        *,
        purpose: str | None = None,
        at: str | None = None,
        emergency: Emergency | None = None,
        whole: bool = False,
        request: str | None = None,
        source: str | None = None,
        began: Callable[[Callable[[], None]], None] | None = None,
    ) -> QueryResult:
        """Answer one SELECT over the lake's tables as the policy lets a principal see them.

        Args:
            principal: Who asks.
            sql: The query, in DuckDB's SQL.
            purpose: What for; by default the one purpose that the principal has, if it is one.
            at: A snapshot, a time or a tag: every table is read as it was then, under the policy of now.
            emergency: One that the principal declared; the purpose is its own, where none is given.
            whole: Whether all of the answer is wanted at once, which is faster where it can be had.
            request: What the records of the query have in common; a new id by default.
            source: The address that asks.
            began: Is handed what cancels the query, before its first row is there.

        Raises:
            DeniedError: `denied`, or `budget-exceeded`.
            UsageError: it does not parse, or names what is not there for the principal.
            OperatorError: it could not be recorded, or no worker could be locked.
        """
        purpose = purpose or (emergency.purpose if emergency else self._policy.default_purpose(principal))
        record = Record(
            self._audit, self._known, principal, purpose, request or uuid.uuid4().hex, sql, source
        )
        record.under = {"policy": self._policy.fingerprint}
        if emergency is not None:
            record.under |= {"emergency": emergency.id}
        free = emergency is None and self._is_free(principal, purpose)
        budget = budget_of(self._budgets, self._policy.roles_of(principal), free=free)
        try:
            with self._turns.turn(principal.acting_for or principal.name, budget) as give_back:
                query = LakeQuery(sql)
                # A name that no contract has may be anything that somebody typed.
                record.objects = tuple(name if name in self._plans else "?" for name in query.tables)
                decisions = self._decide(query, principal, purpose, emergency, free=free)
                with self._looking:
                    self._require_small(query, budget)
                    asked = self._understand(query, decisions, at, free=free)
                record.allowed(asked.decisions, asked.reads)
                asked, record.subjects = self._telling(asked)
                running = Running(budget)
                running.at_end(give_back)
                if began is not None:
                    began(running.cancel)
                return self._answer(asked, budget, record, running, whole=whole)
        except A360Error as error:
            record.refused(error)
            raise

    def _decide(
        self,
        query: LakeQuery,
        principal: Principal,
        purpose: str | None,
        emergency: Emergency | None,
        *,
        free: bool,
    ) -> Mapping[str, TableDecision]:
        """What may be seen of each table, at one moment; of one that no contract declares, nothing."""
        now = datetime.now(UTC)
        if emergency is not None and not emergency.holds_for(principal, now):
            raise DeniedError(
                "denied", "The emergency is over, or somebody else's", next_step="declare it once more"
            )
        decisions = {
            dataset: self._policy.decide(
                principal, "select", dataset, purpose=purpose, at=now, emergency=emergency
            )
            for dataset in query.tables
            if not free or dataset in self._plans
        }
        for decision in decisions.values():
            if not decision.allowed or not decision.visible:
                raise no_table(decision.dataset)
        return decisions

    def _understand(
        self, query: LakeQuery, decisions: Mapping[str, TableDecision], at: str | None, *, free: bool
    ) -> _Asked:
        visible: Visible = {dataset: decision.visible for dataset, decision in decisions.items()}
        when = moments(self._tables, query, at)
        free = free and not self._relations.keys() & set(query.tables)
        if not free:
            visible = still_there(self._tables, when, visible)
        return _Asked(query, decisions, visible, reads(query, visible), when, free)

    def _telling(self, asked: _Asked) -> tuple[_Asked, Subjects]:
        """The query with the keys of patients in its rows, where it can be, and what collects them.

        Only of keys that the principal may see as they are: no row has more in it than it was to have.
        """
        held = {name: self._patients[name] for name in asked.query.tables if name in self._patients}
        clear = self._types(asked)
        keys = {
            name: columns for name, columns in held.items() if columns and {*columns} <= clear[name].keys()
        }
        if not held:
            return asked, Subjects((), 0, self._audit.subject)
        telling = with_subjects(asked.query, keys) if keys.keys() == held.keys() else None
        if telling is None:
            return asked, Subjects(None, 0, self._audit.subject)
        told = Subjects(telling.columns, telling.added, self._audit.subject)
        return replace(asked, query=telling.query, reads=reads(telling.query, asked.visible)), told

    def _is_free(self, principal: Principal, purpose: str | None) -> bool:
        """Whether nothing of the lake is hidden from a principal; kept, as the policy does not change."""
        who = (
            principal.name,
            principal.roles,
            principal.groups,
            tuple(sorted(principal.attributes.items())),
            purpose,
        )
        if who not in self._free:
            self._free[who] = self._policy.unrestricted(principal, purpose=purpose)
        return self._free[who]

    def _require_small(self, query: LakeQuery, budget: Budget) -> None:
        if budget.scanned_bytes is None:
            return
        size = sum(self._tables.info(name).bytes for name in query.tables if self._tables.exists(name))
        if size > budget.scanned_bytes:
            raise exceeded(
                f"reads tables of {size} bytes", f"{budget.scanned_bytes} bytes", "ask smaller tables"
            )

    def _answer(
        self,
        asked: _Asked,
        budget: Budget,
        record: Record,
        running: Running,
        *,
        whole: bool,
    ) -> QueryResult:
        try:
            rows = record.subjects.taken_off(self._rows(asked, budget, running, whole=whole))
        except BaseException as error:  # noqa: BLE001 -- whatever it was, it is told in words of ours
            running.end()
            raise in_words(running, error) from None
        return QueryResult(rows, running, budget, record.request, record.told)

    def _rows(self, asked: _Asked, budget: Budget, running: Running, *, whole: bool) -> pa.RecordBatchReader:
        if asked.free:
            session, sql = self._session(budget, running), asked.query.pinned(asked.pins)
            return session.sql(sql).to_reader() if whole else session.stream(sql)
        grouped = aggregation(asked.query, self._types(asked))
        if grouped is None or grouped.source.dataset in self._relations:
            return self._in_worker(asked, budget, running)
        session = self._session(budget, running)
        applied = self._applied(asked, grouped.source, grouped.columns, grouped.where)
        rows = aggregated(session, grouped.sql.format(rows=applied.relation))
        return self._in_worker(asked, budget, running, session) if rows is None else rows

    def _in_worker(
        self, asked: _Asked, budget: Budget, running: Running, session: DuckDBSession | None = None
    ) -> pa.RecordBatchReader:
        worker = self._workers.take()
        running.at_end(self._workers.refill)
        running.at_end(worker.close)
        running.stop_by(worker.end)
        if session is None and asked.reads:
            session = self._session(budget, running)
        types = self._types(asked)
        names = {
            source: source.dataset if source.at is None else f"{source.dataset}@{number}"
            for number, source in enumerate(asked.reads)
        }
        left = budget.memory_bytes

        def rows_of(source: Source) -> Iterator[pa.RecordBatch | pa.Schema]:
            nonlocal left
            where = conditions(asked.query, source, types[source.dataset])
            applied = self._applied(asked, source, asked.reads[source], where)
            assert session is not None  # noqa: S101 -- it is there where something is read
            with (
                self._registered(session, source.dataset),
                applied.rows(reader_of(session), self._tokenizer) as rows,
            ):
                yield rows.schema
                for batch in rows:
                    left -= batch.nbytes
                    if left < 0:
                        raise exceeded(
                            "needs more memory than it may",
                            f"{budget.memory_bytes} bytes",
                            "name fewer columns, or compare columns with constants",
                        )
                    yield batch

        return worker.run(
            asked.query.over(names),
            {names[source]: partial(rows_of, source) for source in asked.reads},
            seconds=budget.seconds,
            memory_bytes=budget.memory_bytes,
            threads=max(1, (os.cpu_count() or 2) // 2),
        )

    @contextmanager
    def _registered(self, session: DuckDBSession, dataset: str) -> Iterator[None]:
        """The rows of what is no table, in a session for one reading."""
        rows = self._relations.get(dataset)
        if rows is None:
            yield
            return
        session.register(_RELATION, rows())
        try:
            yield
        finally:
            session.unregister(_RELATION)

    def _session(self, budget: Budget, running: Running) -> DuckDBSession:
        session = self._sessions.take(budget.seconds)
        running.at_end(lambda: self._sessions.give_back(session))
        running.stop_by(session.interrupt)
        return session

    def _types(self, asked: _Asked) -> Mapping[str, Mapping[str, str]]:
        """The types of the columns that show in clear, by dataset."""
        return {
            dataset: {
                column.name: column.type
                for column in self._plans[dataset].columns
                if column.name in unmasked(decision) and column.name in asked.visible[dataset]
            }
            for dataset, decision in asked.decisions.items()
        }

    def _applied(
        self, asked: _Asked, source: Source, columns: Collection[str], where: Collection[str]
    ) -> Applied:
        pin = asked.pins.get(source)
        return apply(
            asked.decisions[source.dataset],
            self._plans[source.dataset],
            tuple(columns),
            at=pin,
            nothing=source in asked.pins and pin is None,
            where=tuple(where),
            stands_in=_RELATION if source.dataset in self._relations else None,
        )
