"""Jobs: what changes a lake, done alone, on tables as the contracts have them, and on record in `ops`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from a360.contract import LakePlan, TableChange
from a360.errors import A360Error
from a360.operate._catalog_metrics import record_metrics
from a360.operate._folder import LakeFolder
from a360.operate._journal import RunRecord
from a360.operate._lineage import tell_definitions
from a360.operate._rollback import sweep_undone
from a360.operate._schema import LakeSchema
from a360.quality import RuleBlockedError
from a360.settings import Settings
from a360.table import Tables


@dataclass(frozen=True, slots=True)
class Jobs:
    """Does the jobs of one lake.

    Attributes:
        folder: The lake's folder, which a job holds while it works.
        plan: What the contracts ask for.
        fingerprint: The plan's, which takes a moment to compute.
        tables: The lake's tables.
        settings: Where lineage is sent to, if anywhere.
        require_sound: Raises where the contracts have faults that loading does not look for.
        ended: Hears of each job that has ended, and of what it failed of.
    """

    folder: LakeFolder
    plan: LakePlan
    fingerprint: str
    tables: Tables
    settings: Settings
    require_sound: Callable[[], None]
    ended: Callable[[RunRecord, BaseException | None], None] = lambda _record, _failed: None

    def apply(self) -> Sequence[TableChange]:
        """Create and evolve tables as the contracts say; `plan-refused` if data would be lost."""
        with self.folder.working():
            return self._apply()

    def _apply(self) -> Sequence[TableChange]:
        self.require_sound()
        changes = LakeSchema(self.plan, self.tables).apply()
        if self.folder.applied != self.fingerprint:
            tell_definitions(self.plan, self.tables)
        self.folder.note_applied(self.fingerprint)
        return changes

    @contextmanager
    def recorded(self, command: str, engine: str | None = None) -> Iterator[RunRecord]:
        """Do a job, and tell the lineage collector of it where there is one, once others may work."""
        record = None
        try:
            with self._recorded_alone(command, engine) as record:
                yield record
        except BaseException as failed:
            self.ended(record or RunRecord(command, self.fingerprint, engine), failed)
            raise
        else:
            self.ended(record, None)
        finally:
            if self.settings.openlineage_url is not None:
                self._export_lineage(self.settings.openlineage_url)

    def _export_lineage(self, url: str) -> None:
        from a360.operate._lineage_export import LineageExport  # noqa: PLC0415 -- few lakes have a collector

        key = self.settings.openlineage_api_key
        state = self.folder.path / "lineage-sent"
        LineageExport(url, state, key.get_secret_value() if key else None).send(self.tables)

    @contextmanager
    def _recorded_alone(self, command: str, engine: str | None) -> Iterator[RunRecord]:
        """Work alone in the lake, on tables as the contracts have them, and leave an account in `ops`."""
        with self.folder.working() as after_crash:
            # Looking at every table takes longer than most runs: it is done where the contracts have changed.
            if after_crash or self.folder.applied != self.fingerprint:
                self._apply()
            if after_crash:
                self._recover()
            record = RunRecord(command, self.fingerprint, engine, lake_plan=self.plan)
            try:
                yield record
            except A360Error as error:
                if isinstance(error, RuleBlockedError):
                    record.quality.extend(error.results)
                record.write(self.tables, error)
                self.tables.record()
                raise
            record.write(self.tables)
            self.tables.record()
            record_metrics(self.folder.path, self.tables)

    def _recover(self) -> None:
        """Mend what a process that died left: commits without record, batches without main commit."""
        self.tables.rebuild_record()
        # The lake is held alone, so that every batch begun before now is over.
        sweep_undone(self.plan, self.tables)
