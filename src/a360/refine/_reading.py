"""What the ways of reading a step's units share: rows resolved and judged alike, rejects kept alike."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from a360.catalog import CommitStamp
from a360.contract import SURVIVOR_COLUMN, RowRule, SilverStep, TablePlan
from a360.engine import quote_name, quote_text
from a360.quality import RuleResult
from a360.refine._contained import ContainedUnits
from a360.refine._context import RefineContext, ground_of
from a360.refine._judging import REUSED_FLAG, Judge
from a360.refine._lookups import Lookups, Targets
from a360.refine._payloads import CARRIED
from a360.refine._reader import reads_of
from a360.refine._reasons import Reasons
from a360.refine._rejects import Refusal, Rejects
from a360.refine._sealing import StepKey
from a360.refine._shape import SilverShape

_KEPT = ("source", "version_id", "last_updated", "known_at")


class Reading(ABC):
    """Makes `candidate`, typed and judged rows, and `rejected`, refused units, of the units of a step."""

    def __init__(
        self,
        context: RefineContext,
        step: SilverStep,
        shape: SilverShape,
        quarantine: TablePlan,
        commit_id: str,
    ) -> None:
        self._context = context
        self._session = context.session
        self._shape = shape
        self._ground = ground_of(step)
        self._commit_id = commit_id
        self._reads = reads_of(step)
        self._judge = Judge(context.session, step, shape)
        self._texts = StepKey(context.sealer)
        self._refusal = Refusal(step.dataset, commit_id, self._judge.verdicts, Reasons(step))
        self._rejects = Rejects(context, quarantine.dataset, self._refusal)
        self._targets = Targets(context, step, shape)

    @abstractmethod
    def read(self, contained: ContainedUnits) -> None:
        """Read all units, and those that lie in others."""

    @property
    def rules(self) -> tuple[RowRule, ...]:
        """The rules of a row, as verdicts number them."""
        return self._judge.verdicts.rules

    def results(self) -> list[RuleResult]:
        """What the row rules measured over all rows that the step read, refused ones included."""
        return self._judge.results()

    def abandon(self) -> None:
        """Forget what was sealed for rows of which none lands."""
        self._texts.abandon()

    def commit_rejects(self, stamp: CommitStamp) -> bool:
        """Append what was refused to the quarantine; whether there was any."""
        return self._rejects.commit(stamp)

    def _resolved_sql(self, rows: str, own: Sequence[str], lookups: Lookups) -> str:
        """SQL for rows as they are judged: their `own` columns and flags, keys, and housekeeping.

        `rows` names a relation of rows `v`; `own` is SQL over it.
        """
        shape = self._shape
        looked_up = [name for name in shape.table.column_names if name in {*shape.tokens, *shape.references}]
        columns = [
            "v.row_id",
            *own,
            *(f"{lookups.value_sql(name)} AS {quote_name(name)}" for name in looked_up),
            *(f"v.{name} AS {column}" for name, column in CARRIED.items() if column in _KEPT),
            f"{quote_text(self._commit_id)} AS commit_id",
            "FALSE AS deleted",
            f"{lookups.unresolved_sql()} AS unresolved_references",
        ]
        if shape.table.history:
            columns.append("TRUE AS is_current")
        if shape.is_replaceable:
            columns.append(f"{lookups.survivor_sql()} AS {SURVIVOR_COLUMN}")
        if shape.has_window:
            columns.append(f"coalesce(v.row_id IN (SELECT row_id FROM reused), FALSE) AS {REUSED_FLAG}")
        return f"SELECT {', '.join(columns)} FROM {rows} AS v {lookups.joins_sql()}"
