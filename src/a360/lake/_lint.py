"""The linter with what the rooms beside the contracts know: views that compile, sensitivity along lineage."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from a360.contract import Fault, LakeContracts, load_contracts, model_faults
from a360.contract import lint as lint_contracts
from a360.fhir import check_view, compile_view
from a360.lineage import sensitivity_faults
from a360.terminology import declared_faults


def lint(folder: Path | str | None = None) -> Sequence[Fault]:
    """Every fault of every file of a contracts' folder, views included, in one pass."""
    return lint_contracts(folder, [view_faults, sensitivity_faults, declared_faults])


def require_sound(folder: Path, packs: Collection[str] = ()) -> None:
    """Raise where contracts have faults that loading does not look for; tables are changed only after this.

    Raises:
        ContractError: `contract-invalid`.
    """
    load_contracts(folder, [model_faults, view_faults, sensitivity_faults, declared_faults], packs)


def view_faults(contracts: LakeContracts) -> Iterator[Fault]:
    """What hinders a view from being compiled, or could stop a batch when it runs."""
    for view in contracts.views.values():
        try:
            definition = json.loads(view.text)
        except ValueError:
            continue  # C512 tells of it
        faults = check_view(definition)
        for fault in faults:
            yield view.fault("C515", str(fault))
        if not faults:
            for column in compile_view(definition).may_stop:
                yield view.fault(
                    "C516",
                    f"{column} has several values where an element repeats, which would stop the whole batch",
                    fix="take one of them with first(), or join them with join(',')",
                )
