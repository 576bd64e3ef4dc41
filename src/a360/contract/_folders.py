"""Where contracts lie."""

from pathlib import Path

from a360.errors import OperatorError

LAKE_FILE = "lake.yaml"

_DEFAULTS = Path(__file__).parents[1] / "_defaults" / "contracts"


def environments_folder(contracts: Path) -> Path:
    """Where the environments of a folder of contracts lie: beside it."""
    return contracts.parent / "environments"


def default_contracts() -> Path:
    """The folder of contracts to use where none is named: `./contracts`, else the copy that came along."""
    here = Path("contracts")
    if (here / LAKE_FILE).is_file():
        return here
    if (_DEFAULTS / LAKE_FILE).is_file():
        return _DEFAULTS
    checkout = Path(__file__).parents[3] / "contracts"
    if (checkout / LAKE_FILE).is_file():
        return checkout
    raise OperatorError(
        "input-missing",
        "There are no contracts",
        where=f"{here.resolve()} and {_DEFAULTS}",
        next_step="work in a folder with contracts/lake.yaml, or name one",
    )
