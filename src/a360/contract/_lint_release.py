"""Checks of contracts against their last committed form.

`a360 plan` compares contracts with the tables of one lake. The ledger is compared without any lake, so that a
change that would break readers somewhere is found before it is merged.
"""

from collections.abc import Collection, Iterator

from a360.contract._diff import ActualColumn, ActualTable
from a360.contract._diff_columns import column_findings
from a360.contract._diff_marks import UNSETTLED, version_findings
from a360.contract._faults import Fault
from a360.contract._findings import Finding
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._marks import Marks, sensitivity_of
from a360.contract._plan import ColumnPlan, TablePlan
from a360.contract._release import Release, ReleasedColumn
from a360.contract._rulebook import key_of
from a360.contract._types import parse_type
from a360.contract._yaml import Loc

_INCOMPATIBLE = frozenset({"type", "key", "sensitivity"})
"""Kinds of change that no version makes possible: rows that are there would mean something else."""


def release_of(dataset: Dataset) -> Release | None:
    """A contract in the form the ledger keeps; none while it lacks ids, types or sensitivities."""
    table = _planned(dataset)
    if table is None:
        return None
    columns = tuple(
        ReleasedColumn(c.field_id, c.name, c.type, c.required, sensitivity_of(c)) for c in table.columns
    )
    key = tuple(table.column(name).field_id for name in table.key)
    return Release(table.version, key, columns)


def _planned(dataset: Dataset) -> TablePlan | None:
    columns = []
    for column in dataset.columns:
        own, type_ = column.a360, parse_type(column.physical_type)
        if own.field_id is None or own.sensitivity is None or type_ is None:
            return None
        columns.append(
            ColumnPlan(column.name, str(type_), column.required, own.field_id, own.sensitivity, own.token)
        )
    return TablePlan(
        dataset.contract.a360.zone,
        dataset.short,
        tuple(columns),
        key=key_of(dataset),
        format_version=dataset.contract.a360.format_version,
        version=dataset.contract.version,
        status=dataset.contract.status,
    )


def check_releases(contracts: LakeContracts, unsound: Collection[str]) -> Iterator[Fault]:
    """Every contract keeps what its last committed form promised, or has the version that says it does not.

    Files that have faults of their own are left out: what they would promise is not known.
    """
    for dataset in contracts.datasets.values():
        release = release_of(dataset)
        if dataset.source.label in unsound or release is None:
            continue
        faults = list(against(dataset, contracts.released.get(dataset.name)))
        if not faults and contracts.released.get(dataset.name) != release:
            message = f"the ledger does not have version {release.version} as it is here"
            fix = "run `a360 lint --fix`, and commit the ledger with the contract"
            faults = [dataset.fault("C409", message, "version", fix=fix)]
        yield from faults


def against(dataset: Dataset, release: Release | None) -> Iterator[Fault]:
    """What a contract breaks of its last committed form."""
    table = _planned(dataset)
    if table is None or release is None or dataset.contract.status in UNSETTLED:
        return
    findings = [
        finding
        for finding in column_findings(table, _actual(release), _marks(release), None)
        if finding.breaking
    ]
    for finding in findings:
        if finding.kind in _INCOMPATIBLE:
            yield dataset.fault("C407", finding.what, *_place(dataset, finding), fix=finding.instead)
    allowed = [finding for finding in findings if finding.kind not in _INCOMPATIBLE]
    for finding in version_findings(table, _marks(release), allowed):
        code = "C406" if finding.what.startswith("this breaks") else "C408"
        yield dataset.fault(code, finding.what, "version", fix=finding.instead)


def _place(dataset: Dataset, finding: Finding) -> Loc:
    return dataset.place(finding.subject) if finding.subject else COLUMNS


def _actual(release: Release) -> ActualTable:
    columns = tuple(ActualColumn(c.name, c.type, c.required, c.field_id) for c in release.columns)
    return ActualTable(columns, nulls=dict.fromkeys((c.field_id for c in columns), 0))


def _marks(release: Release) -> Marks:
    sensitivities = {column.field_id: column.sensitivity for column in release.columns}
    return Marks(version=release.version, key=release.key, columns=sensitivities)
