"""The contracts of this repository: sound by our linter, and contracts to others' tools too."""

from pathlib import Path

import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from a360.contract import load_contracts, make_plan

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "contracts"
FILES = sorted(path for zone in ("bronze", "silver", "gold") for path in (FOLDER / zone).glob("*.yaml"))


def assert_loads_as_odcs(path: Path) -> None:
    """Load a contract with the reference package, and find in it what the file says."""
    contract = OpenDataContractStandard.from_file(str(path))
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert contract.id == said["id"]
    columns = contract.schema_[0].properties
    assert [column.name for column in columns] == [c["name"] for c in said["schema"][0]["properties"]]
    assert all(column.customProperties for column in columns)


def test_the_small_lake_loads_as_odcs(small_lake):
    """What our linter accepts, ids written in, the reference package loads."""
    for zone, name in (("silver", "patient"), ("silver", "encounter"), ("gold", "visits")):
        assert_loads_as_odcs(small_lake.folder / zone / f"{name}.yaml")


@pytest.mark.skipif(not FILES, reason="there are no contracts yet")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_every_contract_loads_as_odcs(path):
    """Every committed contract loads with the reference package of the standard."""
    assert_loads_as_odcs(path)


@pytest.mark.skipif(not (FOLDER / "lake.yaml").exists(), reason="there is no lake.yaml yet")
def test_the_contracts_have_no_faults():
    """The repository's own contracts are without fault, and a plan can be made of them."""
    contracts = load_contracts(FOLDER)
    assert make_plan(contracts).steps
    for name in contracts.environments:
        assert make_plan(contracts, name).environment == name
