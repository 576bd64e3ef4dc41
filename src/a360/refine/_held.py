"""Rows of changed keys that a run has read once, for each of its steps that wants them."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.contract import GoldStep
from a360.engine import quote_table
from a360.refine._changed import ChangedKeys
from a360.refine._context import RefineContext
from a360.refine._narrowed import columns_read


@dataclass(frozen=True, slots=True)
class _Held:
    """Rows of a dataset at a snapshot: those of the keys in a relation, by the columns of these."""

    relation: str
    columns: Sequence[str]
    snapshot_id: str | None
    keys: str
    of: Sequence[str]


class HeldRows:
    """Rows in temporary tables; the first step that wants some reads for `steps` after it besides."""

    def __init__(self, context: RefineContext, steps: Sequence[GoldStep]) -> None:
        self._context = context
        self._session = context.session
        self._steps = list(steps)
        self._held: dict[str, _Held] = {}

    def relation_of(self, step: GoldStep, keys: ChangedKeys, dataset: str, wanted: Sequence[str]) -> str:
        """A relation with the rows of a dataset that have one of the keys of a step."""
        name = f"changed_{step.dataset}_{dataset}".replace(".", "_")
        held = self._held.get(dataset)
        if held is not None and self._serves(held, step, keys, dataset, wanted):
            query = keys.result_of(f"SELECT * FROM {held.relation}", wanted)
        else:
            columns = self._wanted_later(step, dataset, wanted)
            query = keys.rows_of(quote_table(dataset), columns)
            now = self._context.tables.current_snapshot_id(dataset)
            self._held[dataset] = _Held(name, columns, now, self._kept(step, keys), step.refresh.columns)
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        return name

    def _kept(self, step: GoldStep, keys: ChangedKeys) -> str:
        name = f"keys_{step.dataset}".replace(".", "_")
        if all(held.keys != name for held in self._held.values()):
            keys.keep(name)
        return name

    def _serves(
        self, held: _Held, step: GoldStep, keys: ChangedKeys, dataset: str, wanted: Sequence[str]
    ) -> bool:
        return (
            held.of == step.refresh.columns
            and set(wanted) <= set(held.columns)
            and held.snapshot_id == self._context.tables.current_snapshot_id(dataset)
            and keys.are_among(held.keys)
        )

    def _wanted_later(self, step: GoldStep, dataset: str, wanted: Sequence[str]) -> list[str]:
        """What a step and those after it that are refreshed by the same columns want of a dataset."""
        columns = self._context.plan.table(dataset).column_names
        later = self._steps[self._steps.index(step) + 1 :] if step in self._steps else []
        names = set(wanted)
        for each in later:
            if each.refresh == step.refresh and dataset in each.upstream:
                names |= set(columns_read(each.sql, {dataset: columns})[dataset])
        return [name for name in columns if name in names]
