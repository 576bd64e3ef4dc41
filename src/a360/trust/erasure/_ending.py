"""What an erasure does last, because nobody can undo it: files, keys, and the past of the tables."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import AMENDMENTS, IDENTITIES, LEGAL_HOLDS, quote_table, quote_text
from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.protect import PERSON_TYPES, sealing_key_sql
from a360.table import PurgedFile
from a360.trust.erasure._find import RESOURCES, Finder
from a360.trust.erasure._holds import LegalHolds
from a360.trust.erasure._journal import Journal, Journals
from a360.trust.erasure._means import Means
from a360.trust.erasure._rows import Rows
from a360.trust.erasure._sealed import BLOCKS, sealed_columns

_MASKED: Final = "erasure_masked"
_PEOPLE: Final = (
    f"block_id IS NOT NULL AND resource_type IN ({', '.join(map(quote_text, sorted(PERSON_TYPES)))})"
)


class Ending:
    """Lets go for good. Each key and file is in the journal before it goes."""

    def __init__(
        self, means: Means, finder: Finder, journals: Journals, holds: LegalHolds, rows: Rows
    ) -> None:
        self._means = means
        self._finder = finder
        self._journals = journals
        self._holds = holds
        self._rows = rows

    def begin(self, journal: Journal) -> None:
        """Note that from here on nothing comes back."""
        if not journal.closing:
            self._journals.note(journal, closing=True)

    def objects(self, journal: Journal) -> None:
        """Files beside the tables, each with its key."""
        store = self._means.store
        names = [name for name in journal.found.objects if store and store.holds(name)]
        if store is None or not names:
            return
        self._destroy_keys(journal, [key for name in names if (key := store.key(name))])
        for name in names:
            store.remove(name)
            failpoint("erasure.object-removed")

    def identities(self, journal: Journal) -> None:
        """What the vault knows, what was asked to be amended, and holds that were released."""
        if self._finder.holds(IDENTITIES):
            if journal.patients:
                self._forget(journal)
            self._rows.expunge(journal, IDENTITIES, "FALSE", journal.seals_commit)
        if journal.patients:
            self._amendments(journal)
            self._holds.forget(journal.patients)

    def _forget(self, journal: Journal) -> None:
        """People go from the vault; others, whose records named them, are kept anew as bronze has them."""
        vault, others, again = self._means.vault, self._named_by(journal), None
        if self._finder.holds(RESOURCES):
            again = f"SELECT resource_id, known_at, arrival FROM {quote_table(RESOURCES)} WHERE {_PEOPLE}"
        self._journals.note(journal, destroyed=[*vault.keys_of(journal.patients, others, again)])
        stamp = self._rows.stamp(journal, IDENTITIES, journal.rows_commit)
        gone = vault.forget(journal.patients, stamp, others, again)
        failpoint("erasure.vault-forgot")
        self._journals.note(journal, destroyed=[*gone])
        self._means.keep_again()

    def _named_by(self, journal: Journal) -> list[str]:
        """The keys of people whose records are masked."""
        masked = journal.found.masked.get(BLOCKS[RESOURCES], {})
        if not masked:
            return []
        places = pa.table(
            {
                "block_id": [block for block, lines in masked.items() for _ in lines],
                "position": pa.array([at for lines in masked.values() for at in lines], pa.int64()),
            }
        )
        session = self._means.tables.session
        session.register(_MASKED, places)
        try:
            found = session.sql(
                f"SELECT DISTINCT resource_id FROM {quote_table(RESOURCES)} WHERE {_PEOPLE} "
                f'AND (block_id, "position") IN (SELECT block_id, "position" FROM {_MASKED})'
            )
        finally:
            session.unregister(_MASKED)
        return [str(each) for each in found[0].to_pylist()]

    def _amendments(self, journal: Journal) -> None:
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
        self._destroy_keys(journal, found[0].to_pylist())
        tables.expunge(AMENDMENTS, where, CommitStamp(journal.rows_commit))

    def past(self, journal: Journal) -> None:
        """Every snapshot but the current one, with the files that it alone reached."""
        root = f"{self._means.lake}/"

        def tell(files: Sequence[PurgedFile]) -> None:
            told = [{**each.to_json(), "path": each.path.removeprefix(root)} for each in files]
            new = [each for each in told if each["path"] not in journal.deleted]
            if new:
                self._journals.note(journal, deleted=new)

        for name in self._purged(journal):
            self._means.tables.purge(name, tell)
            self._journals.note(journal, purged=[name])
            failpoint("erasure.table-purged")
        self._means.tables.session.refresh()

    def _purged(self, journal: Journal) -> Sequence[str]:
        """The tables whose past goes: where patients do, all that may have held them; else what lost rows."""
        if journal.patients:
            return self.tables()
        found = journal.found
        blocks = [table for table, lines in found.lines.items() if lines]
        return [*found.rows, *(each for each in blocks if each not in found.rows)]

    def tables(self) -> Sequence[str]:
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

    def keys(self, journal: Journal) -> None:
        """The keys under which what is gone lay, and the ids that the journal was given."""
        self._destroy_keys(journal, journal.found.keys)

    def standing_keys(self, journal: Journal) -> list[str]:
        """The keys that were to be destroyed and open something still: a certificate must not name them."""
        return [f"key {each}" for each in journal.destroyed if self._opens(each)]

    def _opens(self, key_id: str) -> bool:
        try:
            self._means.sealer.resumed([key_id])
        except OperatorError as error:
            if error.code.slug in {"key-destroyed", "key-missing"}:
                return False
            raise
        return True

    def _destroy_keys(self, journal: Journal, keys: Sequence[str]) -> None:
        """Destroy keys, which are on record before, here as in the audit log."""
        if keys:
            self._journals.note(journal, destroyed=list(keys))
            self._means.sealer.destroy(*keys)
            failpoint("erasure.keys-destroyed")
