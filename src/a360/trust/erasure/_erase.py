"""Erasure: what a lake holds of patients, taken out of every place and out of the past.

The order is one in which whoever dies leaves what a second call completes. The journal stands before anything
goes; envelopes go before the lines they name, rows before what lists them is sealed anew, the past before the
keys; and a step that was taken already finds nothing to do.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import (
    AMENDMENTS,
    ERASED,
    IDENTITIES,
    LEGAL_HOLDS,
    GoldStep,
    quote_table,
    quote_text,
)
from a360.engine import StagedFile
from a360.errors import OperatorError, UsageError
from a360.failpoints import failpoint
from a360.protect import AuditEvent, sealing_key_sql
from a360.table import new_commit_id
from a360.trust.erasure._find import Clear, Finder, refused_where, rows_where
from a360.trust.erasure._holds import LegalHolds, require_matter
from a360.trust.erasure._journal import Found, Journal, Journals
from a360.trust.erasure._means import Erasure, Means, counts, erasure_of
from a360.trust.erasure._mentions import without
from a360.trust.erasure._retention import aged, find_aged
from a360.trust.erasure._sealed import (
    BLANK,
    BLOCKS,
    FILES,
    Record,
    Resealing,
    SealedColumn,
    as_table,
    block_groups,
    in_threads,
    lines_in,
    sealed_columns,
)
from a360.trust.erasure._search import find
from a360.trust.erasure._suppressed import digests_of

_ENVELOPES: Final = "erasing_envelope"
FORMAT: Final = "a360-erasure-1"
OUR_FORMATS: Final = (1, 2)


class Eraser:
    """Erases patients from a lake."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._finder = Finder(means.plan, means.tables, means.sealer, means.store)
        self._journals = Journals(means.lake)
        self.holds = LegalHolds(means.tables, means.audit, means.by)

    def look(self, patients: Sequence[str]) -> Erasure:
        """What erasing patients, and whose records were merged with theirs, would take."""
        together = self._finder.together(patients)
        return erasure_of(together, find(self._finder, together), self._size())

    def _size(self) -> tuple[int, int]:
        """Files and bytes that would be deleted or written anew."""
        infos = [self._means.tables.info(name) for name in self._tables()]
        return sum(each.files for each in infos), sum(each.bytes for each in infos)

    def erase(self, patients: Sequence[str], cause: str) -> Erasure:
        """Erase patients, and those whose records were merged with theirs, after what was begun before.

        Raises:
            UsageError: the cause is no number of a request.
            DeniedError: `legal-hold`; nothing was changed.
            OperatorError: `erasure-incomplete`.
        """
        require_matter(cause)
        self.resume()
        together = self._finder.together(patients)
        self.holds.require_none(together)
        return self._begin(together, cause, find(self._finder, together), {})

    def _begin(
        self, patients: Sequence[str], cause: str, found: Found, conditions: dict[str, str]
    ) -> Erasure:
        self._require_ours(found)
        begun_at, by = datetime.now(UTC).isoformat(), self._means.by
        ids = new_commit_id(), new_commit_id()
        journal = Journal(*ids, begun_at, by, cause, list(patients), found, conditions)
        self._record(journal, "allowed", {"cause": cause})
        self._journals.write(journal)
        failpoint("erasure.begun")
        return self._complete(journal)

    def _require_ours(self, found: Found) -> None:
        """Refuse before anything goes where rows are in a table that only the engine writes."""
        versions = {table.dataset: table.format_version for table in self._means.plan.tables}
        theirs = [name for name, rows in found.rows.items() if rows and versions[name] not in OUR_FORMATS]
        if theirs:
            raise UsageError(
                "usage",
                "The engine alone writes tables of format version 3, so that nothing is erased there",
                where=", ".join(theirs),
                next_step="make the table anew with `a360.formatVersion` 2 in its contract, then erase",
            )

    def look_aged(self, now: datetime) -> Erasure:
        """What is older than its contract keeps it."""
        return erasure_of([], find_aged(self._finder, self._aged(now)), self._size())

    def erase_aged(self, now: datetime) -> Erasure | None:
        """Let go of rows that are older than their contracts keep them; None where none is.

        Data of patients on legal hold stays.
        """
        self.resume()
        conditions = self._aged(now)
        found = find_aged(self._finder, conditions)
        if found.is_empty:
            return None
        return self._begin(
            [], "retention", found, {name: conditions[name] for name in found.rows if name in conditions}
        )

    def _aged(self, now: datetime) -> dict[str, str]:
        held = sorted({each.patient_key for each in self.holds.standing()})
        together = self._finder.together(held)
        keys = f"(VALUES {', '.join(f'({quote_text(each)})' for each in together)}) AS held(patient_key)"
        theirs = {each.dataset: each.where(keys) for each in self._finder.reach} if together else {}
        there = [table.dataset for table in self._means.plan.tables if self._finder.holds(table.dataset)]
        return aged(self._means.plan, together, now, {name: theirs.get(name) for name in there})

    def resume(self) -> Sequence[Erasure]:
        """Complete the erasures that were begun and are not done."""
        return [self._complete(journal) for journal in self._journals.begun()]

    def _complete(self, journal: Journal) -> Erasure:
        for step in (
            self._suppress,
            self._take_rows,
            self._reseal_blocks,
            self._reseal_columns,
            self._remove_objects,
            self._recompute,
            self._forget,
            self._purge,
            self._destroy,
        ):
            step(journal)
            failpoint(f"erasure.{step.__name__.lstrip('_')}")
        self._require_gone(journal)
        return self._certify(journal)

    def _suppress(self, journal: Journal) -> None:
        """Make known what is not to come again, before anything goes."""
        told = digests_of(self._means.tokenizer, journal.patients, journal.found.contents)
        if not told:
            return
        rows = pa.table(
            {
                "kind": [kind for kind, _ in told],
                "digest": [digest for _, digest in told],
                "erasure_id": [journal.erasure_id] * len(told),
                "known_at": pa.array([datetime.now(UTC)] * len(told), pa.timestamp("us", "UTC")),
            }
        )
        self._means.tables.merge(ERASED, rows, ["kind", "digest"], CommitStamp(journal.rows_commit))

    def _take_rows(self, journal: Journal) -> None:
        """Envelopes first; then silver; then gold from the last to the first, as rows are found by others."""
        tables, plan = self._means.tables, self._means.plan
        for dataset, rows in journal.found.envelopes.items():
            with self._envelopes(rows) as relation:
                where = f"(commit_id, arrival) IN (SELECT commit_id, arrival FROM {relation})"
                tables.expunge(dataset, where, CommitStamp(journal.rows_commit))
        reach = {each.dataset: each for each in self._finder.reach if each.dataset not in BLOCKS}
        steps = [step.dataset for step in plan.steps if self._finder.holds(step.dataset)]
        silver = [name for name in steps if not name.startswith("gold.")]
        others = [name for name in {**reach, **journal.conditions} if name not in (*steps, *BLOCKS)]
        with self._finder.keys(journal.patients) as keys:
            for dataset in (
                *silver,
                *reversed([name for name in steps if name.startswith("gold.")]),
                *others,
            ):
                held = reach.get(dataset)
                own = rows_where(plan, held, keys, journal.found.units) if held else "FALSE"
                where = f"({own}) OR ({journal.conditions.get(dataset, 'FALSE')})"
                self._expunge(journal, dataset, where, journal.rows_commit)
                failpoint("erasure.rows-taken")

    def _expunge(
        self,
        journal: Journal,
        dataset: str,
        where: str,
        commit_id: str,
        instead: Sequence[StagedFile] = (),
    ) -> None:
        """Take rows of a dataset, which goes on saying what it was made from: what is left of that."""
        tables = self._means.tables
        tables.session.refresh()
        stamp = self._stamp(journal, dataset, commit_id)
        done = tables.expunge(dataset, where, stamp, instead=instead)
        if done.snapshot_id is None and stamp.upstream and dict(stamp.upstream) != self._upstream(dataset):
            # No row went, but what it was made from is not there any more by the name it had.
            nothing = tables.session.sql(f"SELECT * FROM {quote_table(dataset)} LIMIT 0")
            tables.append(dataset, nothing, stamp)

    def _upstream(self, dataset: str) -> dict[str, str]:
        return dict(self._means.tables.standing_stamp(dataset)[0])

    def _stamp(self, journal: Journal, dataset: str, commit_id: str) -> CommitStamp:
        """A stamp by which a dataset stands on its upstream datasets as the erasure has left them.

        Gold that is computed as a whole says nothing, and is computed anew: it may count the patients.
        """
        tables = self._means.tables
        step = next((each for each in self._means.plan.steps if each.dataset == dataset), None)
        if isinstance(step, GoldStep) and step.refresh.mode == "replace":
            return CommitStamp(commit_id)
        upstream, more = tables.standing_stamp(dataset)
        mine = {journal.rows_commit, journal.seals_commit}
        stands = {}
        for name, snapshot_id in upstream.items():
            since = tables.commits_since(name, snapshot_id)
            current = tables.current_snapshot_id(name)
            stands[name] = current if current and since is not None and set(since) <= mine else snapshot_id
        return CommitStamp(commit_id, stands, {}, more)

    @contextmanager
    def _envelopes(self, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
        session = self._means.tables.session
        commits, arrivals = zip(*rows, strict=True)
        table = pa.table({"commit_id": pa.array(commits), "arrival": pa.array(arrivals, pa.int64())})
        session.register(_ENVELOPES, table)
        try:
            yield _ENVELOPES
        finally:
            session.unregister(_ENVELOPES)

    def _reseal_blocks(self, journal: Journal) -> None:
        """All blocks under the keys that are to go, without the lines of the patients, under new keys."""
        tables, found = self._means.tables, journal.found
        for table in BLOCKS.values():
            column = SealedColumn(table, "payload", lambda row: str(row["block_id"]).encode())
            if not found.keys or not self._finder.holds(table):
                continue
            where = column.under(found.keys)
            tables.session.refresh()
            sealing = Resealing(self._means.sealer)
            like = tables.session.sql(f"SELECT * FROM {quote_table(table)} LIMIT 0").schema
            # They are in the lines that go: asked for before any does, and not by threads.
            clear = self._finder.names_of(found.persons) if found.masked.get(table) else {}
            renew = partial(self._renewed, found, clear, table, sealing)
            staged: list[StagedFile] = []
            for group in block_groups(tables.session, table, where):
                sealing.prepare(each["payload"] for each in group)
                rows = [row for row in in_threads(renew, group) if row is not None]
                if rows:
                    staged += tables.stage(table, as_table(rows, like))
            tables.expunge(table, where, CommitStamp(journal.seals_commit), instead=staged)
            failpoint("erasure.blocks-resealed")

    def _renewed(
        self, found: Found, clear: Mapping[str, Clear], table: str, sealing: Resealing, row: Record
    ) -> Record | None:
        """A block as it goes on; None of one of which no line is left."""
        name = row["block_id"]
        changes = dict.fromkeys(found.lines.get(table, {}).get(name, ()), BLANK)
        masked = found.masked.get(table, {}).get(name, ())
        if masked:
            lines, names = lines_in(self._means.sealer, row), clear[row["source"]].names
            changes |= {at: without(lines[at], names) for at in masked}
        return sealing.block(row, changes)

    def _reseal_columns(self, journal: Journal) -> None:
        """Refused rows, paths and texts: the patients' go, others under the same keys are sealed anew."""
        found = journal.found
        for column in sealed_columns(self._means.plan):
            if found.keys and self._finder.holds(column.dataset):
                self._reseal_column(journal, column)
                failpoint("erasure.column-resealed")

    def _reseal_column(self, journal: Journal, column: SealedColumn) -> None:
        tables, found = self._means.tables, journal.found
        tables.session.refresh()
        refused = found.refused.get(column.dataset)
        gone = refused_where(refused) if refused else "FALSE"
        under = column.under(found.keys)
        rows = tables.session.sql(
            f"SELECT * FROM {quote_table(column.dataset)} WHERE {under} AND NOT ({gone})"
        )
        if not len(rows) and not refused:
            return
        sealing = Resealing(self._means.sealer)
        records = rows.to_pylist()
        sealing.prepare(row[column.column] for row in records)
        pathless = set(found.files) if column.dataset == FILES else set()
        for row in records:
            if (row["commit_id"], row.get("file")) in pathless:
                row[column.column] = None
            else:
                row[column.column] = sealing.renewed(row[column.column], column.context(row))
        staged = tables.stage(column.dataset, as_table(records, rows.schema)) if records else []
        self._expunge(journal, column.dataset, f"({under}) OR ({gone})", journal.seals_commit, staged)

    def _remove_objects(self, journal: Journal) -> None:
        store = self._means.store
        for name in journal.found.objects if store else ():
            key = store.key(name) if store else None
            if store and key:
                self._note_destroyed(journal, [key])
                self._means.sealer.destroy(key)
                store.remove(name)
                failpoint("erasure.object-removed")

    def _recompute(self, journal: Journal) -> None:  # noqa: ARG002 - one signature for all
        self._means.tables.session.refresh()
        self._means.recompute()

    def _forget(self, journal: Journal) -> None:
        if journal.patients and self._finder.holds(IDENTITIES):
            stamp = self._stamp(journal, IDENTITIES, journal.rows_commit)
            self._note_destroyed(journal, self._means.forget(journal.patients, stamp))
        if self._finder.holds(IDENTITIES):
            self._expunge(journal, IDENTITIES, "FALSE", journal.seals_commit)
        if journal.patients:
            self._forget_amendments(journal)
            self.holds.forget(journal.patients)

    def _forget_amendments(self, journal: Journal) -> None:
        """What patients asked to be amended, each under a key of its own."""
        tables = self._means.tables
        if not self._finder.holds(AMENDMENTS):
            return
        tables.session.refresh()
        where = f"patient_key IN ({', '.join(map(quote_text, journal.patients))})"
        found = tables.session.sql(
            f"SELECT DISTINCT {sealing_key_sql('text')} FROM {quote_table(AMENDMENTS)} "
            f"WHERE text IS NOT NULL AND {where}"
        )
        keys = found[0].to_pylist()
        self._note_destroyed(journal, keys)
        for key in keys:
            self._means.sealer.destroy(key)
        tables.expunge(AMENDMENTS, where, CommitStamp(journal.rows_commit))

    def _note_destroyed(self, journal: Journal, keys: Sequence[str]) -> None:
        journal.destroyed += [key for key in keys if key not in journal.destroyed]
        self._journals.write(journal)

    def _purged(self, journal: Journal) -> Sequence[str]:
        """The tables whose past goes: where patients do, all that may have held them; else what lost rows."""
        if journal.patients:
            return self._tables()
        found = journal.found
        blocks = [table for table, lines in found.lines.items() if lines]
        return [*found.rows, *(each for each in blocks if each not in found.rows)]

    def _tables(self) -> Sequence[str]:
        """The tables that hold patients, held them, or count them."""
        plan = self._means.plan
        named = [
            *(each.dataset for each in self._finder.reach),
            *BLOCKS.values(),
            *(column.dataset for column in sealed_columns(plan)),
            *(step.dataset for step in plan.steps),
            AMENDMENTS,
            IDENTITIES,
            LEGAL_HOLDS,
        ]
        return [name for name in dict.fromkeys(named) if self._finder.holds(name)]

    def _purge(self, journal: Journal) -> None:
        known = {each["path"] for each in journal.deleted}
        root = f"{self._means.lake}/"

        def tell(files: Sequence[Any]) -> None:
            told = [{**each.to_json(), "path": each.path.removeprefix(root)} for each in files]
            journal.deleted += [each for each in told if each["path"] not in known]
            known.update(each["path"] for each in told)
            self._journals.write(journal)

        for name in self._purged(journal):
            self._means.tables.purge(name, tell)
            failpoint("erasure.table-purged")
        self._means.tables.session.refresh()

    def _destroy(self, journal: Journal) -> None:
        self._note_destroyed(journal, journal.found.keys)
        for key in journal.found.keys:
            self._means.sealer.destroy(key)
            failpoint("erasure.key-destroyed")

    def _require_gone(self, journal: Journal) -> None:
        session, left = self._means.tables.session, []
        with self._finder.keys(journal.patients) as keys:
            for held in self._finder.reach:
                if self._finder.holds(held.dataset):
                    counted = session.sql(
                        f"SELECT count(*) AS n FROM {quote_table(held.dataset)} WHERE {held.where(keys)}"
                    )
                    left += [held.dataset] if counted["n"][0].as_py() else []
        for dataset, where in journal.conditions.items():
            counted = session.sql(f"SELECT count(*) AS n FROM {quote_table(dataset)} WHERE {where}")
            left += [dataset] if counted["n"][0].as_py() else []
        if left:
            raise OperatorError(
                "erasure-incomplete",
                "Something of what was to be erased is still there",
                where=", ".join(left),
                next_step="end what else writes to the lake, then run `a360 erase --resume`",
            )

    def _certify(self, journal: Journal) -> Erasure:
        """Sign what was done, and put its digest on record; the journal goes last."""
        means, found = self._means, journal.found
        content = self._certificate(journal)
        path = self._journals.certificate(journal.erasure_id)
        if path.exists():
            content = path.read_text()
        else:
            self._journals.certify(journal.erasure_id, content, means.audit.certify(content.encode()))
        failpoint("erasure.certified")
        self._record(
            journal,
            "done",
            {
                "certificate": hashlib.sha256(content.encode()).hexdigest(),
                "destroyed_keys": " ".join(journal.destroyed),
            },
        )
        failpoint("erasure.recorded")
        self._journals.end(journal)
        size = len(journal.deleted), sum(each["bytes"] for each in journal.deleted)
        return replace(
            erasure_of(journal.patients, found, size),
            keys=len(journal.destroyed),
            erasure_id=journal.erasure_id,
            certificate=str(path),
        )

    def _certificate(self, journal: Journal) -> str:
        found = journal.found
        told = {
            "format": FORMAT,
            "erasure_id": journal.erasure_id,
            "subjects": [self._means.audit.subject(each) for each in journal.patients],
            "cause": journal.cause,
            "by": journal.by,
            "begun_at": journal.begun_at,
            "completed_at": datetime.now(UTC).isoformat(),
            "rows": found.rows,
            "lines": counts(found.lines),
            "masked_resources": counts(found.masked),
            "objects": found.objects,
            "destroyed_keys": journal.destroyed,
            "deleted_files": journal.deleted,
        }
        return json.dumps(told, indent=2)

    def _record(self, journal: Journal, outcome: str, details: Mapping[str, str]) -> None:
        means = self._means
        means.audit.record(
            AuditEvent(
                datetime.now(UTC),
                means.by,
                "erase",
                sorted(journal.found.rows),
                outcome,
                details={"erasure": journal.erasure_id, **details},
                subjects=[means.audit.subject(each) for each in journal.patients],
                rows=sum(journal.found.rows.values()),
            )
        )
