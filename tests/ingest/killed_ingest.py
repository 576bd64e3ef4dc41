"""Ingests into a lake folder in a process of its own, which a fault test may kill.

Run by the fixture `ingest_apart`, which hands in FOLDER, PLAN, WORK and FAILPOINTS.
"""

import importlib.util
import os
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("ingest_lake", Path(__file__).with_name("conftest.py"))
support = importlib.util.module_from_spec(spec)
sys.modules["ingest_lake"] = support
spec.loader.exec_module(support)


def main(folder, plan, work, failpoints):
    """Call one method of the lake; the plan is the caller's, who has made it once for many processes."""
    os.environ["A360_FAILPOINTS"] = failpoints
    support.lake_plan = lambda: plan
    method, arguments, options = work
    with support.open_lake_folder(folder) as lake:
        getattr(lake, method)(*arguments, **options)


if __name__ == "__main__":
    main(FOLDER, PLAN, WORK, FAILPOINTS)  # noqa: F821 - handed in by the fixture
