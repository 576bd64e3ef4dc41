"""One lake with canaries in it for all attacks."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from guarded import guarded  # noqa: E402 - found on the path just set

from a360.contract import BudgetPlan  # noqa: E402 - likewise


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    """The lake, its gateway, and a budget that ends what takes long."""
    budgets = {
        "clinician": BudgetPlan(seconds=30, memory_bytes=128_000_000, result_rows=100_000),
        # Who asks for what has no end.
        "guest": BudgetPlan(
            seconds=0.8, memory_bytes=128_000_000, result_rows=100_000, result_bytes=20_000_000, concurrent=2
        ),
    }
    with guarded(tmp_path_factory.mktemp("attacked"), budgets=budgets) as made:
        yield made
