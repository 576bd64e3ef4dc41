"""Erasure: what a lake holds of patients, taken out of every place and out of the past.

The order is one in which whoever dies leaves what a second call completes. The journal stands before anything
goes; envelopes go before the lines they name, rows before what lists them is sealed anew, the past before the
keys; and a step that was taken already finds nothing to do. What can be undone is done before what cannot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from a360.contract import quote_text
from a360.errors import OperatorError, UsageError
from a360.failpoints import failpoint
from a360.table import new_commit_id
from a360.trust.erasure._certificate import Certificates
from a360.trust.erasure._ending import Ending
from a360.trust.erasure._find import Finder
from a360.trust.erasure._halting import Halted, Halting
from a360.trust.erasure._holds import LegalHolds, require_matter
from a360.trust.erasure._journal import Found, Journal, Journals
from a360.trust.erasure._means import Erasure, Means, erasure_of
from a360.trust.erasure._names import sealed_names
from a360.trust.erasure._retention import aged, find_aged
from a360.trust.erasure._rows import Rows
from a360.trust.erasure._seals import Seals
from a360.trust.erasure._search import find

OUR_FORMATS: Final = (1, 2)

type Named = Mapping[str, Sequence[str]]
"""Ids of patients in clear, by source."""


class Eraser:
    """Erases patients from a lake."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._finder = Finder(means.plan, means.tables, means.sealer, means.tokenizer, means.store)
        self._journals = Journals(means.lake)
        self.holds = LegalHolds(means.tables, means.audit, means.by)
        self._certificates = Certificates(means, self._journals)
        self._halting = Halting(means, self._journals, self.holds, self._certificates)
        self._rows = Rows(means, self._finder)
        self._seals = Seals(means, self._finder, self._rows)
        self._ending = Ending(means, self._finder, self._journals, self.holds, self._rows)

    def look(self, patients: Sequence[str], named: Named) -> Erasure:
        """What erasing patients, and whose records were merged with theirs, would take.

        Raises:
            UsageError: it would take rows of a table that only the engine writes.
        """
        together = self._finder.together(patients)
        found = find(self._finder, together, named)
        self._require_ours(found)
        return self._looked(together, found)

    def _looked(self, patients: Sequence[str], found: Found) -> Erasure:
        tables = self._ending.tables()
        named = {name: names for name in tables if (names := self._means.tables.past_names(name))}
        return replace(erasure_of(patients, found, self._size()), references=named)

    def _size(self) -> tuple[int, int]:
        """Files and bytes that would be deleted or written anew."""
        infos = [self._means.tables.info(name) for name in self._ending.tables()]
        return sum(each.files for each in infos), sum(each.bytes for each in infos)

    def erase(self, patients: Sequence[str], named: Named, cause: str) -> Erasure:
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
        return self._begin(together, cause, find(self._finder, together, named), named=named)

    def look_aged(self, now: datetime) -> Erasure:
        """What is older than its contract keeps it."""
        found = find_aged(self._finder, self._aged(now))
        self._require_ours(found)
        return self._looked([], found)

    def erase_aged(self, now: datetime) -> Erasure | None:
        """Let go of rows that are older than their contracts keep them; None where none is.

        Data of patients on legal hold stays.
        """
        self.resume()
        conditions = self._aged(now)
        found = find_aged(self._finder, conditions)
        if found.is_empty:
            return None
        conditions = {name: conditions[name] for name in found.rows if name in conditions}
        return self._begin([], "retention", found, conditions=conditions)

    def _aged(self, now: datetime) -> dict[str, str]:
        held = sorted({each.patient_key for each in self.holds.standing()})
        together = self._finder.together(held)
        keys = f"(VALUES {', '.join(f'({quote_text(each)})' for each in together)}) AS held(patient_key)"
        theirs = {each.dataset: each.where(keys) for each in self._finder.reach} if together else {}
        there = [table.dataset for table in self._means.plan.tables if self._finder.holds(table.dataset)]
        return aged(self._means.plan, together, now, {name: theirs.get(name) for name in there})

    def _begin(
        self,
        patients: Sequence[str],
        cause: str,
        found: Found,
        *,
        named: Named | None = None,
        conditions: Mapping[str, str] | None = None,
    ) -> Erasure:
        self._require_ours(found)
        erasure_id, seals_commit = new_commit_id(), new_commit_id()
        names = sealed_names(self._means.sealer, erasure_id, named or {})
        if names is not None:
            found.keys.append(names[1])
        journal = Journal(
            erasure_id,
            seals_commit,
            datetime.now(UTC).isoformat(),
            self._means.by,
            cause,
            list(patients),
            found,
            dict(conditions or {}),
            names[0] if names else None,
        )
        self._certificates.record(journal, "allowed", {"cause": cause})
        self._journals.write(journal)
        failpoint("erasure.begun")
        return self._complete(journal)

    def _require_ours(self, found: Found) -> None:
        """Refuse before anything goes where a table that only the engine writes would have to be written."""
        tables = self._means.tables
        theirs = [
            table.dataset
            for table in self._means.plan.tables
            if table.format_version not in OUR_FORMATS
            and self._finder.holds(table.dataset)
            and (
                table.dataset in {*found.rows, *found.lines, *found.masked}
                or tables.has_delete_files(table.dataset)
            )
        ]
        if theirs:
            raise UsageError(
                "usage",
                "The engine alone writes tables of format version 3, so that nothing is erased there",
                where=", ".join(theirs),
                next_step="make the table anew with `a360.formatVersion` 2 in its contract, then erase",
            )

    def halt(self) -> Sequence[Halted]:
        """Stop erasures of patients on hold that ended half way: undone where that is possible."""
        return self._halting.halt()

    def resume(self) -> Sequence[Erasure]:
        """Complete the erasures that were begun and are not done, but for those that a hold has withdrawn.

        Raises:
            DeniedError: `legal-hold`; one that is held can neither be undone nor completed.
        """
        self._halting.require_none()
        return [self._complete(journal) for journal in self._journals.begun()]

    def _complete(self, journal: Journal) -> Erasure:
        for name, step in (
            ("suppress", self._rows.suppress),
            ("take_rows", self._rows.take),
            ("reseal_blocks", self._seals.blocks),
            ("reseal_columns", self._seals.columns),
            ("recompute", self._recompute),
            ("begin_end", self._ending.begin),
            ("remove_objects", self._ending.objects),
            ("forget", self._ending.identities),
            ("purge", self._ending.past),
            ("destroy", self._ending.keys),
        ):
            step(journal)
            failpoint(f"erasure.{name}")
        left = [*self._rows.left(journal), *self._ending.standing_keys(journal)]
        if left:
            raise OperatorError(
                "erasure-incomplete",
                "Something of what was to be erased is still there",
                where=", ".join(left),
                next_step="end what else writes to the lake, then run `a360 erase --resume`",
            )
        return self._certificates.certify(journal)

    def _recompute(self, journal: Journal) -> None:  # noqa: ARG002 - one signature for all
        self._means.tables.session.refresh()
        self._means.recompute()
