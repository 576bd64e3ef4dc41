"""Puts what tests of whole lakes share on the path, and gives their fixtures."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "lake", TESTS / "terminology"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from lake_fixtures import put  # noqa: E402, F401 - found on the path just set
from lakes import made_once  # noqa: E402
from terms import coded_contracts  # noqa: E402


@pytest.fixture(scope="session")
def coded(tmp_path_factory):
    """The contracts of a lake of patients and conditions, whose codes are looked up."""
    return made_once(tmp_path_factory, "coded-contracts", coded_contracts)
