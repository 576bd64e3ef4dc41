"""Holds that are placed on what an erasure has begun to take: what can be kept is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from a360.catalog import CommitStamp
from a360.contract import ERASED, GoldStep, quote_text
from a360.errors import DeniedError
from a360.failpoints import failpoint
from a360.table import new_commit_id
from a360.trust.erasure._certificate import Certificates
from a360.trust.erasure._holds import LegalHold, LegalHolds
from a360.trust.erasure._journal import Journal, Journals
from a360.trust.erasure._means import Means


@dataclass(frozen=True, slots=True)
class Halted:
    """An erasure that had begun, and does not go on while a hold stands.

    One that was `withdrawn` left everything as it was before. Of another one, so many keys, files beside the
    tables and pasts of tables are gone for good.
    """

    erasure_id: str
    withdrawn: bool
    keys: int = 0
    objects: int = 0
    tables: int = 0

    def to_json(self) -> dict[str, Any]:
        """The erasure as JSON."""
        return asdict(self)

    @property
    def gone(self) -> str:
        """What is gone for good, in words."""
        return f"{self.keys} keys, {self.objects} files beside the tables, the past of {self.tables} tables"


class Halting:
    """Stops erasures that had begun and ended half way, where a hold says so."""

    def __init__(
        self, means: Means, journals: Journals, holds: LegalHolds, certificates: Certificates
    ) -> None:
        self._means = means
        self._journals = journals
        self._holds = holds
        self._certificates = certificates

    def halt(self) -> Sequence[Halted]:
        """Withdraw what is held and can be undone; say of the rest what is gone."""
        standing = self._holds.standing()
        held = [each for each in self._journals.begun() if _concern(each, standing)]
        return [self._halted(journal) for journal in held]

    def require_none(self) -> None:
        """Refuse to go on with what is held and cannot be undone.

        Raises:
            DeniedError: `legal-hold`.
        """
        stopped = [each for each in self.halt() if not each.withdrawn]
        if stopped:
            raise DeniedError(
                "legal-hold",
                "A legal hold stands on what an erasure has begun to take, and nothing more is erased",
                where=", ".join(each.erasure_id for each in stopped),
                found="; ".join(f"gone for good: {each.gone}" for each in stopped),
                next_step="keep the lake as it is: earlier snapshots hold the rest; once the matter is "
                "closed, release the hold and run `a360 erase --resume`",
            )

    def _halted(self, journal: Journal) -> Halted:
        before = None if journal.closing else self._before(journal)
        if before is None:
            store = self._means.store
            gone = [each for each in journal.found.objects if store and not store.holds(each)]
            counts = len(journal.destroyed), len(gone), len(journal.purged)
            return Halted(journal.erasure_id, False, *counts)
        self._undo(journal, before)
        return Halted(journal.erasure_id, withdrawn=True)

    def _before(self, journal: Journal) -> dict[str, tuple[str, str]] | None:
        """Where each table that it changed stands and stood; None where somebody has written there since."""
        tables, found = self._means.tables, {}
        for name in tables.list():
            line = [(each.snapshot_id, each.commit_id) for each in tables.snapshots(name)]
            ours = [commit_id in journal.commits for _, commit_id in line]
            if name == ERASED or name in self._computed_whole() or not any(ours):
                continue
            count = ours.index(False) if False in ours else len(ours)
            if count == len(line) or any(ours[count:]):
                return None
            found[name] = (line[0][0], line[count][0])
        return found

    def _computed_whole(self) -> set[str]:
        steps = [each for each in self._means.plan.steps if isinstance(each, GoldStep)]
        return {each.dataset for each in steps if each.refresh.mode == "replace"}

    def _undo(self, journal: Journal, before: dict[str, tuple[str, str]]) -> None:
        """Have every table stand where it stood; whoever dies in between has the next call go on."""
        tables = self._means.tables
        for name, (now, then) in before.items():
            tables.rollback(name, then, base=now)
            failpoint("erasure.rolled-back")
        tables.session.refresh()
        if tables.current_snapshot_id(ERASED) is not None:
            where = f"erasure_id = {quote_text(journal.erasure_id)}"
            tables.expunge(ERASED, where, CommitStamp(new_commit_id()))
            tables.session.refresh()
        self._means.recompute()
        self._certificates.record(journal, "failed", {"withdrawn": "legal-hold"})
        self._journals.end(journal)


def _concern(journal: Journal, holds: Sequence[LegalHold]) -> bool:
    """Whether one of the holds is on what an erasure takes; what went for its age may be anybody's."""
    if journal.patients:
        return any(each.patient_key in journal.patients for each in holds)
    return any(each.placed_at.isoformat() > journal.begun_at for each in holds)
