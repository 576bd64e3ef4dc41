"""The linter with what the rooms beside the contracts know: views that compile, sensitivity along lineage."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from a360.contract import Fault, FaultyContractsError, LakeContracts, model_faults
from a360.contract import lint as lint_contracts
from a360.fhir import ViewError, compile_view
from a360.lineage import sensitivity_faults
from a360.terminology import declared_faults


def lint(folder: Path | str | None = None) -> Sequence[Fault]:
    """Every fault of every file of a contracts' folder, views included, in one pass."""
    return lint_contracts(folder, _CHECKS)


def require_sound(contracts: LakeContracts) -> None:
    """Raise where contracts have faults that loading does not look for; tables are changed only after this.

    Raises:
        ContractError: `contract-invalid`.
    """
    faults = {fault for check in (model_faults, *_CHECKS) for fault in check(contracts)}
    if faults:
        raise FaultyContractsError(sorted(faults), str(contracts.folder))


def view_faults(contracts: LakeContracts) -> Iterator[Fault]:
    """What hinders a view from being compiled, or could stop a batch when it runs."""
    for view in contracts.views.values():
        try:
            definition = json.loads(view.text)
        except ValueError:
            continue  # C512 tells of it
        try:
            # The text that the plan has: whoever compiles it next in this process finds it analysed.
            compiled = compile_view(json.dumps(definition, ensure_ascii=False, separators=(",", ":")))
        except ViewError as error:
            for fault in error.faults:
                yield view.fault("C515", str(fault))
            continue
        for column in compiled.may_stop:
            yield view.fault(
                "C516",
                f"{column} has several values where an element repeats, which would stop the whole batch",
                fix="take one of them with first(), or join them with join(',')",
            )


_CHECKS = (view_faults, sensitivity_faults, declared_faults)
