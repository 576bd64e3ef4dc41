"""Finds every fault of every file of a folder in one pass."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from a360.contract._faults import Fault
from a360.contract._folders import default_contracts
from a360.contract._lint_dataset import check_datasets
from a360.contract._lint_disclosure import check_disclosures
from a360.contract._lint_features import check_features
from a360.contract._lint_fields import check_stray_fields
from a360.contract._lint_ids import check_ids
from a360.contract._lint_links import check_files_used, check_relationships, check_views
from a360.contract._lint_policy import check_policy
from a360.contract._lint_records import check_records
from a360.contract._lint_release import check_releases
from a360.contract._lint_seals import check_seals
from a360.contract._lint_tags import check_shares, check_tags
from a360.contract._lint_tokens import check_tokens
from a360.contract._load import LakeContracts, read_folder, require_no_faults
from a360.contract._rulebook import rulebook

type Check = Callable[[LakeContracts], Iterable[Fault]]
"""A further check: looks at all contracts that can be read, and reports what it finds."""


def _check_rules(contracts: LakeContracts) -> Iterator[Fault]:
    for dataset in contracts.datasets.values():
        yield from rulebook(contracts, dataset).faults


def _check_sql(contracts: LakeContracts) -> Iterator[Fault]:
    from a360.contract import _lint_sql  # noqa: PLC0415 - sqlglot is slow to import

    yield from _lint_sql.check_models(contracts)
    yield from _lint_sql.check_rule_sql(contracts)
    yield from _lint_sql.check_filters(contracts)


def model_faults(contracts: LakeContracts) -> Iterator[Fault]:
    """What is wrong inside of models: names, types, and what engines read differently.

    This takes as long as all other checks together, so that loading leaves it to `lint` and to `apply`.
    """
    from a360.contract import _lint_models  # noqa: PLC0415 - as above

    yield from _lint_models.check_models(contracts)


_CHECKS: tuple[Check, ...] = (
    check_datasets,
    check_tags,
    check_policy,
    check_shares,
    check_ids,
    check_relationships,
    check_views,
    check_files_used,
    check_tokens,
    check_seals,
    check_disclosures,
    check_features,
    check_records,
    check_stray_fields,
    _check_rules,
    _check_sql,
)


def lint(folder: Path | str | None = None, extra_checks: Sequence[Check] = ()) -> list[Fault]:
    """Every fault of every file of a folder, sorted by file and line; none means the plan can be made.

    What cannot be read is reported and left out of the further checks, the extra ones included. Contracts are
    also held to what the ledger says they promised; `load_contracts` leaves that to the plan, which knows the
    tables of a lake.
    """
    contracts, faults = examine(folder, (model_faults, *extra_checks), packs=None)
    unsound = {fault.file for fault in faults}
    return sorted({*faults, *check_releases(contracts, unsound)})


def load_contracts(folder: Path | str | None = None, packs: Collection[str] = ()) -> LakeContracts:
    """The contracts of a folder, `default_contracts()` where none is named; raises if they have faults.

    `packs` are chosen beside those of `lake.yaml`.
    """
    contracts, faults = examine(folder, packs=packs)
    require_no_faults(faults, contracts.folder)
    return contracts


def examine(
    folder: Path | str | None, extra_checks: Sequence[Check] = (), packs: Collection[str] | None = ()
) -> tuple[LakeContracts, list[Fault]]:
    """What can be read of a folder, and every fault but those against the ledger's releases.

    With None for `packs`, every pack of the folder is looked at, chosen or not.
    """
    reading = read_folder(Path(folder) if folder is not None else default_contracts(), packs)
    faults = set(reading.faults)
    for check in (*_CHECKS, *extra_checks):
        faults.update(check(reading.contracts))
    return reading.contracts, sorted(faults)
