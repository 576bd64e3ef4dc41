"""Rows of patients, and rows that are too old, taken out of tables, which go on standing on what is left."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import ERASED, GoldStep, quote_table
from a360.engine import StagedFile
from a360.failpoints import failpoint
from a360.trust.erasure._find import Finder, rows_where
from a360.trust.erasure._journal import Journal
from a360.trust.erasure._means import Means
from a360.trust.erasure._sealed import BLOCKS
from a360.trust.erasure._suppressed import digests_of

_ROWS: Final = "erasing_rows"


class Rows:
    """Takes rows out."""

    def __init__(self, means: Means, finder: Finder) -> None:
        self._means = means
        self._finder = finder

    def suppress(self, journal: Journal) -> None:
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
        tables = self._means.tables
        tables.session.refresh()
        if self._finder.holds(ERASED):
            # What an erasure before has made known stays its own: this one may yet be withdrawn.
            with self._registered(rows) as relation:
                rows = tables.session.sql(
                    f"SELECT * FROM {relation} ANTI JOIN {quote_table(ERASED)} USING (kind, digest)"
                )
        if rows.num_rows:
            tables.append(ERASED, rows, CommitStamp(journal.rows_commit))

    def take(self, journal: Journal) -> None:
        """Envelopes first; then silver; then gold from the last to the first, as rows are found by others."""
        tables, plan = self._means.tables, self._means.plan
        for dataset, rows in journal.found.envelopes.items():
            commits, arrivals = zip(*rows, strict=True)
            going = pa.table({"commit_id": pa.array(commits), "arrival": pa.array(arrivals, pa.int64())})
            with self._registered(going) as relation:
                where = f"(commit_id, arrival) IN (SELECT commit_id, arrival FROM {relation})"
                tables.expunge(dataset, where, CommitStamp(journal.rows_commit))
        reach = {each.dataset: each for each in self._finder.reach if each.dataset not in BLOCKS}
        with self._finder.keys(journal.patients) as keys:
            for dataset in self._in_order([*reach, *journal.conditions]):
                held = reach.get(dataset)
                own = rows_where(plan, held, keys, journal.found.units) if held else "FALSE"
                where = f"({own}) OR ({journal.conditions.get(dataset, 'FALSE')})"
                self.expunge(journal, dataset, where, journal.rows_commit)
                failpoint("erasure.rows-taken")

    def _in_order(self, datasets: Sequence[str]) -> Sequence[str]:
        """Every computed dataset, in the order in which rows go, and the others after them."""
        steps = [each.dataset for each in self._means.plan.steps if self._finder.holds(each.dataset)]
        gold = [name for name in steps if name.startswith("gold.")]
        silver = [name for name in steps if name not in gold]
        others = [name for name in dict.fromkeys(datasets) if name not in (*steps, *BLOCKS)]
        return [*silver, *reversed(gold), *others]

    @contextmanager
    def _registered(self, rows: pa.Table) -> Iterator[str]:
        session = self._means.tables.session
        session.register(_ROWS, rows)
        try:
            yield _ROWS
        finally:
            session.unregister(_ROWS)

    def expunge(
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
        stamp = self.stamp(journal, dataset, commit_id)
        done = tables.expunge(dataset, where, stamp, instead=instead)
        if done.snapshot_id is None and stamp.upstream and dict(stamp.upstream) != self._upstream(dataset):
            # No row went, but what it was made from is not there any more by the name it had.
            nothing = tables.session.sql(f"SELECT * FROM {quote_table(dataset)} LIMIT 0")
            tables.append(dataset, nothing, stamp)

    def _upstream(self, dataset: str) -> dict[str, str]:
        return dict(self._means.tables.standing_stamp(dataset)[0])

    def stamp(self, journal: Journal, dataset: str, commit_id: str) -> CommitStamp:
        """A stamp by which a dataset stands on its upstream datasets as the erasure has left them.

        Gold that is computed as a whole says nothing, and is computed anew: it may count the patients.
        """
        tables = self._means.tables
        step = next((each for each in self._means.plan.steps if each.dataset == dataset), None)
        if isinstance(step, GoldStep) and step.refresh.mode == "replace":
            return CommitStamp(commit_id)
        upstream, more = tables.standing_stamp(dataset)
        stands = {}
        for name, snapshot_id in upstream.items():
            since = tables.commits_since(name, snapshot_id)
            current = tables.current_snapshot_id(name)
            only_ours = since is not None and set(since) <= journal.commits
            stands[name] = current if current and only_ours else snapshot_id
        return CommitStamp(commit_id, stands, {}, more)

    def left(self, journal: Journal) -> list[str]:
        """The datasets that still hold something of what was to go, and the files beside them."""
        with self._finder.keys(journal.patients) as keys:
            held = {each.dataset: each.where(keys) for each in self._finder.reach}
            found = [name for name, where in held.items() if self._any(name, where)]
        store = self._means.store
        found += [f"object {name}" for name in journal.found.objects if store and store.holds(name)]
        return found + [name for name, where in journal.conditions.items() if self._any(name, where)]

    def _any(self, dataset: str, where: str) -> bool:
        if not self._finder.holds(dataset):
            return False
        query = f"SELECT count(*) AS n FROM {quote_table(dataset)} WHERE {where}"
        return bool(self._means.tables.session.sql(query)["n"][0].as_py())
