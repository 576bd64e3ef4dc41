"""Erasure: what a lake holds of patients, taken out of every place and out of the past.

The order is one in which whoever dies leaves what a second call completes. The journal stands before anything
goes; envelopes go before the lines they name, rows before what lists them is sealed anew, the past before the
keys; and a step that was taken already finds nothing to do.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import ERASED, IDENTITIES, LEGAL_HOLDS, GoldStep, LakePlan, quote_table
from a360.engine import StagedFile
from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.objects import ObjectStore
from a360.protect import AuditEvent, Sealer, Tokenizer
from a360.table import Tables, new_commit_id
from a360.trust.audit import LocalAuditLog
from a360.trust.erasure._find import Clear, Finder, refused_where, rows_where
from a360.trust.erasure._holds import LegalHolds, require_matter
from a360.trust.erasure._journal import Found, Journal, Journals
from a360.trust.erasure._mentions import without
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
from a360.trust.erasure._suppressed import digests_of

_ENVELOPES: Final = "erasing_envelope"
FORMAT: Final = "a360-erasure-1"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure would take, or has taken.

    `rows` tells how many of each dataset. Of one that is done, `certificate` is where that lies.
    """

    patients: Sequence[str]
    rows: Mapping[str, int]
    blocks: int
    masked: int
    objects: int
    files: int
    bytes: int
    keys: int
    erasure_id: str | None = None
    certificate: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The erasure as JSON."""
        return {
            "erasure_id": self.erasure_id,
            "patients": list(self.patients),
            "rows": dict(self.rows),
            "blocks": self.blocks,
            "masked_resources": self.masked,
            "objects": self.objects,
            "files": self.files,
            "bytes": self.bytes,
            "keys": self.keys,
            "certificate": self.certificate,
        }


@dataclass(frozen=True, slots=True)
class Means:
    """What erasures work with.

    Attributes:
        plan: What the lake is.
        tables: Its tables, which nobody else writes to meanwhile.
        sealer: Opens, seals anew, and destroys keys.
        tokenizer: Makes the digests by which what was erased is recognised.
        store: The files beside the tables.
        audit: Where erasures are on record.
        lake: The lake's folder.
        by: The account that erases.
        recompute: Brings gold up to date with what is left; the datasets that it wrote.
        forget: Has the vault forget patients, under a commit; the keys that it destroyed.
    """

    plan: LakePlan
    tables: Tables
    sealer: Sealer
    tokenizer: Tokenizer
    store: ObjectStore | None
    audit: LocalAuditLog
    lake: Path
    by: str
    recompute: Callable[[], Sequence[str]]
    forget: Callable[[Sequence[str], CommitStamp], Sequence[str]]


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
        return _told(together, self._finder.find(together), self._size())

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
        means, together = self._means, self._finder.together(patients)
        self.holds.require_none(together)
        journal = Journal(
            new_commit_id(),
            new_commit_id(),
            datetime.now(UTC).isoformat(),
            means.by,
            cause,
            together,
            self._finder.find(together),
        )
        self._record(journal, "allowed", {"cause": cause})
        self._journals.write(journal)
        failpoint("erasure.begun")
        return self._complete(journal)

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
        others = [name for name in reach if name not in steps]
        with self._finder.keys(journal.patients) as keys:
            for dataset in (
                *silver,
                *reversed([name for name in steps if name.startswith("gold.")]),
                *others,
            ):
                held = reach.get(dataset)
                where = rows_where(plan, held, keys, journal.found.units) if held else "FALSE"
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
        if self._finder.holds(IDENTITIES):
            stamp = self._stamp(journal, IDENTITIES, journal.rows_commit)
            self._note_destroyed(journal, self._means.forget(journal.patients, stamp))
            self._expunge(journal, IDENTITIES, "FALSE", journal.seals_commit)
        self.holds.forget(journal.patients)

    def _note_destroyed(self, journal: Journal, keys: Sequence[str]) -> None:
        journal.destroyed += [key for key in keys if key not in journal.destroyed]
        self._journals.write(journal)

    def _tables(self) -> Sequence[str]:
        """The tables that hold patients, held them, or count them."""
        plan = self._means.plan
        named = [
            *(each.dataset for each in self._finder.reach),
            *BLOCKS.values(),
            *(column.dataset for column in sealed_columns(plan)),
            *(step.dataset for step in plan.steps),
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

        for name in self._tables():
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
        content = json.dumps(
            {
                "format": FORMAT,
                "erasure_id": journal.erasure_id,
                "subjects": [means.audit.subject(each) for each in journal.patients],
                "cause": journal.cause,
                "by": journal.by,
                "begun_at": journal.begun_at,
                "completed_at": datetime.now(UTC).isoformat(),
                "rows": found.rows,
                "blocks": _counts(found.lines),
                "masked_resources": _counts(found.masked),
                "objects": found.objects,
                "destroyed_keys": journal.destroyed,
                "deleted_files": journal.deleted,
            },
            indent=2,
        )
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
        told = _told(
            journal.patients, found, (len(journal.deleted), sum(each["bytes"] for each in journal.deleted))
        )
        return Erasure(
            told.patients,
            told.rows,
            told.blocks,
            told.masked,
            told.objects,
            told.files,
            told.bytes,
            len(journal.destroyed),
            journal.erasure_id,
            str(path),
        )

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


def _told(patients: Sequence[str], found: Found, size: tuple[int, int]) -> Erasure:
    return Erasure(
        patients,
        dict(sorted(found.rows.items())),
        sum(len(blocks) for blocks in found.lines.values()),
        sum(_counts(found.masked).values()),
        len(found.objects),
        *size,
        len(found.keys),
    )


def _counts(lines: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, int]:
    return {table: sum(map(len, blocks.values())) for table, blocks in lines.items() if blocks}
