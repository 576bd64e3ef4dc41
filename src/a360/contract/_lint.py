"""Finds every fault of every file of a folder in one pass."""

from pathlib import Path

from a360.contract._load import LakeContracts, default_contracts, read_folder, require_no_faults


def load_contracts(folder: Path | str | None = None) -> LakeContracts:
    """The contracts of a folder, `default_contracts()` where none is named; raises if they have faults."""
    reading = read_folder(Path(folder) if folder is not None else default_contracts())
    require_no_faults(reading.faults, reading.contracts.folder)
    return reading.contracts
