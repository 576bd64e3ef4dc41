"""What the room costs to import."""

import subprocess
import sys

HEAVY = ("pydantic", "yaml", "sqlglot", "pyarrow", "duckdb", "pyiceberg")


def loaded_after(code: str) -> set[str]:
    """The heavy packages a fresh interpreter has loaded after running the code."""
    report = f"{code}\nimport sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_plan_imports_nothing_heavy():
    """Rooms that only carry a plan out pay for neither pydantic nor YAML nor SQL."""
    assert (
        loaded_after("from a360.contract import LakePlan, TablePlan, RowRule, diff, iceberg_schema") == set()
    )


def test_reading_contracts_leaves_sql_aside_until_it_is_read():
    """sqlglot, which is slow to import, comes only with the first SQL."""
    assert "sqlglot" not in loaded_after("from a360.contract import load_contracts, make_plan, lint")
