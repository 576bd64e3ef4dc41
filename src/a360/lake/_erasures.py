"""Erasure and legal holds, as jobs of a lake."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from a360.contract import GoldStep
from a360.errors import UsageError
from a360.lake._asker import account
from a360.operate import RunRecord
from a360.trust.erasure import (
    Eraser,
    Erasure,
    Halted,
    LegalHold,
    LegalHolds,
    Means,
    age_limit,
    tokens_of,
)

if TYPE_CHECKING:
    from a360.lake._parts import Parts

_DIGITS = frozenset("0123456789abcdef")
_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that was placed, and what had become of the patient's data before.

    `halted` are the erasures that had begun to take it and ended half way.
    """

    hold: LegalHold
    halted: Sequence[Halted]

    def to_json(self) -> dict[str, Any]:
        """The hold as JSON, with the erasures that it stopped."""
        return {**self.hold.to_json(), "halted": [each.to_json() for each in self.halted]}


class Erasures:
    """Takes patients out of a lake for good.

    Patients are named by their keys, or by the ids that sources know them by: those stand in no table, file
    or log in clear, and are searched for in texts whose patient nothing else tells.
    """

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def key_of(self, source: str, logical_id: str) -> str:
        """The key of a patient by the id that a source knows them by."""
        return tokens_of(self._parts.tokenizer, source, [logical_id])[0]

    def one_of(self, patients: Sequence[str]) -> str:
        """The one patient that was named; UsageError for none or several."""
        wanted = _keys(patients)
        if len(wanted) > 1:
            raise UsageError("usage", "Several patients were named", next_step="name one at a time")
        return wanted[0]

    def look(self, *patients: str, named: Mapping[str, Sequence[str]] | None = None) -> Erasure:
        """What erasing patients would take; nothing is changed. `named` are ids by source."""
        wanted = self._wanted(patients, named)
        with self._parts.folder.working():
            return self._eraser(None).look(wanted, named or {})

    def erase(
        self, *patients: str, named: Mapping[str, Sequence[str]] | None = None, cause: str = "request"
    ) -> Erasure:
        """Erase patients, and those whose records were merged with theirs. `named` are ids by source.

        Raises:
            DeniedError: `legal-hold`; nothing was changed.
            UsageError: what is given is no patient's key.
        """
        wanted = self._wanted(patients, named)
        with self._job("erase") as (eraser, _):
            return eraser.erase(wanted, named or {}, cause)

    def _wanted(self, patients: Sequence[str], named: Mapping[str, Sequence[str]] | None) -> list[str]:
        told = ((source, each) for source, ids in (named or {}).items() for each in ids)
        return _keys([*patients, *(self.key_of(source, each) for source, each in told)])

    def resume(self) -> Sequence[Erasure]:
        """Complete erasures that were cut short."""
        with self._job("erase") as (eraser, _):
            return eraser.resume()

    def look_aged(self, now: datetime | None = None) -> Erasure:
        """What is older than its contract keeps it; nothing is changed."""
        with self._parts.folder.working():
            return self._eraser(None).look_aged(now or datetime.now(UTC))

    def erase_aged(self, now: datetime | None = None) -> Erasure | None:
        """Let go of what is older than its contract keeps it, and of snapshots that are; None of nothing.

        Data of patients on legal hold stays.
        """
        now = now or datetime.now(UTC)
        with self._job("retention") as (eraser, _):
            done = eraser.erase_aged(now)
            self._expire(now)
            return done

    def _expire(self, now: datetime) -> None:
        tables = self._parts.tables
        for table in self._parts.plan.tables:
            keeps = table.retention
            if keeps.snapshots is not None and tables.current_snapshot_id(table.dataset) is not None:
                oldest = age_limit(keeps.snapshots, now)
                tables.expire(table.dataset, oldest, keep=keeps.keep_snapshots)

    def hold(self, patient: str, matter: str) -> Held:
        """Hold the data of a patient; one that an erasure has begun to take is kept as far as it can be."""
        wanted = _keys([patient])[0]
        with self._job("hold") as (eraser, _):
            hold = eraser.holds.place(wanted, matter)
            return Held(hold, eraser.halt())

    def release(self, hold_id: str) -> LegalHold:
        """Release a hold."""
        with self._parts.jobs.recorded("hold"):
            return self._holds.release(hold_id)

    @property
    def holds(self) -> Sequence[LegalHold]:
        """Every hold, released ones too."""
        return self._holds.all()

    @property
    def _holds(self) -> LegalHolds:
        return LegalHolds(self._parts.tables, self._parts.audit, account(os.geteuid()))

    @contextmanager
    def _job(self, command: str) -> Iterator[tuple[Eraser, RunRecord]]:
        """Work alone in the lake."""
        with self._parts.jobs.recorded(command) as record:
            yield self._eraser(record), record

    def _eraser(self, record: RunRecord | None) -> Eraser:
        parts = self._parts

        def recompute() -> Sequence[str]:
            from a360.refine import refine  # noqa: PLC0415 -- few commands refine

            gold = [step for step in parts.plan.steps if isinstance(step, GoldStep)]
            done: list[str] = []
            with parts.refining("duckdb") as context:
                for outcome in refine(context, gold).outcomes:
                    if record is not None:
                        record.add(outcome.report, outcome.upstream, outcome.quality)
                    done.append(outcome.report.dataset)
            return done

        def keep_again() -> None:
            from a360.refine import refine_identities  # noqa: PLC0415 -- few commands refine

            with parts.refining("duckdb") as context:
                refine_identities(context, parts.vault, missing=True)

        return Eraser(
            Means(
                parts.plan,
                parts.tables,
                parts.sealer,
                parts.tokenizer,
                parts.objects,
                parts.audit,
                parts.folder.path,
                account(os.geteuid()),
                recompute,
                parts.vault,
                keep_again,
            )
        )


def _keys(patients: Sequence[str]) -> list[str]:
    """Patients' keys; what is none is not told again, as it may be a name."""
    if not patients or any(len(each) != _KEY_LENGTH or not _DIGITS.issuperset(each) for each in patients):
        raise UsageError(
            "usage",
            "What was given is no patient's key",
            found="a key has 32 of the digits 0-9 and a-f",
            next_step="give the patient_key, or the id in a source with --source and --id",
        )
    return sorted(set(patients))
