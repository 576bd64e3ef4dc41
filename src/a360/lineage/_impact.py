"""What pending changes of contracts would affect downstream, before they are applied."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from a360.contract import Finding, TableChange
from a360.lineage._graph import LakeLineage
from a360.lineage._model import DatasetLineage, Field, Use, united

# What changes the values, the form or the reach of a column; the rest changes how a table lies.
_OF_COLUMNS = frozenset({"drop", "rename", "widen", "type", "require", "relax", "sensitivity", "number"})
_OF_DATASETS = frozenset({"step", "key"})


@dataclass(frozen=True, slots=True)
class Impact:
    """One change, and every field downstream that can change with it, with how it uses what changes."""

    dataset: str
    column: str
    kind: str
    what: str
    affected: Mapping[Field, frozenset[Use]]

    @property
    def datasets(self) -> list[str]:
        """The datasets downstream that are affected."""
        return sorted({each.dataset for each in self.affected})

    def columns(self, dataset: str) -> list[Field]:
        """The affected columns of a dataset."""
        return sorted(each for each in self.affected if each.dataset == dataset)

    def to_json(self) -> dict[str, Any]:
        """The impact as JSON."""
        return {
            "dataset": self.dataset,
            "column": self.column or None,
            "kind": self.kind,
            "what": self.what,
            "affected": {
                dataset: {each.column: sorted(self.affected[each]) for each in self.columns(dataset)}
                for dataset in self.datasets
            },
        }


def impact_of(lineage: LakeLineage, changes: Iterable[TableChange]) -> list[Impact]:
    """The impact of each change that can show in what is made from a table; others have none."""
    found = []
    for change in changes:
        for finding in change.findings:
            fields = _changed(lineage, change.table, finding)
            if fields:
                affected = lineage.affected(fields)
                own = {each: uses for each, uses in affected.items() if each.dataset != change.table}
                found.append(Impact(change.table, finding.subject, finding.kind, finding.what, own))
    return found


def _changed(lineage: LakeLineage, table: str, finding: Finding) -> list[Field]:
    if finding.kind in _OF_DATASETS:
        return [Field(table, column) for column in lineage.fields(table)] if table in lineage.known else []
    return [Field(table, finding.subject)] if finding.kind in _OF_COLUMNS else []


def together(now: LakeLineage, before: Mapping[str, DatasetLineage]) -> LakeLineage:
    """The lineage of the contracts with that of the last runs, which alone knows what is dropped."""
    datasets = dict(now.datasets)
    for name, old in before.items():
        new = datasets.get(name)
        if new is None:
            continue
        columns = {
            column: united((new.columns.get(column, {}), old.columns.get(column, {})))
            for column in {**new.columns, **old.columns}
        }
        rows = united((new.rows, old.rows))
        datasets[name] = DatasetLineage(name, columns, rows, new.upstream, new.masked)
    return LakeLineage(datasets)
